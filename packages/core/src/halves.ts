/**
 * Numbers of 16 bits on a host that may not have them: to patterns and back, each to the nearest,
 * ties to even. For backends; not arithmetic, which is the device's.
 */

/** A precision of 16 bits. */
export interface Half {
  /** The number of a pattern. */
  decode(pattern: number): number
  /** The pattern of the nearest number. */
  encode(number: number): number
}

/** IEEE half precision: 11 bits of significand, 5 of exponent. */
const float16: Half = {
  decode(pattern) {
    const sign = pattern & 0x8000 ? -1 : 1
    const exponent = (pattern >> 10) & 31
    const fraction = pattern & 1023
    if (exponent === 31) return fraction ? Number.NaN : sign * Infinity
    return sign * (exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24)
  },
  encode(number) {
    const sign = number < 0 || Object.is(number, -0) ? 0x8000 : 0
    const size = Math.abs(number)
    if (Number.isNaN(size)) return 0x7e00
    if (size >= 65520) return sign | 0x7c00
    const exponent = Math.max(-14, Math.floor(Math.log2(size || 2 ** -14)))
    // In units of the last place; where rounding carries, the pattern goes on to the next exponent
    // by itself.
    const fraction = roundToEven(size / 2 ** (exponent - 10))
    return sign | (fraction + ((exponent + 14) << 10))
  },
}

function roundToEven(a: number): number {
  const down = Math.floor(a)
  const rest = a - down
  return rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down
}

const bits = new DataView(new ArrayBuffer(4))

/** bfloat16: the upper half of a single, so numbers are rounded to a single first. */
const bfloat16: Half = {
  decode(pattern) {
    bits.setUint32(0, pattern * 65536)
    return bits.getFloat32(0)
  },
  encode(number) {
    if (Number.isNaN(number)) return 0x7fc0
    bits.setFloat32(0, number)
    const pattern = bits.getUint32(0)
    return ((pattern + 0x7fff + ((pattern >>> 16) & 1)) / 65536) & 0xffff
  },
}

/** The precisions of 16 bits by the names that tensors give them. */
export const halves: Readonly<Record<'float16' | 'bfloat16', Half>> = { float16, bfloat16 }
