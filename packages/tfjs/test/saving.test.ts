import { defineAlgorithm, mul, neg } from '@freestep/core'
import * as tf from '@tensorflow/tfjs-core'
import type * as tfl from '@tensorflow/tfjs-layers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  averaged,
  clipByGlobalNorm,
  cosine,
  dog,
  type FreestepOptimizer,
  fromSafetensors,
  mechanic,
  optimizerFactory,
  optimizerOf,
  prodigy,
  scheduleFree,
  sgd,
  skipNonFinite,
  toSafetensors,
} from '../src/index.ts'
import { held, start } from './backends.ts'
import { loaded, losses, perceptron, saved } from './models.ts'

beforeEach(() => start('cpu'))
afterEach(() => tf.disposeVariables())

test('layers frozen after loading keep their state until they are trained again', async () => {
  const train = async (model: tfl.LayersModel) => {
    const head = model.layers.slice(0, 2)
    const all = await losses(model, 2)
    for (const layer of head) layer.trainable = false
    model.compile({ optimizer: model.optimizer, loss: 'categoricalCrossentropy' })
    return { all, head }
  }
  const thaw = async (model: tfl.LayersModel) => {
    const frozen = await losses(model, 2)
    for (const layer of model.layers.slice(0, 2)) layer.trainable = true
    model.compile({ optimizer: model.optimizer, loss: 'categoricalCrossentropy' })
    return [...frozen, ...(await losses(model, 2))]
  }
  const whole = perceptron(prodigy())
  await train(whole)
  const wanted = await thaw(whole)

  const first = perceptron(prodigy())
  await train(first)
  const second = await loaded(await saved(first))
  expect(await thaw(second)).toEqual(wanted)
})

test('a model loads in a process where its names are free', async () => {
  // The names of plain variables are numbers in the order of their making, so here they differ, and
  // the order decides.
  const make = () =>
    [
      [1, 2],
      [3, 4],
    ].map((v) => tf.tidy(() => tf.variable(tf.tensor1d(v))))
  const step = (optimizer: FreestepOptimizer, variables: tf.Variable[]) =>
    optimizer.minimize(
      () => tf.sum(tf.add(tf.square(variables[0]), tf.abs(tf.sub(variables[1], 7)))) as tf.Scalar,
      false,
      variables,
    )
  const values = (variables: tf.Variable[]) => variables.flatMap((v) => Array.from(v.dataSync()))
  const [one, a] = [prodigy(), make()]
  for (let k = 0; k < 10; k++) step(one, a)
  const weights = (await one.getWeights()).map(({ name, tensor }) => ({
    name,
    tensor: tf.clone(tensor),
  }))
  const b = make()
  for (const [i, variable] of b.entries()) variable.assign(a[i])
  const two = prodigy()
  await two.setWeights(weights)
  tf.dispose(weights.map(({ tensor }) => tensor))
  for (let k = 0; k < 10; k++)
    for (const [optimizer, variables] of [
      [one, a],
      [two, b],
    ] as const)
      step(optimizer, variables)
  expect(values(b)).toEqual(values(a))
  expect(two.iterations).toBe(20)

  // The other way round, in safetensors, with the variables swapped: the shapes are equal, the
  // names decide.
  const three = prodigy()
  await three.load(fromSafetensors(toSafetensors(await one.save())))
  const restart = values(a)
  step(one, [a[0], a[1]])
  const wanted = values(a)
  a[0].assign(tf.tensor1d(restart.slice(0, 2)))
  a[1].assign(tf.tensor1d(restart.slice(2)))
  const f = () => tf.sum(tf.add(tf.square(a[0]), tf.abs(tf.sub(a[1], 7)))) as tf.Scalar
  three.minimize(f, false, [a[1], a[0]])
  expect(values(a)).toEqual(wanted)
  for (const optimizer of [one, two, three]) optimizer.dispose()
})

test('a saved state waits for its variable, come what may', async () => {
  const before = held()
  const make = () =>
    ['waits/a', 'waits/b'].map((name, i) =>
      tf.tidy(() => tf.variable(tf.tensor1d([i + 1, 2]), true, name)),
    )
  const step = (optimizer: FreestepOptimizer, variables: tf.Variable[]) =>
    optimizer.minimize(
      () => variables.map((v) => tf.sum<tf.Scalar>(tf.square(v))).reduce((a, b) => tf.add(a, b)),
      false,
      variables,
    )
  const [one, two] = [prodigy(), prodigy()]
  for (let k = 0; k < 5; k++) step(one, tf.disposeVariables() ?? make())
  expect(one.iterations).toBe(1)
  for (let k = 0; k < 5; k++) step(one, Object.values(tf.engine().registeredVariables))
  const checkpoint = await one.save()
  await two.load(checkpoint)
  step(two, [tf.engine().registeredVariables['waits/a']])
  expect((await two.save()).tensors['v/waits/b']).toEqual(checkpoint.tensors['v/waits/b'])
  tf.disposeVariables()
  const [a, b] = make()
  step(two, [a, b])
  const { tensors } = await two.save()
  // The new b has taken up the state; the new a is not the old one, which is gone, and has its own
  // start.
  expect(tensors['v/waits/b'].data[1]).toBeGreaterThan(
    0.99 * checkpoint.tensors['v/waits/b'].data[1],
  )
  expect(Object.keys(tensors).filter((name) => name.startsWith('v/'))).toEqual([
    'v/waits/b',
    'v/waits/a#2',
  ])
  tf.dispose([a, b])
  for (const optimizer of [one, two]) optimizer.dispose()
  expect(held()).toEqual(before)
})

test('a state that does not fit is refused, and nothing is changed', async () => {
  const a = tf.tidy(() => tf.variable(tf.tensor1d([1, 2]), true, 'fits/a'))
  const b = tf.tidy(() => tf.variable(tf.tensor2d([[1, 2, 3]]), true, 'fits/b'))
  const step = (optimizer: FreestepOptimizer, v: tf.Variable) =>
    optimizer.minimize(() => tf.sum(tf.square(v)) as tf.Scalar, false, [v])
  const one = prodigy()
  step(one, a)
  const weights = await one.getWeights()
  await expect(dog().setWeights(weights)).rejects.toThrow(
    /it holds "prodigy\/r", which is not a state of dog\. Load it with the optimizer/,
  )
  await expect(prodigy().setWeights(weights.slice(1))).rejects.toThrow(
    /the list starts with prodigy\/r instead of iter/,
  )
  await expect(prodigy().setWeights([])).rejects.toThrow(/starts with nothing/)
  await expect(dog().load(await one.save())).rejects.toThrow(/it is of prodigy, and this is dog/)
  const other = prodigy({ weightDecay: 0.1 })
  await other.load(await one.save())
  expect(() => step(other, a)).toThrow(/made with weightDecay 0.* and this optimizer has 0.1/)
  await other.load(await one.save(), { options: 'ours' })
  step(other, a)
  expect(other.iterations).toBe(2)
  other.dispose()

  for (const [settings, message] of [
    [
      { useBiasCorrection: true },
      /The checkpoint has no "c1\/[^"]*"\. Create the optimizer with the options/,
    ],
    [{ betas: [0, 0.9] as const }, /The checkpoint has "m\/fits\/a", which is not kept here/],
    [{ sliceP: 2 }, /"moved\/fits\/a" has 2 numbers in the checkpoint, 1 here/],
  ] as const) {
    const two = prodigy(settings)
    await two.setWeights(await one.getWeights())
    const before = [Array.from(a.dataSync()), held()]
    expect(() => step(two, a)).toThrow(message)
    expect([Array.from(a.dataSync()), held()]).toEqual(before)
    two.dispose()
  }
  const three = prodigy()
  await three.setWeights(await one.getWeights())
  const before = [Array.from(b.dataSync()), held()]
  expect(() => step(three, b)).toThrow(
    /it is of the variables fits\/a, and the step is for fits\/b\. Train the same model/,
  )
  expect([Array.from(b.dataSync()), held()]).toEqual(before)
  step(three, a)
  expect(three.iterations).toBe(2)
})

test('configurations: everything but functions survives', async () => {
  const model = perceptron(prodigy())
  const names = model.trainableWeights.map(({ name }) => name)
  const optimizer = prodigy({
    lr: cosine({ steps: 9 }),
    betas: [0.8, 0.9],
    dLimit: 3,
    compat: 'prodigyopt',
    splitGroups: true,
    groups: [{ params: names.slice(0, 2), weightDecay: 0.1, lr: cosine({ steps: 5 }) }],
  })
  const config = JSON.parse(JSON.stringify(optimizer.getConfig()))
  expect(config).toMatchObject({
    growthRate: 'Infinity',
    beta3: null,
    groups: [{ params: names.slice(0, 2).map((name) => ({ name })) }],
  })
  model.compile({ optimizer, loss: 'categoricalCrossentropy' })
  await losses(model, 1)
  const again = (await loaded(await saved(model))).optimizer as FreestepOptimizer
  expect(again.getConfig()).toEqual(config)
  expect(again.algorithm.options).toMatchObject({
    growthRate: Number.POSITIVE_INFINITY,
    dLimit: 3,
    compat: 'prodigyopt',
  })
  expect((again.algorithm.options as unknown as { lr: (k: number) => number }).lr(4)).toBe(
    cosine({ steps: 9 })(4),
  )

  expect(() => prodigy({ lr: (k) => 1 / (k + 1) }).getConfig()).toThrow(
    /^\[freestep\/tfjs\] prodigy cannot be written into model\.json: option lr is a function\. Use a schedule of freestep/,
  )
  expect(() => prodigy({ groups: [{ params: () => true }] }).getConfig()).toThrow(
    /a group chooses its variables by a function\. List their names/,
  )
  const mine = defineAlgorithm({
    name: 'mine',
    defaults: { lr: 1 },
    state: () => ({}),
    step: ({ g }, h) => ({ u: neg(mul(h.lr, g)) }),
  })
  expect(() => optimizerOf(mine()).getConfig()).toThrow(
    /mine cannot be written into model\.json: no class of that name is registered/,
  )
})

test('groups and splitGroups go on after loading, under the names they were given', async () => {
  const make = (names: string[]) =>
    prodigy({ splitGroups: true, groups: [{ params: names, lr: 0.5 }] })
  const build = () => {
    const model = perceptron(prodigy())
    const names = model.trainableWeights.map(({ name }) => name)
    model.compile({ optimizer: make([names[1], names[2]]), loss: 'categoricalCrossentropy' })
    return model
  }
  const whole = build()
  const wanted = [...(await losses(whole, 2)), ...(await losses(whole, 2))]
  const first = build()
  const early = await losses(first, 2)
  const second = await loaded(await saved(first))
  expect([...early, ...(await losses(second, 2))]).toEqual(wanted)
})

test('wrappers in wrappers, and algorithms of one’s own, come back from model.json', async () => {
  const own = defineAlgorithm({
    name: 'ownDescent',
    defaults: { lr: 0.1 },
    state: () => ({}),
    step: ({ g }, h) => ({ u: neg(mul(h.lr, g)) }),
  })
  const ownDescent = optimizerFactory(own)
  for (const optimizer of [
    skipNonFinite(clipByGlobalNorm(3, averaged(dog({ repsRel: 1e-3 }), { gamma: 2 }))),
    mechanic(sgd({ momentum: 0.5 }), { numBetas: 3 }),
    scheduleFree(ownDescent({ lr: 0.3 }), { momentum: 0.8 }),
    ownDescent({ lr: 0.2 }),
  ]) {
    const model = perceptron(optimizer)
    await losses(model, 1)
    const again = await loaded(await saved(model))
    expect((again.optimizer as FreestepOptimizer).algorithm.name).toBe(optimizer.algorithm.name)
    expect(again.optimizer.getConfig()).toEqual(optimizer.getConfig())
    expect(await losses(again, 1)).toEqual(await losses(model, 1))
  }
})
