/**
 * The few numerical helpers of the kit: a generator with a fixed sequence, exact sums, distances
 * between vectors. Not statistics and not a random number library: the sequence is the one that the
 * goldens were made with.
 */

/** Draws from [-1, 1): x ← 1664525 x + 1013904223 mod 2³², value 2 x / 2³² − 1. */
export function generator(seed: number): () => number {
  let x = seed >>> 0
  return () => {
    x = (Math.imul(1664525, x) + 1013904223) >>> 0
    return 2 * (x / 2 ** 32) - 1
  }
}

/** A list of some length, by index. */
export function fill<T>(length: number, of: (i: number) => T): T[] {
  const list: T[] = []
  for (let i = 0; i < length; i++) list.push(of(i))
  return list
}

/**
 * The sum in double precision with the rounding errors added up beside it (Neumaier 1974): exact to
 * the last digits.
 */
export function exactSum(a: Iterable<number>): number {
  let sum = 0
  let lost = 0
  for (const value of a) {
    const next = sum + value
    lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum
    sum = next
  }
  return Number.isFinite(sum) ? sum + lost : sum
}

/**
 * |a − b| where NaN equals NaN and an infinity itself; anything else that is not finite is
 * infinitely far.
 */
export function distance(a: number, b: number): number {
  if (Object.is(a, b) || a === b) return 0
  const d = Math.abs(a - b)
  return Number.isFinite(d) ? d : Infinity
}

/** Whether a is b up to a relative error. */
export function near(a: number, b: number, relative: number): boolean {
  const off = distance(a, b)
  return off === 0 || off <= relative * Math.abs(b)
}

/**
 * max |aᵢ − bᵢ| / max |bᵢ| over all tensors: how the goldens measure an error. The divisor sees
 * `also` too.
 */
export function relativeError(
  a: readonly ArrayLike<number>[],
  b: readonly ArrayLike<number>[],
  also: readonly ArrayLike<number>[] = [],
): number {
  if (a.length !== b.length || a.some((each, i) => each.length !== b[i].length)) return Infinity
  const expected = b.flatMap((each) => Array.from(each))
  const worst = a
    .flatMap((each) => Array.from(each))
    .reduce((max, value, i) => Math.max(max, distance(value, expected[i])), 0)
  const scale = [...expected, ...also.flatMap((each) => Array.from(each))].reduce(
    (max, value) => (Number.isFinite(value) ? Math.max(max, Math.abs(value)) : max),
    0,
  )
  return worst === 0 ? 0 : worst / scale
}
