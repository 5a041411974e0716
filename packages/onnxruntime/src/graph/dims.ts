/**
 * Sizes of dimensions, as far as they are known before anything runs: numbers, names such as
 * "batch", and products of both ("4*batch"). Not a computer algebra: what is no product is unknown,
 * a name of its own.
 */

/**
 * A size, or the name of one. Two sizes of one name are equal; of two with different names that is
 * not known.
 */
export type Dim = number | string

/** The size of each dimension. */
export type Shape = readonly Dim[]

interface Monomial {
  readonly factor: number
  readonly names: readonly string[]
}

function monomial(dim: Dim): Monomial {
  if (typeof dim === 'number') return { factor: dim, names: [] }
  const parts = dim.split('*').map((part) => part.trim())
  const numbers = parts.filter((part) => /^\d+$/.test(part)).map(Number)
  return {
    factor: numbers.reduce((product, each) => product * each, 1),
    names: parts.filter((part) => !/^\d+$/.test(part)),
  }
}

function dim({ factor, names }: Monomial): Dim {
  if (factor === 0 || names.length === 0) return factor
  return [...(factor === 1 ? [] : [`${factor}`]), ...[...names].sort()].join('*')
}

/** The product of sizes. */
export function product(dims: Shape): Dim {
  const parts = dims.map(monomial)
  return dim({
    factor: parts.reduce((all, { factor }) => all * factor, 1),
    names: parts.flatMap(({ names }) => names),
  })
}

/** a / b where that is whole, else undefined. */
export function quotient(a: Dim, b: Dim): Dim | undefined {
  const left = monomial(a)
  const right = monomial(b)
  const names = [...left.names]
  for (const name of right.names) {
    const at = names.indexOf(name)
    if (at < 0) return undefined
    names.splice(at, 1)
  }
  const factor = left.factor / right.factor
  return Number.isInteger(factor) ? dim({ factor, names }) : undefined
}

/** Whether all sizes are numbers. */
export const isStatic = (shape: Shape | undefined): shape is readonly number[] =>
  shape?.every((size) => typeof size === 'number') ?? false

/** Whether two shapes are known to be the same. */
export const sameShape = (a: Shape | undefined, b: Shape | undefined): boolean =>
  a !== undefined && b !== undefined && a.length === b.length && a.every((size, i) => size === b[i])

/** An axis counted from the front. */
export const axisOf = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis)

/** A shape as it stands in messages. */
export const shapeText = (shape: Shape | undefined): string =>
  shape ? `[${shape.join(', ')}]` : 'unknown'
