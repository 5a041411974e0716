/**
 * The steps of every algorithm, watched for races, with blocks and warps in several orders: nothing
 * races, and the order changes no bit.
 */
import { table } from '@freestep/conformance'
import { describe, expect, test } from 'vitest'
import { createOptimizer, cuda, type Dtype } from '../src/index.ts'
import { EmulatedDriver } from './emulator/driver.ts'

/** One in several chunks, one that no 16 bytes divide, and more. */
const sizes = [1100, 7, 96]
const seeds = [1, 2]
const wave = (size: number, phase: number) =>
  Float32Array.from({ length: size }, (_, i) => Math.sin(3 * i + phase))

/** Parameters after a few steps, and what the algorithm says of itself. */
async function run(
  make: (typeof table)[number]['make'],
  seed: number,
  dtype: Dtype,
  stochasticRounding: boolean,
) {
  const driver = new EmulatedDriver({ seed, races: true, memory: 1 << 24 })
  const backend = await cuda({ driver, blockSize: 64, stochasticRounding })
  const named = (phase: number) =>
    Object.fromEntries(
      sizes.map((size, i) => [`p${i}`, backend.array(wave(size, phase + i), dtype)]),
    )
  const params = named(0)
  const optimizer = await createOptimizer(make(), params, backend)
  for (let k = 0; k < 3; k++) optimizer.step(named(k), { loss: 1 / (k + 1) })
  const scalars = await optimizer.scalars()
  return { params: Object.values(params).map((each) => [...each.read()]), scalars }
}

describe.each([
  ['float32', false],
  ['bfloat16', true],
  ['float64', false],
] as const)('%s', (dtype, stochasticRounding) => {
  test.each(table)('$name', async ({ make }) => {
    const [first, ...others] = await Promise.all(
      seeds.map((seed) => run(make, seed, dtype, stochasticRounding)),
    )
    for (const other of others) expect(other).toEqual(first)
    expect(first.params.flat().every(Number.isFinite)).toBe(true)
  })
})
