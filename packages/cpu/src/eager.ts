/**
 * Steps on plain arrays, one loop and one new array per operation: slow, obvious, and the reference for everything faster.
 * Scalars are JavaScript numbers, so global and tensor scope compute in double precision.
 */
import { type EagerOps, type EagerSpec, type Elementwise, host } from '@freestep/core'
import { sum } from './sum.ts'

/** The caller's arrays. */
export type FloatArray = Float32Array | Float64Array

/** A tensor of eager execution: an array, or a number for a scalar. */
export type Operand = FloatArray | number

/** An array of the same kind. */
export const like = (array: FloatArray, size: number): FloatArray =>
  array instanceof Float32Array ? new Float32Array(size) : new Float64Array(size)

/** Operands as functions of the index; a scalar is rounded to the precision of the arrays it meets. */
const reader = (operand: Operand | undefined, single: boolean): ((i: number) => number) => {
  if (operand === undefined) return () => 0
  if (typeof operand !== 'number') return (i) => operand[i]
  const rounded = single ? Math.fround(operand) : operand
  return () => rounded
}

function elementwise(op: Elementwise): (...args: Operand[]) => Operand {
  const f = host[op]
  return (...args) => {
    const shaped = args.find((arg) => typeof arg !== 'number')
    if (shaped === undefined || typeof shaped === 'number') return f(...(args as number[]))
    const out = like(shaped, shaped.length)
    const [a, b, c] = [0, 1, 2].map((i) => reader(args[i], shaped instanceof Float32Array)) as [Read, Read, Read]
    for (let i = 0; i < out.length; i++) out[i] = f(a(i), b(i), c(i))
    return out
  }
}
type Read = (i: number) => number

const names = Object.keys(host) as Elementwise[]

/** The operations of eager execution on arrays. */
export const ops: EagerOps<Operand> = {
  ...(Object.fromEntries(names.map((op) => [op, elementwise(op)])) as Record<Elementwise, (...args: Operand[]) => Operand>),
  constant: (c) => c,
  sum: (a) => (typeof a === 'number' ? a : sum(a)),
  slice(a, p) {
    if (typeof a === 'number') return a
    const out = like(a, Math.ceil(a.length / p))
    for (let i = 0; i < out.length; i++) out[i] = a[i * p]
    return out
  },
}

/** What core needs to run programs operation by operation on the caller's own arrays. */
export const eagerSpec = (describe: EagerSpec<FloatArray, Operand>['describe']): EagerSpec<FloatArray, Operand> => ({
  name: 'cpu',
  ops,
  describe,
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
