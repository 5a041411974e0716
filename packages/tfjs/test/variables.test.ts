import * as tf from '@tensorflow/tfjs-core'
import { beforeEach, expect, test } from 'vitest'
import {
  adam,
  averaged,
  cosine,
  dog,
  type FreestepOptimizer,
  polyak,
  prodigy,
  sgd,
} from '../src/index.ts'
import { held, start } from './backends.ts'

beforeEach(() => start('cpu'))

const variable = (values: number[], name?: string) =>
  tf.tidy(() => tf.variable(tf.tensor1d(values), true, name))
const apply = (optimizer: FreestepOptimizer, gradients: [tf.Variable, number[]][], loss?: number) =>
  tf.tidy(() =>
    optimizer.applyGradients(
      gradients.map(([{ name }, g]) => ({ name, tensor: tf.tensor1d(g) })),
      { loss },
    ),
  )
const values = (v: tf.Variable) => Array.from(v.dataSync())
/** Some gradient that depends on nothing but the step. */
const g = (k: number, n: number) => Array.from({ length: n }, (_, i) => Math.sin(k + 2 * i + 1))

test('a map and a list of gradients do the same; what has none stays', async () => {
  const [a, b, c, d] = [[1, 2], [3], [1, 2], [3]].map((v) => variable(v))
  const [one, two] = [prodigy(), prodigy()]
  for (let k = 0; k < 5; k++) {
    tf.tidy(() =>
      one.applyGradients({
        [a.name]: tf.tensor1d(g(k, 2)),
        [b.name]: k === 2 ? (null as never) : tf.tensor1d(g(k, 1)),
      }),
    )
    apply(
      two,
      k === 2
        ? [[c, g(k, 2)]]
        : [
            [c, g(k, 2)],
            [d, g(k, 1)],
          ],
    )
  }
  expect([values(a), values(b)]).toEqual([values(c), values(d)])
  expect(await one.scalars()).toEqual(await two.scalars())
  tf.dispose([a, b, c, d])
  one.dispose()
  two.dispose()
})

test('two gradients for one variable are refused: one of them would be lost', () => {
  const a = variable([1, 2])
  const optimizer = sgd({ lr: 1 })
  expect(() =>
    apply(optimizer, [
      [a, [1, 1]],
      [a, [2, 2]],
    ]),
  ).toThrow(/There are two gradients for/)
  expect(values(a)).toEqual([1, 2])
  apply(optimizer, [[a, [3, 3]]])
  expect(values(a)).toEqual([-2, -1])
  optimizer.dispose()
  a.dispose()
})

test('two variables made of one tensor are two parameters, each with numbers of its own', () => {
  const tensor = tf.tensor1d([1, 2])
  const [a, b] = tf.tidy(() => [tf.variable(tensor), tf.variable(tensor)])
  const optimizer = sgd({ lr: 1 })
  apply(optimizer, [
    [a, [1, 1]],
    [b, [2, 2]],
  ])
  expect([values(a), values(b), Array.from(tensor.dataSync())]).toEqual([
    [0, 1],
    [-1, 0],
    [1, 2],
  ])
  optimizer.dispose()
  tf.dispose([a, b, tensor])
})

test('a variable that joins has its own start, and a varying list of variables is no trouble', () => {
  const [a, b, a1, b1] = [
    [1, 2, 3],
    [4, 5],
    [1, 2, 3],
    [4, 5],
  ].map((v) => variable(v))
  const [together, forA, forB] = [adam({ lr: 0.1 }), adam({ lr: 0.1 }), adam({ lr: 0.1 })]
  // Adam treats every variable by itself, so one optimizer for all must do what one for each does.
  for (const [k, [useA, useB]] of [
    [1, 0],
    [1, 0],
    [1, 1],
    [0, 1],
    [1, 1],
  ].entries()) {
    apply(together, [
      ...(useB ? [[b, g(k, 2)] as [tf.Variable, number[]]] : []),
      ...(useA ? [[a, g(k, 3)] as [tf.Variable, number[]]] : []),
    ])
    if (useA) apply(forA, [[a1, g(k, 3)]])
    if (useB) apply(forB, [[b1, g(k, 2)]])
  }
  expect(values(a)).toEqual(values(a1))
  expect(values(b)).toEqual(values(b1))
  tf.dispose([a, b, a1, b1])
  for (const optimizer of [together, forA, forB]) optimizer.dispose()
})

test('a variable that joins shares d from then on', async () => {
  const [a, b] = [variable([1, 2, 3]), variable([9, 9])]
  const optimizer = prodigy({ d0: 1e-3 })
  for (let k = 0; k < 20; k++) apply(optimizer, [[a, values(a).map((x) => x - 5)]])
  const { d } = await optimizer.scalars()
  expect(d).toBeGreaterThan(1e-2)
  apply(optimizer, [
    [a, [0, 0, 0]],
    [b, [1, 1]],
  ])
  expect((await optimizer.scalars()).d).toBeGreaterThanOrEqual(d)
  expect(9 - values(b)[0]).toBeGreaterThan(d / 10)
  tf.dispose([a, b])
  optimizer.dispose()
})

test('a schedule goes on where it was when a variable joins', () => {
  const [a, b] = [variable([1]), variable([2])]
  const optimizer = sgd({ lr: (k) => 2 ** -k })
  apply(optimizer, [[a, [1]]])
  apply(optimizer, [[a, [1]]])
  apply(optimizer, [
    [a, [1]],
    [b, [1]],
  ])
  expect([values(a), values(b)]).toEqual([[1 - 1 - 0.5 - 0.25], [2 - 0.25]])
  expect(optimizer.iterations).toBe(3)
  tf.dispose([a, b])
  optimizer.dispose()
})

test('schedules and changing constants leave no tensors behind', () => {
  const a = variable([1, 2, 3])
  const optimizer = prodigy({ lr: cosine({ steps: 50 }), weightDecay: (k) => 0.1 / (k + 1) })
  apply(optimizer, [[a, [1, 2, 3]]])
  const warm = held()
  for (let k = 0; k < 60; k++) apply(optimizer, [[a, g(k, 3)]])
  expect(held()).toEqual(warm)
  tf.dispose(a)
  optimizer.dispose()
})

test('a disposed variable leaves the others alone; its name may be used again', async () => {
  const before = held()
  const [a, b] = [variable([1, 2], 'again/a'), variable([3], 'again/b')]
  const optimizer = dog()
  for (let k = 0; k < 3; k++)
    apply(optimizer, [
      [a, g(k, 2)],
      [b, g(k, 1)],
    ])
  a.dispose()
  apply(optimizer, [[b, [1]]])
  const a2 = variable([7, 8], 'again/a')
  apply(optimizer, [
    [a2, [1, 1]],
    [b, [1]],
  ])
  expect(values(a2)[0]).toBeLessThan(7)
  expect((await optimizer.getWeights()).map(({ name }) => name)).toEqual([
    ...['iter', 'dog/rBar', 'dog/G', 'dog/eta'],
    ...['dog/moved/again/b', 'dog/sum.0/again/b', 'dog/moved/again/a#2', 'dog/sum.0/again/a#2'],
  ])
  await optimizer.evaluating(() => expect(values(a2)[0]).toBeLessThan(7))
  tf.dispose([a2, b])
  optimizer.dispose()
  expect(held()).toEqual(before)
})

test('when all its variables are gone, an optimizer starts anew', async () => {
  const before = held()
  const optimizer = prodigy()
  const run = async (dispose: (variables: tf.Variable[]) => void) => {
    const [a, b] = [variable([1, 2, 3]), variable([4])]
    for (let k = 0; k < 10; k++)
      apply(optimizer, [
        [a, values(a)],
        [b, values(b)],
      ])
    const result = [optimizer.iterations, (await optimizer.scalars()).d, ...values(a), ...values(b)]
    dispose([a, b])
    return result
  }
  const first = await run(tf.dispose)
  expect(await run(() => tf.disposeVariables())).toEqual(first)
  expect(await optimizer.evaluating(() => 'nothing to evaluate')).toBe('nothing to evaluate')
  expect(await run(tf.dispose)).toEqual(first)
  optimizer.dispose()
  expect(held()).toEqual(before)
})

test('several optimizers at once, also on the same variable', () => {
  const [a, b] = [variable([1, 2]), variable([1, 2])]
  const [one, two] = [sgd({ lr: 0.25 }), sgd({ lr: 0.5 })]
  apply(one, [[a, [1, 1]]])
  apply(two, [[b, [1, 1]]])
  apply(two, [[a, [1, 1]]])
  expect(values(a)).toEqual([0.25, 1.25])
  expect(values(b)).toEqual([0.5, 1.5])
  tf.dispose([a, b])
  one.dispose()
  two.dispose()
})

test('minimize trains what is trainable, all of it or a list, and returns the cost if asked', () => {
  const [a, b] = [variable([1]), variable([1])]
  const fixed = tf.tidy(() => tf.variable(tf.tensor1d([1]), false))
  const f = () => tf.sum(tf.mul(tf.mul(a, b), fixed)) as tf.Scalar
  const optimizer = sgd({ lr: 0.5 })
  const before = held()
  const cost = optimizer.minimize(f, true)
  expect(cost?.dataSync()[0]).toBe(1)
  cost?.dispose()
  expect([a, b, fixed].map((v) => values(v)[0])).toEqual([0.5, 0.5, 1])
  expect(optimizer.minimize(f, false, [a, fixed])).toBeNull()
  expect([a, b, fixed].map((v) => values(v)[0])).toEqual([0.25, 0.5, 1])
  optimizer.dispose()
  expect(held()).toEqual(before)
  tf.dispose([a, b, fixed])
})

test('the loss reaches the algorithms that use it', () => {
  const [a, b] = [variable([3]), variable([3])]
  const optimizer = polyak()
  optimizer.minimize(() => tf.sum(tf.square(a)), false, [a])
  // Polyak on x² with f* = 0: x ← x − x² / (2x)² · 2x = x / 2
  expect(values(a)[0]).toBeCloseTo(1.5, 6)
  const given = polyak()
  apply(given, [[b, [6]]], 9)
  expect(values(b)[0]).toBeCloseTo(1.5, 6)
  tf.dispose([a, b])
  optimizer.dispose()
  given.dispose()
})

test('groups by names and by a function; each its own d with splitGroups', async () => {
  const [a, b, c] = ['w', 'bias', 'later'].map((name) => variable([1, 1], `groups/${name}`))
  const optimizer = sgd({
    lr: 1,
    groups: [
      { params: ['groups/bias', 'groups/later'], lr: 0.5 },
      { params: (name) => name.endsWith('later'), lr: 0.25 },
    ],
  })
  apply(optimizer, [
    [a, [1, 1]],
    [b, [1, 1]],
  ])
  apply(optimizer, [[c, [1, 1]]])
  expect([a, b, c].map((v) => values(v)[0])).toEqual([0, 0.5, 0.75])

  const split = prodigy({ splitGroups: true, groups: [{ params: ['groups/bias'] }] })
  const [alone, alone2] = [variable([0, 0.5]), variable([2, 1])]
  a.assign(tf.tensor1d([0, 0.5]))
  b.assign(tf.tensor1d([2, 1]))
  const [one, two] = [prodigy(), prodigy()]
  for (let k = 0; k < 12; k++) {
    apply(split, [
      [b, values(b)],
      [a, g(k, 2)],
    ])
    apply(one, [[alone, g(k, 2)]])
    apply(two, [[alone2, values(alone2)]])
  }
  expect([values(a), values(b)]).toEqual([values(alone), values(alone2)])
  expect(await split.scalars()).toMatchObject({
    'd/groups/w': (await one.scalars()).d,
    'd/groups/bias': (await two.scalars()).d,
  })
  tf.dispose([a, b, c, alone, alone2])
  for (const each of [optimizer, split, one, two]) each.dispose()
})

test('evaluating restores the values, also when the function fails', async () => {
  const before = held()
  const a = variable([4])
  const optimizer = averaged(sgd({ lr: 1 }), { gamma: 0 })
  for (const gradient of [1, 1, 1]) apply(optimizer, [[a, [gradient]]])
  expect(values(a)).toEqual([1])
  // The plain average of 3, 2, 1.
  expect(await optimizer.evaluating(async () => values(a))).toEqual([2])
  await expect(optimizer.evaluating(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(values(a)).toEqual([1])
  apply(optimizer, [[a, [1]]])
  expect(values(a)).toEqual([0])
  tf.dispose(a)
  optimizer.dispose()
  expect(held()).toEqual(before)
})

test('listeners hear of every step', () => {
  const a = variable([4])
  const optimizer = sgd()
  const heard: number[] = []
  const stop = optimizer.onStep(({ iterations }) => heard.push(iterations))
  apply(optimizer, [[a, [1]]])
  apply(optimizer, [[a, [1]]])
  stop()
  apply(optimizer, [[a, [1]]])
  expect(heard).toEqual([1, 2])
  tf.dispose(a)
  optimizer.dispose()
})
