/** Two copies of TensorFlow.js in one program: real ones, the packages loaded a second time. */
import { createRequire } from 'node:module'
import * as tf from '@tensorflow/tfjs-core'
import type * as tfl from '@tensorflow/tfjs-layers'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { start } from './backends.ts'

type Copy = typeof tf & typeof tfl

const { cache, resolve } = createRequire(import.meta.url)
const load = createRequire(import.meta.url)

/**
 * Loads tfjs again. With a global object of its own (as in an iframe, or where a `window` appears
 * later) it has an engine of its own.
 */
async function copy(ownGlobal: boolean): Promise<Copy> {
  for (const file of Object.keys(cache)) if (file.includes('@tensorflow')) delete cache[file]
  const space = globalThis as { window?: object }
  if (ownGlobal) space.window = {}
  try {
    const core: typeof tf = load('@tensorflow/tfjs-core')
    const layers: typeof tfl = load('@tensorflow/tfjs-layers')
    load('@tensorflow/tfjs-backend-cpu')
    await core.setBackend('cpu')
    return { ...core, ...layers } as Copy
  } finally {
    delete space.window
  }
}

let fresh: typeof import('../src/index.ts')
let warn: ReturnType<typeof vi.spyOn>
beforeEach(async () => {
  await start('cpu')
  vi.resetModules()
  fresh = await import('../src/index.ts')
  warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
})
afterEach(() => vi.restoreAllMocks())

const warnings = () =>
  (warn.mock.calls as string[][])
    .map(([text]) => text)
    .filter((text) => text.startsWith('[freestep'))

test('this test loads the file that the package itself imports', () => {
  expect(Object.keys(cache)).toContain(resolve('@tensorflow/tfjs-core'))
})

test('one copy is no reason for a warning', () => {
  const own = tf.variable(tf.tensor1d([1, 2]))
  const optimizer = fresh.sgd({ lr: 1 })
  optimizer.applyGradients({ [own.name]: [1, 1] })
  expect(warnings()).toEqual([])
  optimizer.dispose()
  own.dispose()
})

test('copies with an engine each: variables, gradients, objectives and models of the other one are refused, and it is said why', async () => {
  const other = await copy(true)
  expect(other.engine()).not.toBe(tf.engine())
  const own = tf.variable(tf.tensor1d([1, 2]), true, 'copies/own')
  const theirs = other.variable(other.tensor1d([1, 2]), true, 'copies/theirs')
  const optimizer = fresh.prodigy()
  const why = (what: string) =>
    new RegExp(
      `${what} is of another copy of TensorFlow\\.js than the one that @freestep/tfjs imports \\(4\\..*Have everything use one version of @tensorflow/tfjs-core: "npm ls`,
    )
  expect(() => optimizer.applyGradients({ [theirs.name]: other.tensor1d([1, 1]) })).toThrow(
    why('the gradient of copies/theirs'),
  )
  expect(() => optimizer.applyGradients({ [own.name]: other.tensor1d([1, 1]) })).toThrow(
    why('the gradient of copies/own'),
  )
  expect(() => optimizer.applyGradients({ [own.name]: [1, 1] }, { loss: other.scalar(1) })).toThrow(
    why('the loss'),
  )
  const f = () => other.sum(other.square(theirs)) as tf.Scalar
  expect(() => optimizer.minimize(f, false, [theirs])).toThrow(why('copies/theirs'))
  expect(() => optimizer.minimize(f)).toThrow(why('the value of the objective'))
  own.dispose()
  expect(() => optimizer.minimize(f)).toThrow(why('the value of the objective'))

  const model = other.sequential({
    layers: [other.layers.dense({ units: 1, inputShape: [2], name: 'copies' })],
  })
  model.compile({ optimizer, loss: 'meanSquaredError' })
  const fit = model.fit(other.ones([4, 2]), other.zeros([4, 1]), { epochs: 1, verbose: 0 })
  await expect(fit).rejects.toThrow(why('copies/kernel'))
  expect(optimizer.iterations).toBe(0)
  expect(warnings()).toEqual([])

  // Their own copy, handed in, is another matter.
  const { createOptimizerSync, sgd } = await import('@freestep/core')
  const plain = createOptimizerSync(sgd({ lr: 1 }), { w: theirs }, fresh.tfjs({ tf: other }))
  plain.step({ w: other.tensor1d([1, 1]) })
  expect(Array.from(theirs.dataSync())).toEqual([0, 1])
  plain.dispose()
})

test('copies that share an engine train together; that saved models are not found by the other one is said once', async () => {
  const other = await copy(false)
  expect(other.engine()).toBe(tf.engine())
  const model = other.sequential({ layers: [other.layers.dense({ units: 1, inputShape: [2] })] })
  const optimizer = fresh.prodigy({ d0: 1e-2 })
  model.compile({ optimizer, loss: 'meanSquaredError' })
  const { history } = await model.fit(other.ones([4, 2]), other.fill([4, 1], 3), {
    epochs: 20,
    verbose: 0,
  })
  expect(Number(history.loss[19])).toBeLessThan(Number(history.loss[0]))
  expect(optimizer.execution).toEqual({ backend: 'cpu', fused: true })
  expect(warnings()).toHaveLength(1)
  expect(warnings()[0]).toMatch(
    /more than one copy of TensorFlow\.js.*does not find the optimizer it was saved with\. Have everything use one/,
  )

  let artifacts: tf.io.ModelArtifacts = {}
  const handler = tf.io.withSaveHandler(async (given) => {
    artifacts = given
    return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } }
  })
  await model.save(handler, { includeOptimizer: true })
  // What the warning is about.
  await expect(other.loadLayersModel(tf.io.fromMemory(artifacts))).rejects.toThrow(
    /freestep\/prodigy/,
  )
})
