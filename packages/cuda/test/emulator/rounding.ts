/**
 * Rounding exactly once: sums and products by error-free transformations, whose remainder decides.
 * Not for bits: see numbers.ts. The scheme is rounding to odd: S. Boldo and G. Melquiond,
 * "Emulation of a FMA and correctly rounded sums", IEEE Transactions on Computers 57 (2008).
 */
import { f64OfBits, highBits, lowBits } from './numbers.ts'

/** How to round: to nearest even, to zero, down, up. */
export type Rounding = 'rn' | 'rz' | 'rm' | 'rp'

/**
 * A sum in double precision, or where that is not exact the neighbour whose last bit is 1: rounded
 * again to single, it is right.
 */
export function oddSum(a: number, b: number): number {
  const s = a + b
  const t = s - a
  const error = a - (s - t) + (b - t)
  if (error === 0 || Number.isNaN(error) || !Number.isFinite(s)) return s
  return toOdd(s, error)
}

/** s if its last bit is 1, else its neighbour on the side of the error. */
function toOdd(s: number, error: number): number {
  if (lowBits(s) & 1) return s
  return neighbour(s, error > 0)
}

/** The next double up or down, of one that is finite. */
function neighbour(s: number, up: boolean): number {
  if (s === 0) return up ? 5e-324 : -5e-324
  const away = up === s > 0
  const bits = (BigInt(highBits(s)) << 32n) | BigInt(lowBits(s) >>> 0)
  const next = away ? bits + 1n : bits - 1n
  return f64OfBits(Number(BigInt.asIntN(32, next >> 32n)), Number(BigInt.asIntN(32, next)))
}

/** A double as a single, rounded in a direction. */
export function single(value: number, rounding: Rounding): number {
  const nearest = Math.fround(value)
  if (rounding === 'rn' || nearest === value || Number.isNaN(value)) return nearest
  const up = rounding === 'rp' || (rounding === 'rz' && value < 0)
  if (Math.abs(nearest) === Infinity) {
    if (Math.abs(value) === Infinity) return nearest
    return up === nearest > 0 ? nearest : Math.sign(nearest) * 3.4028234663852886e38
  }
  if (up ? nearest > value : nearest < value) return nearest
  return nextSingle(nearest, up)
}

const singles = new Float32Array(1)
const bits = new Int32Array(singles.buffer)

function nextSingle(value: number, up: boolean): number {
  if (value === 0) return up ? 1.401298464324817e-45 : -1.401298464324817e-45
  singles[0] = value
  bits[0] += up === value > 0 ? 1 : -1
  return singles[0]
}

/** a + b in single precision. */
export const add32 = (a: number, b: number, rounding: Rounding) =>
  signOfZero(single(oddSum(a, b), rounding), a, b, rounding)

/** a b in single precision: the product of two singles is exact in double. */
export const mul32 = (a: number, b: number, rounding: Rounding) => single(a * b, rounding)

/** a b + c in single precision, rounded once. */
export function fma32(a: number, b: number, c: number): number {
  const product = a * b
  const s = product + c
  const t = s - product
  const error = product - (s - t) + (c - t)
  return Math.fround(
    error === 0 || Number.isNaN(error) || !Number.isFinite(s) ? s : toOdd(s, error),
  )
}

/** The same in a direction. */
export const fma32Directed = (a: number, b: number, c: number, rounding: Rounding) =>
  add32(a * b, c, rounding)

/** What cancels is +0, but -0 when rounding down. */
function signOfZero(sum: number, a: number, b: number, rounding: Rounding): number {
  const bothPositive = Object.is(a, 0) && Object.is(b, 0)
  return rounding === 'rm' && sum === 0 && a === -b && !bothPositive ? -0 : sum
}

/** a b + c in double precision, rounded once. */
export function fma64(a: number, b: number, c: number): number {
  const plain = a * b + c
  if (!Number.isFinite(a) || !Number.isFinite(b) || !Number.isFinite(c) || a === 0 || b === 0)
    return plain
  const span = [a, b, c, a * b].map(Math.abs)
  // Far from overflow and underflow every step below is exact or rounded as it must be.
  if (span.every((each) => each === 0 || (each > 1e-200 && each < 1e200)) && a * b !== 0)
    return fastFma(a, b, c)
  return exactFma(a, b, c)
}

function fastFma(a: number, b: number, c: number): number {
  const [uh, ul] = twoProduct(a, b)
  const [th, tl] = twoSum(c, ul)
  const [vh, vl] = twoSum(uh, th)
  const z = oddSum(tl, vl)
  return vh + z
}

function twoSum(a: number, b: number): [number, number] {
  const s = a + b
  const t = s - a
  return [s, a - (s - t) + (b - t)]
}

function twoProduct(a: number, b: number): [number, number] {
  const p = a * b
  const [ah, al] = split(a)
  const [bh, bl] = split(b)
  return [p, al * bl - (p - ah * bh - al * bh - ah * bl)]
}

function split(a: number): [number, number] {
  const c = 134217729 * a
  const hi = c - (c - a)
  return [hi, a - hi]
}

/** With whole numbers: every double is one, times 2^-1074. */
function exactFma(a: number, b: number, c: number): number {
  const total = whole(a) * whole(b) + (whole(c) << 1074n)
  if (total === 0n) return a * b + c
  return fromWhole(total, -2148)
}

function whole(value: number): bigint {
  const hi = highBits(value)
  const exponent = (hi >>> 20) & 2047
  const fraction = (BigInt(hi & 0xfffff) << 32n) | BigInt(lowBits(value) >>> 0)
  const magnitude = exponent ? (fraction | (1n << 52n)) << BigInt(exponent - 1) : fraction
  return hi < 0 ? -magnitude : magnitude
}

/** The double nearest to n 2^exponent. */
export function fromWhole(n: bigint, exponent: number): number {
  const magnitude = n < 0n ? -n : n
  const length = magnitude.toString(2).length
  // The weight of the last bit that a double of this size has.
  const unit = Math.max(length + exponent - 53, -1074)
  const drop = unit - exponent
  const result = drop > 0 ? roundedShift(magnitude, BigInt(drop)) : magnitude << BigInt(-drop)
  // In two steps, neither of which rounds: the first stays among the normal numbers.
  const first = Math.min(Math.max(unit, -1000), 900)
  const value = Number(result) * 2 ** first * 2 ** (unit - first)
  return n < 0n ? -value : value
}

function roundedShift(n: bigint, by: bigint): bigint {
  const down = n >> by
  const rest = n - (down << by)
  const half = 1n << (by - 1n)
  return rest > half || (rest === half && (down & 1n) === 1n) ? down + 1n : down
}

/** A whole number of 64 bits as a double, or with its remainder in the last bit. */
export function oddOfWhole(n: bigint): number {
  const nearest = Number(n)
  const rest = n - BigInt(nearest)
  return rest === 0n ? nearest : toOdd(nearest, Number(rest))
}
