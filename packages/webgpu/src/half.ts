/**
 * Numbers of half precision to and from Float32Array, as buffers hold them. What a number is as 16
 * bits is the business of core.
 */
import { halves } from '@freestep/core'

/** The numbers of some half-precision patterns. */
export const fromHalf = (patterns: Uint16Array): Float32Array =>
  Float32Array.from(patterns, halves.float16.decode)

/** The nearest half-precision patterns, ties to even. */
export const toHalf = (numbers: ArrayLike<number>): Uint16Array<ArrayBuffer> =>
  Uint16Array.from(numbers, halves.float16.encode)
