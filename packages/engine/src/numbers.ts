/**
 * Numbers as the bytes of a precision, and back. What a number is as 16 bits is the business of
 * core.
 */
import { halves, type Numbers, precisionOf } from '@freestep/core'
import type { Dtype } from './device.ts'

/** A number's size. */
export const bytesEach: Readonly<Record<Dtype, 2 | 4 | 8>> = {
  float16: 2,
  bfloat16: 2,
  float32: 4,
  float64: 8,
}

/** Numbers as the bytes of a precision, each rounded to the nearest, ties to even. */
export function encode(numbers: ArrayLike<number>, dtype: Dtype): ArrayBufferView {
  if (ArrayBuffer.isView(numbers) && precisionOf(numbers) === dtype) return numbers
  if (dtype === 'float32') return Float32Array.from(numbers)
  if (dtype === 'float64') return Float64Array.from(numbers)
  return Uint16Array.from(numbers, halves[dtype].encode)
}

/** The numbers that bytes of a precision are. */
export function decode({ buffer, byteOffset, byteLength }: Uint8Array, dtype: Dtype): Numbers {
  if (dtype === 'float32') return new Float32Array(buffer, byteOffset, byteLength / 4)
  if (dtype === 'float64') return new Float64Array(buffer, byteOffset, byteLength / 8)
  return Float32Array.from(
    new Uint16Array(buffer, byteOffset, byteLength / 2),
    halves[dtype].decode,
  )
}

/** The numbers of parts that follow each other. */
export function joined(parts: readonly Numbers[]): Numbers {
  const [first] = parts
  if (first && parts.length === 1) return first
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
