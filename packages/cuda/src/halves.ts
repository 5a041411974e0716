/**
 * Numbers of 16 bits on a host: IEEE half precision and bfloat16, to and from singles. Not arithmetic, which is the device's.
 */
import type { Numbers } from '@freestep/core'
import type { Dtype } from './array.ts'

/** Numbers as the bytes of a precision, each rounded to the nearest, ties to even. */
export function encode(numbers: ArrayLike<number>, dtype: Dtype): ArrayBufferView {
  if (dtype === 'float32') return numbers instanceof Float32Array ? numbers : Float32Array.from(numbers)
  if (dtype === 'float64') return numbers instanceof Float64Array ? numbers : Float64Array.from(numbers)
  return Uint16Array.from(numbers, dtype === 'float16' ? toHalf : toBfloat16)
}

/** The numbers that bytes of a precision are. */
export function decode({ buffer, byteOffset, byteLength }: Uint8Array, dtype: Dtype): Numbers {
  if (dtype === 'float32') return new Float32Array(buffer, byteOffset, byteLength / 4)
  if (dtype === 'float64') return new Float64Array(buffer, byteOffset, byteLength / 8)
  return Float32Array.from(new Uint16Array(buffer, byteOffset, byteLength / 2), dtype === 'float16' ? fromHalf : fromBfloat16)
}

const bits = new DataView(new ArrayBuffer(4))

/** The number of a bfloat16: the upper half of a single. */
function fromBfloat16(pattern: number): number {
  bits.setUint32(0, pattern * 65536)
  return bits.getFloat32(0)
}

/** The nearest bfloat16, by way of the nearest single. */
function toBfloat16(number: number): number {
  if (Number.isNaN(number)) return 0x7fc0
  bits.setFloat32(0, number)
  const pattern = bits.getUint32(0)
  return ((pattern + 0x7fff + ((pattern >>> 16) & 1)) / 65536) & 0xffff
}

/** The number of a half. */
function fromHalf(pattern: number): number {
  const sign = pattern & 0x8000 ? -1 : 1
  const exponent = (pattern >> 10) & 31
  const fraction = pattern & 1023
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity
  return sign * (exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24)
}

/** The nearest half. */
function toHalf(number: number): number {
  const sign = number < 0 || Object.is(number, -0) ? 0x8000 : 0
  const size = Math.abs(number)
  if (Number.isNaN(size)) return 0x7e00
  if (size >= 65520) return sign | 0x7c00
  const exponent = Math.max(-14, Math.floor(Math.log2(size || 2 ** -14)))
  // In units of the last place; where rounding carries, the pattern goes on to the next exponent by itself.
  const fraction = roundToEven(size / 2 ** (exponent - 10))
  return sign | (fraction + ((exponent + 14) << 10))
}

function roundToEven(a: number): number {
  const down = Math.floor(a)
  const rest = a - down
  return rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down
}
