/**
 * Floating point of 16 bits: IEEE half and bfloat16. Conversions only, rounded once from the exact
 * value.
 */
import { f32OfBits, highBits, roundEven } from './numbers.ts'
import type { Rounding } from './rounding.ts'

interface Format {
  /** Bits of the significand, the hidden one too. */
  readonly precision: number
  /** The exponent of the least normal number. */
  readonly least: number
  /** The pattern of infinity. */
  readonly infinity: number
}

const half: Format = { precision: 11, least: -14, infinity: 0x7c00 }
const brain: Format = { precision: 8, least: -126, infinity: 0x7f80 }

/** A number as a half. */
export const f16Bits = (value: number, rounding: Rounding) => narrow(value, half, rounding)
/** A number as a bfloat16. */
export const bf16Bits = (value: number, rounding: Rounding) => narrow(value, brain, rounding)

/** The number that a bfloat16 is. */
export const bf16Of = (bits: number) => f32OfBits(bits << 16)

/** The number that a half is. */
export function f16Of(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >>> 10) & 31
  const fraction = bits & 1023
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity
  return sign * (exponent ? (fraction + 1024) * 2 ** (exponent - 25) : fraction * 2 ** -24)
}

function narrow(value: number, { precision, least, infinity }: Format, rounding: Rounding): number {
  if (Number.isNaN(value)) return 0x7fff
  const sign = highBits(value) < 0 ? 0x8000 : 0
  const magnitude = Math.abs(value)
  if (magnitude === Infinity) return sign | infinity
  const exponent = Math.max(((highBits(magnitude) >>> 20) & 2047) - 1023, least)
  // Steps of the last place: no more than 2^precision of them, and less than 2^(precision - 1) only
  // below the normal numbers.
  const steps = directed(magnitude / 2 ** (exponent - precision + 1), rounding, sign !== 0)
  const bits = (exponent - least) * 2 ** (precision - 1) + steps
  if (bits < infinity) return sign | bits
  const towards = rounding === 'rn' || rounding === (sign ? 'rm' : 'rp')
  return sign | (towards ? infinity : infinity - 1)
}

function directed(steps: number, rounding: Rounding, negative: boolean): number {
  if (rounding === 'rn') return roundEven(steps)
  return rounding === (negative ? 'rm' : 'rp') ? Math.ceil(steps) : Math.floor(steps)
}
