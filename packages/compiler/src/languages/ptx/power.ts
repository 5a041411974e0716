/**
 * aᶜ for a ≥ 0 and a constant c > 0, which PTX has no exact instruction for: 2^(c log₂ a) in double
 * precision, to a few units in its last place; in single precision therefore rounded as well as can
 * be, but for ties nobody meets.
 */
import type { Code } from './code.ts'
import { type Float, literal } from './literal.ts'

/** Emits aᶜ; gives the register with the result. */
export function power(code: Code, type: Float, name: string, a: string, exact: number): string {
  // A constant has the precision of what it meets.
  const c = type === 'f64' ? exact : Math.fround(exact)
  const wide = type === 'f64' ? a : code.calc('cvt.f64.f32', a)
  const { exponent, mantissa } = split(code, wide)
  const { whole, rest } = product(code, exponent, log2(code, mantissa), c)
  const scaled = scale(code, exp2(code, rest), whole)
  // 0, infinity and NaN are their own roots; a negative number has none.
  const root = code.calc('sqrt.rn.f64', wide)
  const positive = code.calc('setp.gt.f64', wide, 0)
  const finite = code.put('pred', 'p', 'setp.lt.and.f64', `${wide}, ${infinity}, ${positive}`)
  const result = code.put('f64', name, 'selp.f64', `${scaled}, ${root}, ${finite}`)
  return type === 'f64' ? result : code.put('f32', name, 'cvt.rn.f32.f64', result)
}
const infinity = literal(Infinity, 'f64')

/** a = 2ᵉ m with m in [√½, √2); numbers below the normal ones are made larger first. */
function split(code: Code, a: string): { exponent: string; mantissa: string } {
  const small = code.calc('setp.lt.f64', a, 2 ** -1022)
  const normal = code.calc('selp.f64', code.calc('mul.rn.f64', a, 2 ** 54), a, small)
  const offset = code.calc('selp.b32', 54, 0, small)
  const [low, high] = code.halves(normal)
  // Counted from √½, the bits of the exponent are those of the power of two that leaves m.
  const steps = code.calc('shr.s32', code.calc('sub.u32', high, sqrtHalf), 20)
  const kept = code.calc('sub.u32', high, code.calc('shl.b32', steps, 20))
  const mantissa = code.double(low, kept)
  return { exponent: code.calc('cvt.rn.f64.s32', code.calc('sub.s32', steps, offset)), mantissa }
}
/** The upper half of √½. */
const sqrtHalf = 0x3fe6a09e

/**
 * log₂ m = 2 log₂ e · artanh f, where f = (m − 1) / (m + 1), by the series of artanh: |f| < 0.1716.
 */
function log2(code: Code, m: string): string {
  const [above, below] = ['sub', 'add'].map((each) => code.calc(`${each}.rn.f64`, m, 1))
  const f = code.calc('div.rn.f64', above, below)
  const terms = Array.from({ length: 12 }, (_, i) => (2 * Math.LOG2E) / (2 * i + 1))
  return code.calc('mul.rn.f64', f, polynomial(code, code.calc('mul.rn.f64', f, f), terms))
}

/**
 * c (e + l) as a whole number and the rest, at most ½ and a little. c is taken in two parts, of
 * which the upper one times the whole number e is exact: no digits are lost to the size of the
 * product.
 */
function product(code: Code, e: string, l: string, c: number): { whole: string; rest: string } {
  const upper = Math.fround(c)
  const [rough, lower] = [upper, c - upper].map((part) => code.calc('mul.rn.f64', e, part))
  const more = code.calc('add.rn.f64', lower, code.calc('mul.rn.f64', l, c))
  const whole = code.calc('cvt.rni.f64.f64', code.calc('add.rn.f64', rough, more))
  return { whole, rest: code.calc('add.rn.f64', code.calc('sub.rn.f64', rough, whole), more) }
}

/** 2ʳ for |r| ≤ ½ and a little, by its series. */
function exp2(code: Code, r: string): string {
  const terms = [1]
  for (let i = 1; i <= 14; i++) terms.push((terms[i - 1] * Math.LN2) / i)
  return polynomial(code, r, terms)
}

/** a₀ + a₁ z + a₂ z² + … */
const polynomial = (code: Code, z: string, a: readonly number[]): string =>
  a
    .slice(0, -1)
    .reduceRight(
      (sum, each) => code.calc('add.rn.f64', code.calc('mul.rn.f64', sum, z), each),
      literal(a[a.length - 1], 'f64'),
    )

/**
 * a · 2ᵏ, in two steps, each of which is a normal number. Beyond ±2000 the result is 0 or infinite
 * whatever k is.
 */
function scale(code: Code, a: string, k: string): string {
  const within = code.calc('min.f64', code.calc('max.f64', k, -2000), 2000)
  const whole = code.calc('cvt.rzi.s32.f64', within)
  const first = code.calc('shr.s32', whole, 1)
  return [first, code.calc('sub.u32', whole, first)].reduce((scaled, half) => {
    const bits = code.calc('shl.b32', code.calc('add.u32', half, 1023), 20)
    return code.calc('mul.rn.f64', scaled, code.double('0', bits))
  }, a)
}
