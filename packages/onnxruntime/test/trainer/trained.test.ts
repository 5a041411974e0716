// What of a model is trained: parameters, frozen ones, and the running statistics of
// normalizations.
import { readFileSync } from 'node:fs'
import * as ort from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import {
  createTrainer,
  dataOf,
  decodeModel,
  sgd,
  softmaxCrossEntropy,
  type Trainer,
} from '../../src/index.ts'
import { modest } from '../sessions.ts'
import { close, data } from './regression.ts'

const sessionOptions = modest
const residual = new Uint8Array(readFileSync(new URL('../models/residual.onnx', import.meta.url)))

describe('what is trained', () => {
  const options = {
    ort,
    model: residual,
    optimizer: sgd({ lr: 0.1 }),
    loss: softmaxCrossEntropy(),
    sessionOptions,
  }
  const images = {
    image: Float32Array.from({ length: 4 * 84 }, (_, i) => Math.sin(i)),
    target: [0, 2, 1, 1],
  }
  const changed = async (trainer: Trainer) => {
    const before = new Map(
      decodeModel(residual).graph?.initializer?.map((each) => [each.name, dataOf(each)]),
    )
    const after = decodeModel(await trainer.exportModel()).graph?.initializer ?? []
    return after
      .flatMap((each) =>
        data({ data: dataOf(each) }).join() === before.get(each.name)?.join() ? [] : [each.name],
      )
      .sort()
  }

  it('is everything, and the statistics of normalizations move', async () => {
    const trainer = await createTrainer(options)
    await trainer.step(images)
    const all = decodeModel(residual).graph?.initializer?.map(({ name }) => name)
    expect(await changed(trainer)).toEqual(all?.sort())
    expect(Object.keys((await trainer.save()).tensors)).toContain('statistic/norm1.running_var')
    await trainer.dispose()
  })

  it('is what is left by `frozen`; a frozen normalization keeps its statistics', async () => {
    const trainer = await createTrainer({
      ...options,
      frozen: (name) => !name.startsWith('head') && !name.startsWith('norm2'),
    })
    await trainer.step(images)
    expect(await changed(trainer)).toEqual(
      [
        'head.bias',
        'head.weight',
        'norm2.bias',
        'norm2.running_mean',
        'norm2.running_var',
        'norm2.weight',
      ].sort(),
    )
    await trainer.dispose()
  })

  it('continues with the statistics of a checkpoint, and refuses one without', async () => {
    const trainer = await createTrainer(options)
    await trainer.step(images)
    const checkpoint = await trainer.save()
    const expected = [await trainer.step(images), (await trainer.evaluate(images)).loss]
    const other = await createTrainer(options)
    const { 'statistic/norm1.running_var': _, ...tensors } = checkpoint.tensors
    await expect(other.load({ ...checkpoint, tensors })).rejects.toThrow(
      /has nothing as "statistic\/norm1.running_var"/,
    )
    expect(other.steps).toBe(0)
    await other.load(checkpoint)
    expect([await other.step(images), (await other.evaluate(images)).loss]).toEqual(expected)
    await Promise.all([trainer.dispose(), other.dispose()])
  })

  it('evaluates and exports with running statistics, as inference does', async () => {
    const trainer = await createTrainer(options)
    for (let k = 0; k < 3; k++) await trainer.step(images)
    const { outputs, loss } = await trainer.evaluate(images)
    const session = await ort.InferenceSession.create(await trainer.exportModel())
    const exported = await session.run({
      image: new ort.Tensor('float32', images.image, [4, 2, 6, 7]),
    })
    close(data(outputs.output), data(exported.output))
    const wanted =
      images.target
        .map((label, i) => -data(exported.output)[3 * i + label])
        .reduce((sum, each) => sum + each) / 4
    expect(loss).toBeCloseTo(wanted, 5)
    expect((await trainer.evaluate({ image: images.image })).loss).toBeUndefined()
    await Promise.all([trainer.dispose(), session.release()])
  })
})
