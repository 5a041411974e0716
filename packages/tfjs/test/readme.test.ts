/** What README.md shows, as written there. */
import { createOptimizer, prodigy as definition } from '@freestep/core'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import {
  averaged,
  clipByGlobalNorm,
  cosine,
  dog,
  fromSafetensors,
  logScalars,
  prodigy,
  tfjs,
  toSafetensors,
} from '../src/index.ts'
import { start } from './backends.ts'
import { data, perceptron } from './models.ts'

test('the examples run', async () => {
  await start('cpu')
  const { xs, ys } = data()
  for (const optimizer of [
    prodigy(),
    prodigy({ weightDecay: 0.1, lr: cosine({ steps: 5000, warmup: 100 }) }),
    prodigy({ groups: [{ params: (name) => name.endsWith('bias'), weightDecay: 0 }] }),
    clipByGlobalNorm(1, prodigy()),
    averaged(dog()),
  ]) {
    const model = perceptron(optimizer)
    const log = logScalars(optimizer, { every: 10 })
    const { history } = await model.fit(xs, ys, {
      epochs: 3,
      batchSize: 4,
      verbose: 0,
      callbacks: log,
    })
    expect(history.loss.at(-1)).toBeLessThan(Number(history.loss[0]))
    expect(log.records.length).toBeGreaterThan(0)
    const at = await optimizer.evaluating(() => model.evaluate(xs, ys) as tf.Scalar)
    expect(at.dataSync()[0]).toBeGreaterThan(0)

    const bytes = toSafetensors(await optimizer.save())
    await optimizer.load(fromSafetensors(bytes))
    expect(toSafetensors(await optimizer.save())).toEqual(bytes)
    await model.fit(xs, ys, { epochs: 1, verbose: 0 })
    optimizer.dispose()
  }

  const variable = tf.variable(tf.tensor1d([1, 2]))
  const bare = await createOptimizer(definition(), { w: variable }, tfjs())
  bare.step({ w: tf.tensor1d([1, 1]) })
  expect(bare.steps).toBe(1)
})
