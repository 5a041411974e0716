/**
 * What must hold where kernels write into the memory of tfjs, whichever backend it is of: nothing
 * but the variables changes, by whatever way their data are shared, moved or kept. Not a test file
 * by itself.
 */
import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { averaged, dog, type FreestepOptimizer, prodigy, sgd, skipNonFinite } from '../src/index.ts'
import { held } from './held.ts'

const variable = (values: number[], name?: string) =>
  tf.tidy(() => tf.variable(tf.tensor1d(values), true, name))
const numbers = async (tensor: tf.Tensor) => Array.from(await tensor.data())
/** A step of descent with lr 1 is a subtraction, exact for these numbers. */
const descent = () => sgd({ lr: 1 })
const apply = (optimizer: FreestepOptimizer, gradients: tf.NamedTensorMap) =>
  optimizer.applyGradients(gradients)

/** Registers the tests; the backend is the active one when they run. */
export function testInPlace(backend: string): void {
  test('steps are fused here, and say so', () => {
    const a = variable([1, 2])
    const optimizer = descent()
    expect(optimizer.execution).toBeUndefined()
    tf.tidy(() => apply(optimizer, { [a.name]: tf.tensor1d([1, 1]) }))
    expect(optimizer.execution).toEqual({ backend, fused: true })
    const eager = sgd({ lr: 1, fused: false })
    tf.tidy(() => apply(eager, { [a.name]: tf.tensor1d([1, 1]) }))
    expect(eager.execution).toEqual({ backend, fused: false })
    for (const each of [optimizer, eager]) each.dispose()
    a.dispose()
  })

  test('clones, reshaped tensors and variables of the same data keep their values', async () => {
    const before = held()
    const initial = tf.tensor1d([1, 2, 3])
    const a = tf.variable(initial)
    const twin = tf.variable(a)
    const optimizer = descent()
    const shared: tf.Tensor[] = [initial]
    const wanted: number[][] = [[1, 2, 3]]
    for (let k = 0; k < 4; k++) {
      shared.push(tf.clone(a), tf.reshape(a, [3, 1]))
      const now = [1 - k, 2, 3 + k]
      wanted.push(now, now)
      tf.tidy(() => apply(optimizer, { [a.name]: tf.tensor1d([1, 0, -1]) }))
      expect(await numbers(a)).toEqual([0 - k, 2, 4 + k])
    }
    expect(await Promise.all(shared.map(numbers))).toEqual(wanted)
    expect(await numbers(twin)).toEqual([1, 2, 3])
    tf.dispose([shared, a, twin])
    optimizer.dispose()
    expect(held()).toEqual(before)
  })

  test('numbers that were read stay, and what is read after a step is new', async () => {
    const a = variable([1, 2])
    const optimizer = descent()
    const gradient = tf.tensor1d([1, 1])
    const read: ArrayLike<number>[] = []
    for (let k = 0; k < 3; k++) {
      read.push(await a.data())
      apply(optimizer, { [a.name]: gradient })
    }
    read.push(await a.data())
    expect(read.map((each) => Array.from(each))).toEqual([
      [1, 2],
      [0, 1],
      [-1, 0],
      [-2, -1],
    ])
    tf.dispose([a, gradient])
    optimizer.dispose()
  })

  test('a variable may be its own gradient, or that of another', async () => {
    const [a, b] = [variable([1, 2]), variable([3, 4])]
    const optimizer = descent()
    apply(optimizer, { [a.name]: b, [b.name]: a })
    expect([await numbers(a), await numbers(b)]).toEqual([
      [-2, -2],
      [2, 2],
    ])
    const alias = tf.clone(a)
    apply(optimizer, { [a.name]: a, [b.name]: alias })
    expect([await numbers(a), await numbers(b), await numbers(alias)]).toEqual([
      [0, 0],
      [4, 4],
      [-2, -2],
    ])
    // Two passes over memory: the second one must see the gradient that the first one saw.
    const two = dog({ initEta: 1 })
    apply(two, { [b.name]: b })
    expect(await numbers(b)).toEqual([0, 0])
    tf.dispose([a, b, alias])
    for (const each of [optimizer, two]) each.dispose()
  })

  test('a variable may be assigned between steps', async () => {
    const before = held()
    const a = variable([1, 2])
    const optimizer = descent()
    const gradient = tf.tensor1d([1, 1])
    apply(optimizer, { [a.name]: gradient })
    const value = tf.tensor1d([7, 8])
    a.assign(value)
    apply(optimizer, { [a.name]: gradient })
    expect([await numbers(a), await numbers(value)]).toEqual([
      [6, 7],
      [7, 8],
    ])
    tf.dispose([a, gradient, value])
    optimizer.dispose()
    expect(held()).toEqual(before)
  })

  test('what tfjs has made of the weights is made anew: predictions follow every step', async () => {
    const weights = tf.tidy(() => tf.variable(tf.ones<tf.Rank.R2>([4, 4])))
    const filter = tf.tidy(() => tf.variable(tf.ones<tf.Rank.R4>([1, 1, 4, 4])))
    const x = tf.ones<tf.Rank.R2>([3, 4])
    const image = tf.ones<tf.Rank.R4>([1, 2, 2, 4])
    const optimizer = descent()
    for (let k = 0; k < 4; k++) {
      const [product, convolved] = tf.tidy(() => [
        tf.matMul(x, weights),
        tf.conv2d(image, filter, 1, 'same'),
      ])
      expect(new Set(await numbers(product))).toEqual(new Set([4 - 2 * k]))
      expect(new Set(await numbers(convolved))).toEqual(new Set([4 - 2 * k]))
      tf.dispose([product, convolved])
      tf.tidy(() =>
        apply(optimizer, {
          [weights.name]: tf.fill([4, 4], 0.5, 'float32'),
          [filter.name]: tf.fill([1, 1, 4, 4], 0.5, 'float32'),
        }),
      )
    }
    tf.dispose([weights, filter, x, image])
    optimizer.dispose()
  })

  test('memory may grow, and tensors come and go, between steps', async () => {
    const before = held()
    const a = variable([1, 2, 3])
    const optimizer = prodigy({ d0: 0.1 })
    const alike = prodigy({ d0: 0.1, fused: false })
    const b = variable([1, 2, 3])
    const ballast: tf.Tensor[] = []
    for (let k = 0; k < 8; k++) {
      ballast.push(tf.zeros([1, 2 ** 20]))
      const g = tf.tensor1d([Math.sin(k), 1, Math.cos(k)])
      ballast.push(tf.clone(g))
      apply(optimizer, { [a.name]: g })
      apply(alike, { [b.name]: g })
      tf.dispose([g, ...ballast.splice(0, k % 2)])
    }
    const [one, two] = [await numbers(a), await numbers(b)]
    for (const [i, value] of one.entries()) expect(value).toBeCloseTo(two[i], 4)
    tf.dispose([a, b, ballast])
    for (const each of [optimizer, alike]) each.dispose()
    expect(held()).toEqual(before)
  })

  test('a thousand steps leave tensors and bytes as they were, and dispose the start', async () => {
    const before = held()
    const own = [
      variable(Array(300).fill(1)),
      variable([2]),
      tf.tidy(() => tf.variable(tf.zeros([0, 3]))),
    ]
    const optimizer = averaged(prodigy())
    const step = () =>
      tf.tidy(() =>
        apply(optimizer, Object.fromEntries(own.map((each) => [each.name, tf.onesLike(each)]))),
      )
    step()
    const warm = held()
    for (let k = 1; k < 1000; k++) step()
    expect(held()).toEqual(warm)
    await optimizer.evaluating(() => undefined)
    expect(held()).toEqual(warm)
    optimizer.dispose()
    tf.dispose(own)
    expect(held()).toEqual(before)
  })

  test('a NaN in a gradient goes as far as in eager steps, and with skipNonFinite nowhere', async () => {
    const runs = [true, false].map((fused) => ({
      own: [variable([1, 2, 3]), variable([4])],
      optimizer: prodigy({ fused }),
    }))
    const careful = {
      own: [variable([1, 2, 3]), variable([4])],
      optimizer: skipNonFinite(prodigy({ d0: 0.1 })),
    }
    const step = ({ own: [a, b], optimizer }: typeof careful, bad: number) =>
      tf.tidy(() =>
        apply(optimizer, { [a.name]: tf.tensor1d([1, bad, -1]), [b.name]: tf.tensor1d([2]) }),
      )
    const all = ({ own }: typeof careful) => Promise.all(own.map(numbers))
    for (const run of [...runs, careful]) step(run, 1)
    const before = await all(careful)
    const { d } = await careful.optimizer.scalars()
    for (const run of [...runs, careful]) step(run, Number.NaN)
    const isNumber = (lists: number[][]) => lists.map((list) => list.map(Number.isFinite))
    expect(isNumber(await all(runs[0]))).toEqual(isNumber(await all(runs[1])))
    expect(isNumber(await all(runs[0]))[0][1]).toBe(false)
    expect(await all(careful)).toEqual(before)
    expect(await careful.optimizer.scalars()).toMatchObject({ d, skipped: 1 })
    step(careful, 1)
    expect(await all(careful)).not.toEqual(before)
    for (const { own, optimizer } of [...runs, careful]) {
      tf.dispose(own)
      optimizer.dispose()
    }
  })

  test('variables that join keep what the others have', async () => {
    const make = () => [variable([1, -2, 3]), variable([4, 5])]
    const ways = [prodigy({ d0: 0.01, sliceP: 2 }), prodigy({ d0: 0.01, sliceP: 2, fused: false })]
    const own = ways.map(make)
    for (let k = 0; k < 12; k++)
      for (const [w, optimizer] of ways.entries())
        tf.tidy(() =>
          apply(
            optimizer,
            Object.fromEntries(
              own[w]
                .slice(0, k < 6 ? 1 : 2)
                .map((each) => [
                  each.name,
                  tf.tensor1d(
                    k % 2 ? [1, 2, -1].slice(0, each.size) : [2, 1, 3].slice(0, each.size),
                  ),
                ]),
            ),
          ),
        )
    const [fused, eager] = await Promise.all(
      own.map(async (each) => (await Promise.all(each.map(numbers))).flat()),
    )
    for (const [i, value] of fused.entries()) expect(value / eager[i]).toBeCloseTo(1, 5)
    const [one, two] = await Promise.all(ways.map((each) => each.scalars()))
    expect(one.d / two.d).toBeCloseTo(1, 4)
    tf.dispose(own)
    for (const each of ways) each.dispose()
  })
}
