/**
 * aᶜ for a ≥ 0 and a constant c > 0, which PTX has no exact instruction for: 2^(c log₂ a) in double
 * precision, to a few units in its last place; in single precision therefore rounded as well as can
 * be, but for ties nobody meets.
 */
import type { Code } from './code.ts'
import { type Float, literal } from './literal.ts'

const number = (value: number) => literal(value, 'f64')

/** Emits aᶜ; gives the register with the result. */
export function power(code: Code, type: Float, name: string, a: string, exact: number): string {
  // A constant has the precision of what it meets.
  const c = type === 'f64' ? exact : Math.fround(exact)
  const wide = type === 'f64' ? a : code.put('f64', name, 'cvt.f64.f32', a)
  const { exponent, mantissa } = split(code, wide)
  const log = log2(code, mantissa)
  const { whole, rest } = product(code, exponent, log, c)
  const scaled = scale(code, exp2(code, rest), whole)
  // 0, infinity and NaN are their own roots; a negative number has none.
  const root = code.put('f64', name, 'sqrt.rn.f64', wide)
  const positive = code.put('pred', 'p', 'setp.gt.f64', `${wide}, ${number(0)}`)
  const finite = code.put(
    'pred',
    'p',
    'setp.lt.and.f64',
    `${wide}, ${number(Infinity)}, ${positive}`,
  )
  const result = code.put('f64', name, 'selp.f64', `${scaled}, ${root}, ${finite}`)
  return type === 'f64' ? result : code.put('f32', name, 'cvt.rn.f32.f64', result)
}

/** a = 2ᵉ m with m in [√½, √2); numbers below the normal ones are made larger first. */
function split(code: Code, a: string): { exponent: string; mantissa: string } {
  const small = code.put('pred', 'p', 'setp.lt.f64', `${a}, ${number(2 ** -1022)}`)
  const larger = code.put('f64', 'a', 'mul.rn.f64', `${a}, ${number(2 ** 54)}`)
  const normal = code.put('f64', 'a', 'selp.f64', `${larger}, ${a}, ${small}`)
  const offset = code.put('b32', 'e', 'selp.b32', `54, 0, ${small}`)
  const [low, high] = [code.register('b32', 'low'), code.register('b32', 'high')]
  code.do(`mov.b64 {${low}, ${high}}, ${normal}`)
  // Counted from √½, the bits of the exponent are those of the power of two that leaves m.
  const above = code.put('b32', 'bits', 'sub.u32', `${high}, ${sqrtHalf}`)
  const steps = code.put('b32', 'e', 'shr.s32', `${above}, 20`)
  const shifted = code.put('b32', 'bits', 'shl.b32', `${steps}, 20`)
  const kept = code.put('b32', 'bits', 'sub.u32', `${high}, ${shifted}`)
  const mantissa = code.put('f64', 'm', 'mov.b64', `{${low}, ${kept}}`)
  const exponent = code.put('b32', 'e', 'sub.s32', `${steps}, ${offset}`)
  return { exponent: code.put('f64', 'e', 'cvt.rn.f64.s32', exponent), mantissa }
}
/** The upper half of √½. */
const sqrtHalf = 0x3fe6a09e

/**
 * log₂ m = 2 log₂ e · artanh f, where f = (m − 1) / (m + 1), by the series of artanh: |f| < 0.1716.
 */
function log2(code: Code, m: string): string {
  const above = code.put('f64', 'f', 'sub.rn.f64', `${m}, ${number(1)}`)
  const below = code.put('f64', 'f', 'add.rn.f64', `${m}, ${number(1)}`)
  const f = code.put('f64', 'f', 'div.rn.f64', `${above}, ${below}`)
  const square = code.put('f64', 'f', 'mul.rn.f64', `${f}, ${f}`)
  const series = polynomial(
    code,
    square,
    Array.from({ length: 12 }, (_, i) => (2 * Math.LOG2E) / (2 * i + 1)),
  )
  return code.put('f64', 'l', 'mul.rn.f64', `${f}, ${series}`)
}

/**
 * c (e + l) as a whole number and the rest, at most ½ and a little. c is taken in two parts, of
 * which the upper one times the whole number e is exact: no digits are lost to the size of the
 * product.
 */
function product(code: Code, e: string, l: string, c: number): { whole: string; rest: string } {
  const upper = Math.fround(c)
  const rough = code.put('f64', 'y', 'mul.rn.f64', `${e}, ${number(upper)}`)
  const lower = code.put('f64', 'y', 'mul.rn.f64', `${e}, ${number(c - upper)}`)
  const scaled = code.put('f64', 'y', 'mul.rn.f64', `${l}, ${number(c)}`)
  const more = code.put('f64', 'y', 'add.rn.f64', `${lower}, ${scaled}`)
  const all = code.put('f64', 'y', 'add.rn.f64', `${rough}, ${more}`)
  const whole = code.put('f64', 'k', 'cvt.rni.f64.f64', all)
  const off = code.put('f64', 'r', 'sub.rn.f64', `${rough}, ${whole}`)
  return { whole, rest: code.put('f64', 'r', 'add.rn.f64', `${off}, ${more}`) }
}

/** 2ʳ for |r| ≤ ½ and a little, by its series. */
function exp2(code: Code, r: string): string {
  const terms = [1]
  for (let i = 1; i <= 14; i++) terms.push((terms[i - 1] * Math.LN2) / i)
  return polynomial(code, r, terms)
}

/** a₀ + a₁ z + a₂ z² + … */
function polynomial(code: Code, z: string, a: readonly number[]): string {
  const last = number(a[a.length - 1])
  return a.slice(0, -1).reduceRight((sum, each) => {
    const product = code.put('f64', 's', 'mul.rn.f64', `${sum}, ${z}`)
    return code.put('f64', 's', 'add.rn.f64', `${product}, ${number(each)}`)
  }, last)
}

/**
 * a · 2ᵏ, in two steps, each of which is a normal number. Beyond ±2000 the result is 0 or infinite
 * whatever k is.
 */
function scale(code: Code, a: string, k: string): string {
  const above = code.put('f64', 'k', 'max.f64', `${k}, ${number(-2000)}`)
  const within = code.put('f64', 'k', 'min.f64', `${above}, ${number(2000)}`)
  const whole = code.put('b32', 'k', 'cvt.rzi.s32.f64', within)
  const first = code.put('b32', 'k', 'shr.s32', `${whole}, 1`)
  const second = code.put('b32', 'k', 'sub.u32', `${whole}, ${first}`)
  return [first, second].reduce((scaled, half) => {
    const biased = code.put('b32', 'k', 'add.u32', `${half}, 1023`)
    const bits = code.put('b32', 'k', 'shl.b32', `${biased}, 20`)
    const factor = code.put('f64', 'k', 'mov.b64', `{0, ${bits}}`)
    return code.put('f64', 'y', 'mul.rn.f64', `${scaled}, ${factor}`)
  }, a)
}
