/**
 * Parameters and gradients of 16 bits: the steps of the CPU, with parameters rounded after each of
 * them; rounding at random, which is right in the mean; and what the host makes of 16 bits.
 */
import { adam, averaged, dog, prodigy, sgd } from '@freestep/core'
import { cpu, createOptimizer as createOnCpu } from '@freestep/cpu'
import { describe, expect, test } from 'vitest'
import { createOptimizer, cuda, type DeviceArray } from '../src/index.ts'
import { driver } from './backend.ts'

const backend = await cuda({ driver })
const wave = (size: number, phase = 0) =>
  Float32Array.from({ length: size }, (_, i) => Math.sin(i + phase))
type Half = 'float16' | 'bfloat16'
const halves: readonly Half[] = ['float16', 'bfloat16']

/**
 * The nearest numbers with so many bits of significand, for sizes that are neither tiny nor huge.
 */
const round = (numbers: Float32Array, dtype: Half) =>
  numbers.map((value) => {
    if (!value) return value
    const bits = dtype === 'float16' ? 10 : 7
    const unit =
      2 **
      (Math.max(dtype === 'float16' ? -14 : -126, Math.floor(Math.log2(Math.abs(value)))) - bits)
    const [down, rest] = [Math.floor(value / unit), value / unit - Math.floor(value / unit)]
    return unit * (down + Number(rest > 0.5 || (rest === 0.5 && down % 2 !== 0)))
  })

describe.each(halves)('%s', (dtype) => {
  for (const [name, make] of Object.entries({
    adam,
    prodigy: () => prodigy({ d0: 1e-3 }),
    averaged: () => averaged(dog()),
  }))
    test(`${name}, beside a parameter in single precision`, async () => {
      const x = { a: round(wave(1031), dtype), b: round(wave(6), dtype), c: wave(9) }
      const right = await createOnCpu(make(), x, await cpu())
      const array = (numbers: Float32Array, i: string) =>
        backend.array(numbers, i === 'c' ? 'float32' : dtype)
      const params = Object.fromEntries(
        Object.entries(x).map(([i, numbers]) => [i, array(numbers, i)]),
      )
      const left = await createOptimizer(make(), params, backend)
      for (let k = 0; k < 4; k++) {
        const g = { a: round(wave(1031, k), dtype), b: round(wave(6, k), dtype), c: wave(9, k) }
        left.step(
          Object.fromEntries(Object.entries(g).map(([i, numbers]) => [i, array(numbers, i)])),
        )
        right.step(g)
        for (const i of ['a', 'b'] as const) x[i].set(round(x[i], dtype))
      }
      for (const [i, numbers] of Object.entries(x))
        expect([...params[i].read()]).toEqual([...numbers])
      const saved = await left.save({ params: true })
      await left.load(saved)
      expect(await left.save({ params: true })).toEqual(saved)
      expect((left.evaluated().a as DeviceArray).dtype).toBe(dtype)
    })

  test('numbers on their way to the device and back', () => {
    const there = [0, -0, 1, -1 / 3, 65504, 6e-8, 2 ** -24, Infinity, -Infinity, Number.NaN, 1e-39]
    const back = [...backend.array(there, dtype).read()]
    const wanted = {
      float16: [
        0,
        -0,
        1,
        -0.333251953125,
        65504,
        2 ** -24,
        2 ** -24,
        Infinity,
        -Infinity,
        Number.NaN,
        0,
      ],
      bfloat16: [
        0,
        -0,
        1,
        -0.333984375,
        65536,
        6.007030606269836e-8,
        2 ** -24,
        Infinity,
        -Infinity,
        Number.NaN,
        11 * 2 ** -133,
      ],
    }[dtype]
    expect(back).toEqual(wanted)
  })

  test('what is no number stays so, and what is too large is infinite', async () => {
    const x = backend.array([1, 1, 1, 1], dtype)
    const optimizer = await createOptimizer(sgd({ lr: 1 }), { x }, backend)
    optimizer.step({
      x: backend.array(
        [Number.NaN, -Infinity, Infinity, dtype === 'float16' ? 65504 : 3e38],
        dtype,
      ),
    })
    optimizer.step({ x: backend.array([0, 0, 0, dtype === 'float16' ? 65504 : 3e38], dtype) })
    expect([...x.read()]).toEqual([Number.NaN, Infinity, -Infinity, -Infinity])
  })
})

describe('rounding at random', async () => {
  const own = await cuda({ driver, stochasticRounding: true })
  const size = 4096
  /** Steps of an eighth of a unit in the last place, which rounding to the nearest loses. */
  const eighth = 2 ** -7 / 8
  const run = async (
    steps: number,
    x = own.array(Array(size).fill(1), 'bfloat16'),
    g = own.array(Array(size).fill(-eighth), 'bfloat16'),
  ) => {
    const optimizer = await createOptimizer(sgd({ lr: 1 }), { x }, own)
    for (let k = 0; k < steps; k++) optimizer.step({ x: g })
    return [...x.read()]
  }
  const count = (numbers: readonly number[], value: number) =>
    numbers.filter((each) => each === value).length
  /** Four times the standard deviation of how many of `size` are up. */
  const margin = 4 * Math.sqrt(size * (1 / 8) * (7 / 8))

  test('goes up as often as it should, and down else', async () => {
    const once = await run(1)
    expect(Math.abs(count(once, 1 + 2 ** -7) - size / 8)).toBeLessThan(margin)
    expect(count(once, 1) + count(once, 1 + 2 ** -7)).toBe(size)
  })

  test('is another draw in the next step, and the same in the next run', async () => {
    const [once, twice] = [await run(1), await run(2)]
    const still = count(twice, 1)
    expect(Math.abs(still - size * (7 / 8) ** 2)).toBeLessThan(2 * margin)
    expect(await run(2)).toEqual(twice)
    expect(once).not.toEqual(twice)
    // Neighbours, and elements a vector, a round, a chunk apart, have nothing to do with each
    // other.
    for (const distance of [1, 2, 4, 1024]) {
      const both = once.filter((value, i) => value > 1 && once[i + distance] > 1).length
      expect(Math.abs(both - (size - distance) / 64)).toBeLessThan(4 * Math.sqrt(size / 64))
    }
  })

  test('does not depend on how elements are accessed', async () => {
    const whole = own.array(Array(size + 1).fill(1), 'bfloat16')
    const odd = own.at({ pointer: whole.pointer + 2n, length: size, dtype: 'bfloat16' })
    expect(await run(1, odd)).toEqual(await run(1))
  })

  test('leaves alone what is representable, infinite or no number', async () => {
    const numbers = [1, -3, Infinity, -Infinity, Number.NaN, 0]
    const x = own.array(numbers, 'bfloat16')
    expect(
      await run(
        1,
        x,
        own.array(
          numbers.map(() => 0),
          'bfloat16',
        ),
      ),
    ).toEqual(numbers)
  })

  test('means nothing to other precisions', async () => {
    const x = own.array([1], 'float16')
    expect(await run(1, x, own.array([2 ** -13], 'float16'))).toEqual([1])
  })
})
