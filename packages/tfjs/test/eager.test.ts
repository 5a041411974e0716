import { type Elementwise, host } from '@freestep/core'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { eagerOps } from '../src/eager.ts'
import { held, onEachBackend, take } from './backends.ts'

const { NaN: nan, POSITIVE_INFINITY: inf } = Number

/** Pairs that ops.ts of core says something about; no 0/0, sign(NaN), −0. */
const first = [1, -2.5, 0, 3, nan, 1, inf, -inf, 1e-20, 7, 5, -5]
const second = [2, 0.5, 4, 3, 1, nan, 2, 1, 1e20, -0.25, inf, -inf]
const operands: Record<Elementwise, number[][]> = {
  add: [first, second],
  sub: [first, second],
  mul: [first, second],
  div: [
    [1, -1, 3, inf, 5, nan, 1e-30],
    [0, 0, 7, 2, -inf, 1, 1e30],
  ],
  max: [first, second],
  min: [first, second],
  pow: [
    [0, 1, 2, 9, 1e-10, 1e10, inf],
    [0.5, 0.24, 0.5, 0.5, 0.3, 0.7, 2],
  ],
  neg: [first],
  abs: [first],
  sqrt: [[0, 2, 9, inf, -1, nan]],
  sign: [[-3, 0, 1e-30, inf, -inf]],
  where: [
    [1, 0, -1, nan, inf, -inf, 1e-30],
    [1, 2, 3, 4, nan, inf, 7],
    [-1, -2, nan, -4, inf, nan, -7],
  ],
}
const f32 = Math.fround

onEachBackend('operations', () => {
  const ops = eagerOps(tf, (c) => tf.scalar(c))

  /**
   * What an operation gives on whole tensors, on one scalar operand at a time, and on scalars
   * alone, against core's host.
   */
  test.each(Object.entries(operands) as [Elementwise, number[][]][])('%s', (name, columns) => {
    const close = (actual: number[], expected: number[]) => {
      for (const [i, e] of expected.entries()) {
        // pow may be off by a few units in the last place, everything else by none.
        if (name === 'pow' && Number.isFinite(e))
          expect(Math.abs(actual[i] - e)).toBeLessThanOrEqual(8 * 2 ** -23 * Math.abs(e))
        else expect(actual[i] + 0, `${name}(${columns.map((c) => c[i])})`).toBe(f32(e) + 0)
      }
      expect(actual.length).toBe(expected.length)
    }
    const exact = (...args: number[]) => f32(host[name](...args.map(f32)))
    const rows = columns[0].map((_, i) => columns.map((column) => column[i]))
    const shaped = (values: readonly number[]) => tf.tensor(values as number[], [1, values.length])

    close(
      take(tf.tidy(() => ops[name](...columns.map(shaped)))),
      rows.map((row) => exact(...row)),
    )
    close(
      rows.map((row) => take(tf.tidy(() => ops[name](...row.map((v) => tf.scalar(v)))))[0]),
      rows.map((row) => exact(...row)),
    )
    for (const scalar of columns.keys())
      for (const row of rows) {
        if (columns.length === 1) continue
        const args = columns.map((column, c) => (c === scalar ? tf.scalar(row[c]) : shaped(column)))
        const wanted = rows.map((other) =>
          exact(...other.map((v, c) => (c === scalar ? row[c] : v))),
        )
        const actual = take(tf.tidy(() => ops[name](...args)))
        tf.dispose(args)
        // Scalars meet what they met in no pair above: what ops.ts leaves open is left out.
        const open = rows.map((other) =>
          leftOpen(
            name,
            other.map((v, c) => (c === scalar ? row[c] : v)),
          ),
        )
        close(
          actual.filter((_, i) => !open[i]),
          wanted.filter((_, i) => !open[i]),
        )
      }
  })

  test('on long and on empty tensors', () => {
    const n = 1003
    const a = Float32Array.from({ length: n }, (_, i) => (i % 7 === 0 ? nan : i % 5))
    const b = Float32Array.from({ length: n }, (_, i) => (i % 11 === 3 ? nan : i % 3))
    for (const name of ['max', 'min'] as const)
      expect(take(tf.tidy(() => ops[name](tf.tensor1d(a), tf.tensor1d(b))))).toEqual(
        Array.from(a, (v, i) => host[name](v, b[i])),
      )
    const none = () => tf.tensor2d([], [0, 3])
    expect(tf.tidy(() => ops.add(none(), none())).shape).toEqual([0, 3])
    expect(tf.tidy(() => ops.where(none(), none(), tf.scalar(1))).shape).toEqual([0, 3])
    expect(take(tf.tidy(() => ops.sum(none())))).toEqual([0])
  })

  test('slice keeps every p-th element in row-major order', () => {
    const x = tf.tensor2d([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [2, 5])
    for (const p of [1, 2, 3, 7, 10, 11])
      expect(take(tf.tidy(() => ops.slice(x, p)))).toEqual(
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].filter((i) => i % p === 0),
      )
    x.dispose()
  })

  /**
   * The relative error against a sum in double precision, the order reversed so that no two errors
   * are shared.
   */
  test.each([1, 31, 32, 33, 257, 65537, 200704, 1e6])('the sum of %d terms is within 1e-6', (n) => {
    const terms: Record<string, (i: number) => number> = {
      equal: () => 0.1,
      'also equal': () => 1 / 3,
      falling: (i) => 1 / (i + 1),
      random: (i) => (((i + 1) * 7919) % 10007) / 10007,
    }
    for (const [name, term] of Object.entries(terms)) {
      const a = Float32Array.from({ length: n }, (_, i) => term(i))
      const exact = a.reduceRight((s, v) => s + v, 0)
      const [sum] = take(tf.tidy(() => ops.sum(tf.tensor1d(a))))
      expect(Math.abs(sum - exact) / exact, name).toBeLessThan(1e-6)
    }
  })

  test('a sum repeats bit for bit, whatever the shape', () => {
    const a = Float32Array.from({ length: 30030 }, (_, i) => Math.sin(i))
    const sums = [[30030], [2, 15015], [3, 5, 2002], [30030, 1]].map(
      (shape) => take(tf.tidy(() => ops.sum(tf.tensor(a, shape))))[0],
    )
    expect(new Set(sums).size).toBe(1)
  })

  test('nothing is left behind', () => {
    const before = held()
    const x = tf.tensor1d(Array.from({ length: 1003 }, (_, i) => i))
    tf.tidy(
      () =>
        [ops.sum(x), ops.max(x, tf.scalar(3)), ops.where(x, tf.scalar(1), x), ops.slice(x, 3)]
          .length,
    )
    x.dispose()
    expect(held()).toEqual(before)
  })
})

function leftOpen(name: Elementwise, [a, b]: number[]): boolean {
  if (name === 'div')
    return (a === 0 && b === 0) || (a !== 0 && Math.abs(b) === 0 && Object.is(b, -0))
  if (name === 'pow') return !(a >= 0 && b > 0)
  return false
}
