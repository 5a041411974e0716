import { cpu } from '@freestep/cpu'
import * as ort from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import {
  type Algorithm,
  adam,
  averaged,
  createOptimizer,
  createTrainer,
  dadaptAdam,
  dataOf,
  decodeModel,
  dog,
  encodeModel,
  fromSafetensors,
  gradient,
  linear,
  momo,
  prodigy,
  scheduleFree,
  sgd,
  type Trainer,
  toSafetensors,
} from '../../src/index.ts'
import { modest } from '../sessions.ts'
import { batch, close, data, network } from './regression.ts'

const sessionOptions = modest
const algorithms: readonly (readonly [string, () => Algorithm])[] = [
  ['prodigy', () => prodigy()],
  [
    'prodigy with decay and warm-up',
    () =>
      prodigy({ weightDecay: 0.1, safeguardWarmup: true, lr: linear({ steps: 40, warmup: 5 }) }),
  ],
  ['dog', () => dog()],
  ['dadaptAdam', () => dadaptAdam()],
  ['momo, which uses the loss', () => momo()],
  ['schedule-free adam', () => scheduleFree(adam({ lr: 0.01 }))],
  ['averaged dog', () => averaged(dog())],
]

const train = async (trainer: Trainer, steps: number, from = 0) => {
  const losses: number[] = []
  for (let k = from; k < from + steps; k++) losses.push(await trainer.step(batch(k)))
  return losses
}

describe.each(algorithms)('%s', (_, algorithm) => {
  it('steps in one graph as packages/cpu does from gradients', async () => {
    const options = { ort, model: network, loss: 'loss', sessionOptions }
    const fused = await createTrainer({ ...options, optimizer: algorithm() })
    const apart = await createTrainer({ ...options, optimizer: algorithm(), fused: false })
    const losses = await train(fused, 25)
    expect(await train(apart, 25)).toEqual(losses.map((each) => expect.closeTo(each, 5)))

    const {
      model: differentiated,
      parameters,
      gradients,
      loss,
    } = gradient(network, { loss: 'loss' })
    const session = await ort.InferenceSession.create(
      encodeModel(differentiated),
      modest as ort.InferenceSession.SessionOptions,
    )
    const params = Object.fromEntries(
      Object.entries(parameters).map(([name, each]) => [
        name,
        dataOf(each).slice() as Float32Array,
      ]),
    )
    const reference = await createOptimizer(algorithm(), params, await cpu())
    for (let k = 0; k < 25; k++) {
      const { x, t } = batch(k)
      const weights = Object.entries(params).map(([name, each]) => [
        name,
        new ort.Tensor('float32', each.slice(), parameters[name].dims),
      ])
      const results = await session.run({
        ...Object.fromEntries(weights),
        x: new ort.Tensor('float32', x, [16, 3]),
        t: new ort.Tensor('float32', t, [16, 1]),
      })
      expect(losses[k]).toBeCloseTo(data(results[loss])[0], 5)
      const given = Object.entries(gradients).map(([name, output]) => [
        name,
        results[output].data as Float32Array,
      ])
      reference.step(Object.fromEntries(given), { loss: data(results[loss])[0] })
    }
    for (const [name, expected] of Object.entries(params)) {
      const scale = Math.max(...expected.map(Math.abs))
      data(fused.params[name]).forEach(
        (each, i) => void expect(Math.abs(each - expected[i]) / scale).toBeLessThan(1e-4),
      )
    }
    expect(fused.steps).toBe(25)
    const [ours, theirs] = [await fused.scalars(), await reference.scalars()]
    for (const [name, value] of Object.entries(theirs))
      expect(ours[name] / (value || 1)).toBeCloseTo(value ? 1 : 0, 3)

    // What is exported is the point to evaluate at, and computes what evaluate says.
    const exported = await ort.InferenceSession.create(await fused.exportModel())
    const feeds = {
      x: new ort.Tensor('float32', batch(0).x, [16, 3]),
      t: new ort.Tensor('float32', batch(0).t, [16, 1]),
    }
    const evaluation = await fused.evaluate(batch(0))
    const outputs = await exported.run(feeds)
    close(data(evaluation.outputs.y), data(outputs.y))
    expect(evaluation.loss).toBeCloseTo(data(outputs.loss)[0], 5)
    await Promise.all([fused.dispose(), apart.dispose(), session.release(), exported.release()])
    reference.dispose()
  })

  it('continues bit for bit from a checkpoint', async () => {
    const options = { ort, model: network, loss: 'loss', sessionOptions }
    const trainer = await createTrainer({ ...options, optimizer: algorithm() })
    await train(trainer, 7)
    const saved = toSafetensors(await trainer.save())
    const expected = await train(trainer, 6, 7)
    const other = await createTrainer({ ...options, optimizer: algorithm() })
    await other.load(fromSafetensors(saved))
    expect(other.steps).toBe(7)
    expect(await train(other, 6, 7)).toEqual(expected)
    await Promise.all([trainer.dispose(), other.dispose()])
  })
})

describe('groups', () => {
  it('have options of their own, and with splitGroups estimates of their own', async () => {
    const options = { ort, model: network, loss: 'loss', optimizer: prodigy(), sessionOptions }
    const groups = [{ params: ['b'], lr: 0.5 }]
    const together = await createTrainer({ ...options, groups })
    const split = await createTrainer({ ...options, groups, splitGroups: true })
    await train(together, 5)
    await train(split, 5)
    expect(Object.keys(await together.scalars())).toContain('d')
    expect(Object.keys(await split.scalars())).toEqual(expect.arrayContaining(['d/W', 'd/b']))
    await expect(
      createTrainer({ ...options, groups, splitGroups: true, fused: true }),
    ).rejects.toThrow(/With splitGroups/)
    await Promise.all([together.dispose(), split.dispose()])
  })
})

describe('learning rates of 0', () => {
  it('let nothing change, and the loss be known', async () => {
    const trainer = await createTrainer({
      ort,
      model: network,
      loss: 'loss',
      optimizer: sgd({ lr: (k) => (k < 2 ? 0.1 : 0) }),
      sessionOptions,
    })
    await train(trainer, 2)
    const { loss } = await trainer.evaluate(batch(0))
    expect(await trainer.step(batch(0))).toBe(loss)
    expect(await trainer.step(batch(0))).toBe(loss)
    await trainer.dispose()
  })

  it('freeze a group for as long as they last', async () => {
    const groups = [{ params: ['W'], lr: (k: number) => (k < 2 ? 0 : 0.1) }]
    const trainer = await createTrainer({
      ort,
      model: network,
      loss: 'loss',
      optimizer: sgd({ lr: 0.1 }),
      groups,
      sessionOptions,
    })
    const W = data(trainer.params.W)
    await train(trainer, 2)
    expect(data(trainer.params.W)).toEqual(W)
    await train(trainer, 1, 2)
    expect(data(trainer.params.W)).not.toEqual(W)
    await trainer.dispose()
  })
})

describe('models of earlier operator sets', () => {
  it.each([13, 15])('opset %d is trained by later operators', async (version) => {
    const older = { ...network, irVersion: 7, opsetImport: [{ domain: 'ai.onnx', version }] }
    const [one, other] = [older, network].map((each) =>
      createTrainer({ ort, model: each, loss: 'loss', optimizer: prodigy(), sessionOptions }),
    )
    expect(await train(await one, 3)).toEqual(await train(await other, 3))
    expect(decodeModel(await (await one).exportModel()).opsetImport).toEqual([
      { domain: 'ai.onnx', version },
    ])
    await Promise.all([(await one).dispose(), (await other).dispose()])
  })
})

describe('steps', () => {
  it('that are not waited for are taken in order', async () => {
    const options = { ort, model: network, loss: 'loss', sessionOptions }
    const one = await createTrainer({ ...options, optimizer: prodigy() })
    const other = await createTrainer({ ...options, optimizer: prodigy() })
    const expected = await train(one, 4)
    const all = [0, 1, 2, 3].map((k) => other.step(batch(k), { read: k > 1 }))
    expect(await Promise.all(all)).toEqual([Number.NaN, Number.NaN, ...expected.slice(2)])
    await Promise.all([one.dispose(), other.dispose()])
  })

  it.each([true, false])(
    'that wait see the batch as it was when they were asked for (fused: %s)',
    async (fused) => {
      const options = {
        ort,
        model: network,
        loss: 'loss',
        fused,
        optimizer: prodigy(),
        sessionOptions,
      }
      const [one, other] = await Promise.all([createTrainer(options), createTrainer(options)])
      const expected = await train(one, 3)
      const { loss } = await one.evaluate(batch(3))
      // One tensor and one array, refilled for each step while those before are under way, and
      // spoiled in the end.
      const dims = [16, 3]
      const [x, t] = [new Float32Array(48), new Float32Array(16)]
      const given = { x: new ort.Tensor('float32', x, dims), t }
      const refilled = (k: number) => {
        x.set(batch(k).x)
        t.set(batch(k).t)
        return given
      }
      const steps = [0, 1, 2].map((k) => other.step(refilled(k)))
      const evaluation = other.evaluate(refilled(3))
      x.fill(Number.NaN)
      t.fill(Number.NaN)
      expect(await Promise.all(steps)).toEqual(expected)
      expect((await evaluation).loss).toBe(loss)
      await Promise.all([one.dispose(), other.dispose()])
    },
  )

  it('take batches of any size', async () => {
    const trainer = await createTrainer({
      ort,
      model: network,
      loss: 'loss',
      optimizer: prodigy(),
      sessionOptions,
    })
    for (const n of [16, 3, 1])
      await trainer.step({ x: batch(0).x.subarray(0, 3 * n), t: batch(0).t.subarray(0, n) })
    expect(trainer.steps).toBe(3)
    await trainer.dispose()
  })
})
