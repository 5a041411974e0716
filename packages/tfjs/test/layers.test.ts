import * as tf from '@tensorflow/tfjs-core'
import type * as tfl from '@tensorflow/tfjs-layers'
import { afterEach, expect, test } from 'vitest'
import {
  adam,
  averaged,
  cosine,
  dog,
  type FreestepOptimizer,
  logScalars,
  momo,
  prodigy,
  type ScalarRecord,
} from '../src/index.ts'
import { held, onEachBackend, onEachWay, start } from './backends.ts'
import { data, loaded, losses, perceptron, recurrent, saved, sequences } from './models.ts'

afterEach(() => tf.disposeVariables())

const optimizers: Record<string, (run: { readonly fused: boolean }) => FreestepOptimizer> = {
  prodigy: (run) => prodigy({ weightDecay: 0.1, useBiasCorrection: true, ...run }),
  'prodigy, sliced': (run) => prodigy({ sliceP: 3, growthRate: 2, ...run }),
  'prodigy with a schedule': (run) =>
    prodigy({ lr: cosine({ steps: 30, warmup: 3 }), safeguardWarmup: true, ...run }),
  dog: (run) => dog(run),
  momo: (run) => momo(run),
  adam: (run) => adam({ lr: 0.01, ...run }),
  'averaged(dog)': (run) => averaged(dog({ repsRel: 1e-4, ...run }), { gamma: 3 }),
}

onEachWay('models', (backend, fused) => {
  test.each(Object.entries(optimizers))(
    '%s: compile, fit, save, load: as if never interrupted, the first model alive',
    async (_, make) => {
      const whole = perceptron(make({ fused }))
      const uninterrupted = [...(await losses(whole, 3)), ...(await losses(whole, 3))]
      expect(uninterrupted[5]).toBeLessThan(uninterrupted[0])

      const first = perceptron(make({ fused }))
      const early = await losses(first, 3)
      const artifacts = await saved(first)
      const second = await loaded(artifacts)
      expect(second.optimizer.getClassName()).toBe(first.optimizer.getClassName())
      expect(second.optimizer.getConfig()).toEqual(first.optimizer.getConfig())
      expect(await (second.optimizer as FreestepOptimizer).scalars()).toMatchObject(
        Object.fromEntries(
          Object.entries(await (first.optimizer as FreestepOptimizer).scalars()).filter(
            ([name]) => !name.includes('/'),
          ),
        ),
      )
      const late = await losses(second, 3)
      expect([...early, ...late]).toEqual(uninterrupted)
      expect((second.optimizer as FreestepOptimizer).iterations).toBe(24)
      expect((second.optimizer as FreestepOptimizer).execution).toEqual({ backend, fused })

      // Once more from the same artifacts, through a model that was loaded and saved before its
      // first step.
      const third = await loaded(await saved(await loaded(artifacts)))
      // And on from there, interrupted after every epoch.
      const chain = [third]
      for (const loss of late) {
        const model = chain.at(-1) as tfl.LayersModel
        expect(await losses(model, 1)).toEqual([loss])
        chain.push(await loaded(await saved(model)))
      }
      for (const model of [whole, first, second, ...chain]) {
        model.optimizer.dispose()
        model.dispose()
      }
    },
  )

  test('training, saving and loading leave nothing behind', async () => {
    const before = held()
    const model = perceptron(prodigy({ fused }))
    await losses(model, 1)
    const warm = held()
    await losses(model, 2)
    await saved(model)
    await losses(model, 1)
    expect(held()).toEqual(warm)
    const second = await loaded(await saved(model))
    await losses(second, 1)
    second.optimizer.dispose()
    second.dispose()
    model.optimizer.dispose()
    model.dispose()
    expect(held()).toEqual(before)
  })

  test('fitDataset does what fit does', async () => {
    const one = perceptron(prodigy({ fused }))
    const expected = await losses(one, 3)
    const two = perceptron(prodigy({ fused }))
    const { xs, ys } = data()
    const batches = [0, 4, 8, 12].map((at) => ({
      xs: tf.slice(xs, at, 4),
      ys: tf.slice(ys, at, 4),
    }))
    const dataset = {
      size: 4,
      iterator: async () => {
        let i = 0
        const next = async () => {
          const batch = batches[i++]
          return batch
            ? { value: { xs: tf.clone(batch.xs), ys: tf.clone(batch.ys) }, done: false }
            : { value: null, done: true }
        }
        return { next }
      },
    }
    await two.fitDataset(dataset as never, { epochs: 1, verbose: 0 })
    const warm = held()
    const { history } = await two.fitDataset(dataset as never, { epochs: 2, verbose: 0 })
    expect(held()).toEqual(warm)
    expect(history.loss).toHaveLength(2)
    for (const [i, loss] of (history.loss as number[]).entries())
      expect(loss).toBeCloseTo(expected[i + 1], 5)
    expect((two.optimizer as FreestepOptimizer).iterations).toBe(12)
    for (const model of [one, two]) model.optimizer.dispose()
  })
})

onEachBackend('fused and eager', () => {
  const histories = async (
    build: (optimizer: FreestepOptimizer) => tfl.Sequential,
    inputs: { xs: tf.Tensor; ys: tf.Tensor },
    d0: number,
  ) => {
    const all: number[][] = []
    for (const fused of [true, false]) {
      const model = build(prodigy({ d0, fused }))
      const { history } = await model.fit(inputs.xs, inputs.ys, {
        epochs: 2,
        batchSize: 4,
        shuffle: false,
        verbose: 0,
      })
      expect((model.optimizer as FreestepOptimizer).execution?.fused).toBe(fused)
      all.push(history.loss as number[])
      model.optimizer.dispose()
      model.dispose()
    }
    tf.dispose([inputs.xs, inputs.ys])
    return all
  }

  test.each([
    ['a perceptron', perceptron, data, 1e-3],
    ['a recurrent classifier', recurrent, sequences, 1e-4],
  ] as const)('two epochs of %s have the same losses', async (_, build, inputs, d0) => {
    const [fused, eager] = await histories(build, inputs(), d0)
    expect(eager[1]).toBeLessThan(eager[0])
    for (const [i, loss] of fused.entries()) expect(Math.abs(loss - eager[i])).toBeLessThan(1e-4)
  })
})

test('logScalars puts d into the history and the records without waiting for a step', async () => {
  await start('cpu')
  const optimizer = prodigy({ lr: cosine({ steps: 100 }) })
  const model = perceptron(optimizer)
  const { xs, ys } = data()
  const seen: ScalarRecord[] = []
  const batches: unknown[] = []
  const log = logScalars(optimizer, {
    every: 3,
    onRecord: (record) => seen.push(record),
    batches: true,
  })
  const callbacks = [
    log,
    { onBatchEnd: async (_: number, logs?: tfl.Logs) => void batches.push(logs?.lr·d) },
  ]
  const { history } = await model.fit(xs, ys, { epochs: 3, batchSize: 4, verbose: 0, callbacks })
  expect(history.d).toHaveLength(3)
  expect(history.d[2]).toBe((await optimizer.scalars()).d)
  expect(log.records.map(({ step }) => step)).toEqual([3, 4, 6, 8, 9, 12])
  expect(seen).toEqual(log.records)
  for (const { step, d, lr·d: lrd } of log.records)
    expect(lrd).toBe(cosine({ steps: 100 })(step - 1) * d)
  expect(batches.filter((value) => typeof value === 'number').length).toBeGreaterThan(6)
  expect(Object.keys(history)).toEqual(expect.arrayContaining(['loss', 'd', 'dHat', 'r', 'lr·d']))
  await model.fit(xs, ys, { epochs: 1, batchSize: 4, verbose: 0 })
  expect(log.records).toHaveLength(6)
  tf.dispose([xs, ys])
})
