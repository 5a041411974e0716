import { sgd as coreSgd, createOptimizerSync } from '@freestep/core'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type FreestepOptimizer, polyak, prodigy, skipNonFinite, tfjs } from '../src/index.ts'
import { held, start } from './backends.ts'

let a: tf.Variable
let b: tf.Variable
let optimizer: FreestepOptimizer
beforeEach(async () => {
  await start('cpu')
  a = tf.tidy(() => tf.variable(tf.tensor2d([[1, 2]]), true, 'layer/kernel'))
  b = tf.tidy(() => tf.variable(tf.scalar(3), true, 'layer/bias'))
  optimizer = prodigy()
})
afterEach(() => {
  optimizer.dispose()
  tf.disposeVariables()
})

const good = (): tf.NamedTensorMap => ({
  'layer/kernel': tf.ones([1, 2]),
  'layer/bias': tf.scalar(1),
})
const step = (changes: object = {}, loss?: number) =>
  tf.tidy(() => optimizer.applyGradients({ ...good(), ...changes }, { loss }))
const everything = async () => [
  ...[a, b].map((v) => Array.from(v.dataSync())),
  await optimizer.scalars(),
  optimizer.iterations,
  held(),
]

describe.each([
  ['before the first step', 0],
  ['later', 2],
])('%s, refused and nothing changed:', (_, steps) => {
  beforeEach(() => {
    for (let k = 0; k < steps; k++) step()
  })
  const refused = async (f: () => unknown, message: RegExp) => {
    const before = await everything()
    expect(f).toThrow(message)
    expect(await everything()).toEqual(before)
    step()
    expect(optimizer.iterations).toBe(steps + 1)
  }

  test('an unknown name', () =>
    refused(
      () => tf.tidy(() => step({ 'layer/kernal': tf.scalar(1) })),
      /^\[freestep\/tfjs\] There is a gradient for "layer\/kernal", which is not a variable, or was disposed. Did you mean "layer\/kernel"\?$/,
    ))

  test('a gradient of another shape', () =>
    refused(
      () => tf.tidy(() => step({ 'layer/kernel': tf.ones([2]) })),
      /^\[freestep\/tfjs\] The gradient of layer\/kernel has shape \[2\], the variable \[1,2\]\. Give one number per coordinate\.$/,
    ))

  test('a gradient of another dtype', () =>
    refused(
      () => tf.tidy(() => step({ 'layer/bias': tf.complex(1, 2) })),
      /the gradient of layer\/bias is complex64\. Give a float32/,
    ))

  test('a gradient that was disposed', () => {
    const gradient = tf.scalar(1)
    gradient.dispose()
    return refused(
      () => step({ 'layer/bias': gradient }),
      /the gradient of layer\/bias is disposed\. Keep it/,
    )
  })

  test('an int32 variable', () => {
    const counter = tf.tidy(() => tf.variable(tf.scalar(1, 'int32'), true, 'counter'))
    return refused(
      () => tf.tidy(() => step({ counter: tf.scalar(1) })),
      /counter is int32\. Give a float32 tensor/,
    ).then(() => counter.dispose())
  })

  test('a variable that was disposed', () => {
    const gone = tf.tidy(() => tf.variable(tf.scalar(1), true, 'gone'))
    gone.dispose()
    return refused(
      () => tf.tidy(() => step({ gone: tf.scalar(1) })),
      /"gone", which is not a variable, or was disposed/,
    )
  })

  test('no gradient at all', () =>
    refused(() => optimizer.applyGradients({}), /No variable has a gradient/))

  test('a loss that is no scalar', () =>
    refused(
      () => tf.tidy(() => optimizer.applyGradients(good(), { loss: tf.ones([2]) as never })),
      /The loss has shape \[2\]\. Give one number, such as/,
    ))

  test('a cost function that fails', () =>
    refused(
      () =>
        optimizer.minimize(() => {
          throw new Error('of the caller')
        }, true),
      /of the caller/,
    ))
})

test('a missing loss is refused, at the first step and later', async () => {
  const own = polyak()
  const f = () => tf.tidy(() => own.applyGradients(good()))
  const before = held()
  expect(f).toThrow(
    /^\[freestep\/tfjs\] polyak needs the value of the objective\. Use minimize, or applyGradients\(gradients, \{ loss \}\)\.$/,
  )
  expect(held()).toEqual(before)
  tf.tidy(() => own.applyGradients(good(), { loss: 1 }))
  const values = Array.from(a.dataSync())
  expect(f).toThrow(/needs the value/)
  expect(Array.from(a.dataSync())).toEqual(values)
  own.dispose()
})

test('a group that names no variable is refused at the first step', () => {
  const own = prodigy({ groups: [{ params: ['layer/bia'], lr: 0.1 }] })
  const before = held()
  expect(() => tf.tidy(() => own.applyGradients(good()))).toThrow(
    /A group names "layer\/bia", which is not a variable\. Did you mean "layer\/bias"\?/,
  )
  expect(held()).toEqual(before)
  own.dispose()
})

test('unknown and impossible options are refused when the optimizer is made', () => {
  expect(() => prodigy({ weightdecay: 1 } as never)).toThrow(/Did you mean "weightDecay"\?/)
  expect(() => prodigy({ d0: 0 })).toThrow(/option d0 is 0\. Give a finite number > 0/)
  // @ts-expect-error: no such option
  expect(() => prodigy({ learningRate: 1 })).toThrow()
  // @ts-expect-error: not a number
  expect(() => prodigy({ lr: '1' })).toThrow()
  // @ts-expect-error: an option of a group is one of the algorithm
  prodigy({ groups: [{ params: ['x'], momentum: 0.9 }] })
})

test('after dispose every call is refused, and dispose may be called again', async () => {
  step()
  optimizer.dispose()
  optimizer.dispose()
  expect(() => step()).toThrow(/This prodigy optimizer was disposed\. Make a new one/)
  expect(() => optimizer.minimize(() => tf.sum(a))).toThrow(/was disposed/)
  for (const call of [
    () => optimizer.scalars(),
    () => optimizer.getWeights(),
    () => optimizer.setWeights([]),
    () => optimizer.save(),
  ])
    await expect(call()).rejects.toThrow(/was disposed/)
})

test('a NaN in the gradient reaches x and d as core says, and the step is whole', async () => {
  step()
  step({ 'layer/bias': tf.scalar(Number.NaN) })
  expect(Array.from(b.dataSync())).toEqual([Number.NaN])
  expect(optimizer.iterations).toBe(2)

  const careful = skipNonFinite(prodigy())
  const apply = (value: number) =>
    tf.tidy(() => careful.applyGradients({ 'layer/kernel': tf.fill([1, 2], value) }))
  a.assign(tf.tensor2d([[1, 2]]))
  apply(1)
  const before = [Array.from(a.dataSync()), { ...(await careful.scalars()), skipped: 1 }]
  apply(Number.NaN)
  expect([Array.from(a.dataSync()), await careful.scalars()]).toEqual(before)
  careful.dispose()
})

test('with a kernel that fails in the middle of an eager step, nothing is changed', async () => {
  optimizer = prodigy({ fused: false })
  step()
  const values = async () => (await everything()).slice(0, -1)
  const before = await values()
  const { numTensors } = held()
  const engine = tf.engine()
  const { runKernel } = engine
  let calls = 0
  engine.runKernel = function failing(this: typeof engine, ...args: Parameters<typeof runKernel>) {
    if (args[0] === 'Sqrt' && ++calls === 2) throw new Error('the device is lost')
    return runKernel.apply(this, args)
  } as typeof runKernel
  try {
    expect(() => step()).toThrow('the device is lost')
  } finally {
    engine.runKernel = runKernel
  }
  expect(await values()).toEqual(before)
  expect(held().numTensors).toBeLessThanOrEqual(numTensors)
  step()
})

test('the backend takes variables only, and a TensorFlow.js of the caller', async () => {
  const t = tf.scalar(1)
  expect(() => createOptimizerSync(coreSgd(), { t }, tfjs())).toThrow(
    /t is a tf\.Tensor, which cannot be updated in place/,
  )
  expect(() => createOptimizerSync(coreSgd(), { t: [1] as never }, tfjs())).toThrow(
    /t is not a tf\.Tensor/,
  )
  const plain = createOptimizerSync(coreSgd({ lr: 1 }), { b }, tfjs({ tf }))
  plain.step({ b: t })
  expect(b.dataSync()[0]).toBe(2)
  plain.dispose()
  t.dispose()
})

test('the backend saves and loads in place, and states that are constants are its own', async () => {
  const make = () =>
    createOptimizerSync(coreSgd({ lr: 0.1, momentum: 0.9, dampening: 0.5 }), { b }, tfjs())
  const before = held()
  const bare = make()
  const gradient = tf.scalar(1)
  for (let k = 0; k < 3; k++) bare.step({ b: gradient })
  const checkpoint = await bare.save({ params: true })
  bare.step({ b: gradient })
  const wanted = b.dataSync()[0]
  for (const optimizer of [bare, make()]) {
    await optimizer.load(checkpoint)
    expect(b.dataSync()[0]).not.toBe(wanted)
    optimizer.step({ b: gradient })
    expect(b.dataSync()[0]).toBe(wanted)
    optimizer.dispose()
  }
  gradient.dispose()
  expect(held()).toEqual(before)
})
