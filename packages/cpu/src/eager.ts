/**
 * Steps on plain arrays, one loop and one new array per operation: slow, obvious, and the reference
 * for everything faster. Scalars are JavaScript numbers, so global and tensor scope compute in
 * double precision.
 */
import {
  type EagerOps,
  type EagerSpec,
  type Elementwise,
  host,
  memoryOf,
  precisionOf,
} from '@freestep/core'
import type { FloatArray } from './arrays.ts'
import { sum } from './sum.ts'

/** A tensor of eager execution: an array, or a number for a scalar. */
export type Operand = FloatArray | number

const isSingle = (array: FloatArray) => precisionOf(array) === 'float32'

/** An array of the same kind. */
export const like = (array: FloatArray, size: number): FloatArray =>
  isSingle(array) ? new Float32Array(size) : new Float64Array(size)

/**
 * An operand as an array, and how far apart its elements are: a scalar, rounded to the precision of
 * the arrays it meets, is one for all.
 */
function spread(
  operand: Operand | undefined,
  single: boolean,
): readonly [FloatArray, stride: 0 | 1] {
  if (operand !== undefined && typeof operand !== 'number') return [operand, 1]
  const number = operand ?? 0
  return [Float64Array.of(single ? Math.fround(number) : number), 0]
}

function elementwise(op: Elementwise): (...args: Operand[]) => Operand {
  const f = host[op] as (a: number, b: number, c: number) => number
  return (x, y, z) => {
    const shaped = [x, y, z].find((arg) => arg !== undefined && typeof arg !== 'number')
    if (shaped === undefined || typeof shaped === 'number')
      return f(x as number, y as number, z as number)
    const single = isSingle(shaped)
    const [[a, i], [b, j], [c, k]] = [spread(x, single), spread(y, single), spread(z, single)]
    const out = like(shaped, shaped.length)
    for (let n = 0; n < out.length; n++) out[n] = f(a[n * i], b[n * j], c[n * k])
    return out
  }
}

const names = Object.keys(host) as Elementwise[]

/** The operations of eager execution on arrays. */
export const ops: EagerOps<Operand> = {
  ...(Object.fromEntries(names.map((op) => [op, elementwise(op)])) as Record<
    Elementwise,
    (...args: Operand[]) => Operand
  >),
  constant: (c) => c,
  sum: (a, p) => (typeof a === 'number' ? a : sum(a, p)),
  slice(a, p) {
    if (typeof a === 'number') return a
    const out = like(a, Math.ceil(a.length / p))
    for (let i = 0; i < out.length; i++) out[i] = a[i * p]
    return out
  },
}

/** What core needs to run programs operation by operation on the caller's own arrays. */
export const eagerSpec = (
  describe: EagerSpec<FloatArray, Operand>['describe'],
): EagerSpec<FloatArray, Operand> => ({
  name: 'cpu',
  ops,
  describe,
  memory: memoryOf,
  load: (array) => array,
  store: (param, value) => void param.set(value as FloatArray),
  export: (value) => (value as FloatArray).slice(),
  fill: (param, value, size = param.length) => like(param, size).fill(value),
  from(param, numbers, size = param.length) {
    const out = like(param, size)
    out.set(numbers)
    return out
  },
  read: (value) => (typeof value === 'number' ? Float64Array.of(value) : value.slice()),
  copy: (value) => (typeof value === 'number' ? value : value.slice()),
})
