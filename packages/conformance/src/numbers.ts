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

/** Uniform draws from [-1, 1) (mulberry32). */
export function draws(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return 2 * (((t ^ (t >>> 14)) >>> 0) / 2 ** 32) - 1
  }
}

/** A random stream with choices. */
export interface Chance {
  /** From [-1, 1). */
  draw(): number
  /** One of 0, 1, …, n − 1. */
  below(n: number): number
  pick<T>(list: readonly T[]): T
}

/**
 * A random stream with choices. Neighbouring seeds are spread first, or their first draws would be
 * alike.
 */
export function chance(seed: number): Chance {
  const draw = generator(Math.imul(seed + 1, 0x9e3779b1))
  const below = (n: number) => Math.floor(((draw() + 1) / 2) * n)
  return { draw, below, pick: <T>(list: readonly T[]): T => list[below(list.length)] }
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
