/**
 * Half precision on the host, against the definition: every pattern, and the nearest pattern of
 * numbers between two.
 */
import { expect, test } from 'vitest'
import { decode, encode } from '../src/index.ts'

const fromHalf = (patterns: Uint16Array) => decode(new Uint8Array(patterns.buffer), 'float16')
const toHalf = (numbers: ArrayLike<number>) =>
  Uint16Array.from(numbers, (number) => new Uint16Array(encode([number], 'float16').buffer)[0])

const patterns = Uint16Array.from({ length: 65536 }, (_, i) => i)
const numbers = fromHalf(patterns)

test('patterns are the numbers that IEEE 754 says', () => {
  const known: [number, number][] = [
    ...([
      [0x0000, 0],
      [0x8000, -0],
      [0x0001, 2 ** -24],
      [0x03ff, 1023 * 2 ** -24],
      [0x0400, 2 ** -14],
      [0x3c00, 1],
    ] as const),
    ...([
      [0x3555, 0.333251953125],
      [0x7bff, 65504],
      [0xc000, -2],
      [0x7c00, Infinity],
      [0xfc00, -Infinity],
    ] as const),
  ] as [number, number][]
  for (const [pattern, number] of known) expect(numbers[pattern], pattern.toString(16)).toBe(number)
  expect(numbers[0x7c01]).toBeNaN()
})

test('every number comes back as its own pattern', () => {
  const back = toHalf(numbers)
  for (const pattern of patterns)
    if (!Number.isNaN(numbers[pattern])) expect(back[pattern]).toBe(pattern)
  expect(toHalf([Number.NaN])[0] & 0x7fff).toBeGreaterThan(0x7c00)
})

test('between two numbers the nearer one, in the middle the even one', () => {
  for (let pattern = 0; pattern < 0x7bff; pattern++) {
    const [low, high] = [numbers[pattern], numbers[pattern + 1]]
    const even = pattern % 2 === 0 ? pattern : pattern + 1
    expect([
      ...toHalf([low + 0.49 * (high - low), (low + high) / 2, low + 0.51 * (high - low)]),
    ]).toEqual([pattern, even, pattern + 1])
  }
  expect([...toHalf([65519, 65520, 1e-9, -1e9])]).toEqual([0x7bff, 0x7c00, 0, 0xfc00])
})
