/**
 * A backend for nested arrays of numbers: [[1, 2], [3, 4]] is a matrix in double precision. All
 * that freestep asks of a stack of tensors, and nothing else. Not fast: one array per operation.
 */
import {
  type Backend,
  type EagerOps,
  type Elementwise,
  eagerBackend,
  FreestepError,
  host,
} from '@freestep/core'

/** What the caller has: rows of numbers, or rows of rows. */
export type Nested = number[] | Nested[]

/**
 * What the operations compute with: the same numbers in one row, or a single number for a scalar.
 */
type Flat = number[] | number

const isRow = (tensor: Nested): tensor is number[] =>
  tensor.every((each) => typeof each === 'number')

/** The innermost rows, in row-major order. */
function* rows(tensor: Nested): Generator<number[]> {
  if (isRow(tensor)) yield tensor
  else for (const each of tensor) yield* rows(each)
}

/**
 * The shape, or undefined where rows differ in length or something else than a number is in them.
 */
function shapeOf(tensor: unknown): number[] | undefined {
  if (!Array.isArray(tensor)) return undefined
  if (isRow(tensor)) return [tensor.length]
  const [first, ...others] = tensor.map(shapeOf)
  const same = others.every((shape) => shape && String(shape) === String(first))
  return first && same ? [tensor.length, ...first] : undefined
}

/**
 * One of the elementwise operations, on rows of one length and scalars, from its meaning on
 * numbers.
 */
const elementwise = (op: Elementwise) => {
  const f = host[op]
  return (...args: Flat[]): Flat => {
    const row = args.find((arg) => typeof arg !== 'number')
    if (row === undefined || typeof row === 'number') return f(...(args as number[]))
    return row.map((_, i) => f(...args.map((arg) => (typeof arg === 'number' ? arg : arg[i]))))
  }
}

/**
 * The sum of what is finite, in a fixed order, by halves, so that rounding errors grow with the
 * logarithm of the length.
 */
function sum(a: number[], from = 0, to = a.length): number {
  if (to - from < 100)
    return a
      .slice(from, to)
      .filter(Number.isFinite)
      .reduce((total, each) => total + each, 0)
  const middle = Math.floor((from + to) / 2)
  return sum(a, from, middle) + sum(a, middle, to)
}

type Elementwises = Record<Elementwise, (...args: Flat[]) => Flat>
const names = Object.keys(host) as Elementwise[]

const ops: EagerOps<Flat> = {
  ...(Object.fromEntries(names.map((op) => [op, elementwise(op)])) as Elementwises),
  constant: (c) => c,
  sum: (a) => (typeof a === 'number' ? a : sum(a)),
  slice: (a, p) => (typeof a === 'number' ? a : a.filter((_, i) => i % p === 0)),
}

/** Writes a row into a tensor, in place. */
function store(tensor: Nested, value: Flat): void {
  let i = 0
  for (const row of rows(tensor)) for (const j of row.keys()) row[j] = (value as number[])[i++]
}

const sizeOf = (tensor: Nested) => [...rows(tensor)].reduce((size, row) => size + row.length, 0)

/** The backend for nested arrays. */
export const nested = (): Backend<Nested> =>
  eagerBackend<Nested, Flat>({
    name: 'nested',
    ops,
    describe(tensor, name) {
      const shape = shapeOf(tensor)
      if (!shape)
        throw new FreestepError(
          'nested',
          'bad-dtype',
          `${name} is no regular array of numbers. Give rows of one length.`,
        )
      return { shape, size: sizeOf(tensor), dtype: 'float64' }
    },
    load: (tensor) => [...rows(tensor)].flat(),
    store,
    export(value, param) {
      const copy = structuredClone(param)
      store(copy, value)
      return copy
    },
    fill: (param, value, size = sizeOf(param)) => new Array<number>(size).fill(value),
    from: (_param, numbers) => Array.from(numbers),
    read: (value) => Float64Array.from(typeof value === 'number' ? [value] : value),
    copy: (value) => (typeof value === 'number' ? value : value.slice()),
  })
