/**
 * What rounds once, against exact arithmetic: a finite number of floating point is a whole number
 * times a power of two.
 */
import { describe, expect, test } from 'vitest'
import { bf16Bits, bf16Of, f16Bits, f16Of } from './emulator/halves.ts'
import { random } from './emulator/random.ts'
import { add32, fma32, fma32Directed, fma64, type Rounding } from './emulator/rounding.ts'

/** n 2^e. */
type Exact = readonly [n: bigint, e: number]

function exact(value: number): Exact {
  let e = 0
  let n = value
  for (; !Number.isInteger(n); e--) n *= 2
  return [BigInt(n), e]
}

const product = ([n, e]: Exact, [m, f]: Exact): Exact => [n * m, e + f]
function sum([n, e]: Exact, [m, f]: Exact): Exact {
  const least = Math.min(e, f)
  return [(n << BigInt(e - least)) + (m << BigInt(f - least)), least]
}

/** The sign of the difference. */
function compare(a: Exact, [m, f]: Exact): number {
  const [d] = sum(a, [-m, f])
  return d < 0n ? -1 : Number(d > 0n)
}

const words = new DataView(new ArrayBuffer(8))
/** Neighbours in single or double precision. */
function neighbour(value: number, up: boolean, bits: 32 | 64): number {
  if (value === 0) return (up ? 1 : -1) * (bits === 32 ? 2 ** -149 : 2 ** -1074)
  const step = up === value > 0 ? 1n : -1n
  if (bits === 32) {
    words.setFloat32(0, value)
    words.setUint32(0, words.getUint32(0) + Number(step))
    return words.getFloat32(0)
  }
  words.setFloat64(0, value)
  words.setBigUint64(0, words.getBigUint64(0) + step)
  return words.getFloat64(0)
}

/**
 * Whether a result is the exact value rounded so: no other is nearer, or none lies between it and
 * the value.
 */
function isRounded(result: number, value: Exact, rounding: Rounding, bits: 32 | 64): boolean {
  const order = compare(exact(result), value)
  if (order === 0) return true
  if (rounding === 'rm')
    return order < 0 && compare(exact(neighbour(result, true, bits)), value) > 0
  if (rounding === 'rp')
    return order > 0 && compare(exact(neighbour(result, false, bits)), value) < 0
  if (rounding === 'rz') return isRounded(result, value, value[0] > 0n ? 'rm' : 'rp', bits)
  const other = neighbour(result, order < 0, bits)
  // The middle of the two is nearer to the result than the value is, or it is the value and the
  // result is even.
  const [n, e] = sum(exact(result), exact(other))
  const middle = compare(value, [n, e - 1])
  return middle === 0 ? isEven(result, bits) : middle === order
}

function isEven(value: number, bits: 32 | 64): boolean {
  if (bits === 32) words.setFloat32(0, value)
  else words.setFloat64(0, value)
  return (words.getUint8(bits / 8 - 1) & 1) === 0
}

const next = random(7)
/** A single of any size around 1, some with few bits so that ties come up. */
function single(spread: number): number {
  const bits = next() < 0.5 ? 24 : 13
  const significand = Math.floor(next() * 2 ** bits) + 1
  return Math.fround(
    (next() < 0.5 ? -1 : 1) * significand * 2 ** Math.floor((next() - 0.5) * spread),
  )
}

/** The cases that are not rounded as they should be. */
function wrong(
  count: number,
  run: () => readonly [result: number, value: Exact, ...operands: number[]],
  rounding: Rounding,
  bits: 32 | 64,
) {
  const all = Array.from({ length: count }, run)
  return all
    .filter(([result, value]) => !isRounded(result, value, rounding, bits))
    .map(([, , ...operands]) => operands)
}

const fused = (a: number, b: number, c: number) => sum(product(exact(a), exact(b)), exact(c))

describe('fma', () => {
  test('in single precision', () => {
    const run = () => {
      const [a, b] = [single(20), single(20)]
      const c = next() < 0.5 ? Math.fround(-a * b * (1 + (next() - 0.5) * 2 ** -20)) : single(80)
      return [fma32(a, b, c), fused(a, b, c), a, b, c] as const
    }
    expect(wrong(20000, run, 'rn', 32)).toEqual([])
  })
  test('in single precision, among subnormal numbers', () => {
    const run = () => {
      const [a, b, c] = [single(10) * 2 ** -90, single(10) * 2 ** -70, single(4) * 2 ** -150].map(
        Math.fround,
      )
      return [fma32(a, b, c), fused(a, b, c), a, b, c] as const
    }
    expect(wrong(5000, run, 'rn', 32)).toEqual([])
  })
  test.each(['rz', 'rm', 'rp'] as const)('and sums in single precision, %s', (rounding) => {
    const fma = () => {
      const [a, b, c] = [single(20), single(20), single(80)]
      return [fma32Directed(a, b, c, rounding), fused(a, b, c), a, b, c] as const
    }
    const add = () => {
      const [a, b] = [single(20), single(80)]
      return [add32(a, b, rounding), sum(exact(a), exact(b)), a, b] as const
    }
    expect(wrong(5000, fma, rounding, 32)).toEqual([])
    expect(wrong(5000, add, rounding, 32)).toEqual([])
  })
  test.each([0, -500, -530, -537])('in double precision, times 2^%s', (scale) => {
    const run = () => {
      const [a, b] = [(next() - 0.5) * 2 ** scale, (next() - 0.5) * 2 ** scale]
      const c =
        next() < 0.5
          ? -a * b * (1 + next() * 2 ** -50)
          : (next() - 0.5) * 2 ** (2 * scale - 60 * next())
      return [fma64(a, b, c), fused(a, b, c), a, b, c] as const
    }
    expect(wrong(3000, run, 'rn', 64)).toEqual([])
  })
})

describe('16 bits', () => {
  const patterns = Array.from({ length: 65536 }, (_, bits) => bits)
  test.each([
    ['half', f16Bits, f16Of],
    ['bfloat16', bf16Bits, bf16Of],
  ] as const)(
    'every %s is itself, and what lies between two goes to the nearer, half way to the even one',
    (_, bitsOf, of) => {
      expect(
        patterns.filter((bits) => !Number.isNaN(of(bits)) && bitsOf(of(bits), 'rn') !== bits),
      ).toEqual([])
      const below = patterns.filter((bits) => bits < 0x7fff && Number.isFinite(of(bits + 1)))
      const at = (bits: number, part: number) => of(bits) + (of(bits + 1) - of(bits)) * part
      const wrongly = below.filter((bits) => {
        const near = [0.25, 0.5, 0.75].map((part) => bitsOf(at(bits, part), 'rn') - bits)
        const directed = [
          bitsOf(at(bits, 0.75), 'rz'),
          bitsOf(at(bits, 0.25), 'rp'),
          bitsOf(-at(bits, 0.25), 'rm') - 0x8000,
        ]
        return (
          String(near) !== String([0, bits % 2, 1]) ||
          String(directed.map((each) => each - bits)) !== '0,1,1'
        )
      })
      expect(wrongly).toEqual([])
    },
  )
})
