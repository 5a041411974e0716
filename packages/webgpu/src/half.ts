/**
 * IEEE 754 half precision on a host that may not have it: numbers of 16 bits to and from Float32Array. Not arithmetic, which is the
 * device's.
 */

/** The numbers of some half-precision patterns. */
export function fromHalf(patterns: Uint16Array): Float32Array {
  return Float32Array.from(patterns, (pattern) => {
    const sign = pattern & 0x8000 ? -1 : 1
    const exponent = (pattern >> 10) & 31
    const fraction = pattern & 1023
    if (exponent === 31) return fraction ? Number.NaN : sign * Infinity
    return sign * (exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24)
  })
}

/** The nearest half-precision patterns, ties to even. */
export function toHalf(numbers: ArrayLike<number>): Uint16Array<ArrayBuffer> {
  return Uint16Array.from(numbers, (number) => {
    const sign = number < 0 || Object.is(number, -0) ? 0x8000 : 0
    const size = Math.abs(number)
    if (Number.isNaN(size)) return 0x7e00
    if (size >= 65520) return sign | 0x7c00
    const exponent = Math.max(-14, Math.floor(Math.log2(size || 2 ** -14)))
    // In units of the last place; where rounding carries, the pattern goes on to the next exponent by itself.
    const fraction = roundToEven(size / 2 ** (exponent - 10))
    return sign | (fraction + ((exponent + 14) << 10))
  })
}

function roundToEven(a: number): number {
  const down = Math.floor(a)
  const rest = a - down
  return rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down
}
