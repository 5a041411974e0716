/**
 * bfloat16 against the definition: every pattern, and the nearest pattern of numbers between two.
 * float16 is tested where WebGPU uses it.
 */
import { expect, test } from 'vitest'
import { halves } from '../src/index.ts'

const { decode, encode } = halves.bfloat16

/**
 * The number of a pattern, by the definition of the format: 8 bits of exponent and 7 of fraction.
 */
function defined(pattern: number): number {
  const [sign, exponent, fraction] = [
    pattern & 0x8000 ? -1 : 1,
    (pattern >> 7) & 255,
    pattern & 127,
  ]
  if (exponent === 255) return fraction ? Number.NaN : sign * Infinity
  return sign * (exponent ? (128 + fraction) * 2 ** (exponent - 134) : fraction * 2 ** -133)
}

test('patterns are the numbers of the definition, and come back', () => {
  for (let pattern = 0; pattern < 65536; pattern++) {
    const number = decode(pattern)
    expect(number).toBe(defined(pattern))
    if (!Number.isNaN(number)) expect(encode(number)).toBe(pattern)
  }
  expect(decode(encode(Number.NaN))).toBeNaN()
})

test('between two numbers the nearer one, in the middle the even one', () => {
  for (let pattern = 0; pattern < 0x7f7f; pattern++) {
    const [low, high] = [decode(pattern), decode(pattern + 1)]
    const even = pattern % 2 === 0 ? pattern : pattern + 1
    const between = [0.49, 0.5, 0.51].map((part) => low + part * (high - low))
    expect(between.map(encode)).toEqual([pattern, even, pattern + 1])
  }
  expect([3.3962e38, -3.3962e38, 1e-42, -1e300].map(encode)).toEqual([0x7f80, 0xff80, 0, 0xff80])
})
