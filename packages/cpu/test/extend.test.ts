/**
 * Optimizers that take more parameters as they go: fused ones against the same on plain arrays
 * operation by operation.
 */
import { expect, test } from 'vitest'
import {
  averaged,
  cpu,
  createOptimizer,
  dog,
  type FloatArray,
  prodigy,
  toSafetensors,
} from '../src/index.ts'

const wave = (size: number, phase: number) =>
  Float64Array.from({ length: size }, (_, i) => Math.sin(i + phase))

/**
 * Ten steps, the second half of them with a parameter more; `own` gives gradients in arrays of the
 * caller, else in those of the kernels.
 */
async function run(
  make: () => Parameters<typeof createOptimizer>[0],
  fused: boolean,
  own: boolean,
) {
  const a: FloatArray = wave(3000, 0)
  const b: FloatArray = Float32Array.from(wave(5, 1))
  const optimizer = await createOptimizer(make(), { a }, await cpu({ fused }))
  const step = (k: number, names: readonly string[]) => {
    const { grads } = optimizer
    const gradients = Object.fromEntries(
      names.map((name) => [name, name === 'a' ? wave(3000, k) : Float32Array.from(wave(5, k))]),
    )
    if (own || !grads) return optimizer.step(gradients)
    for (const name of names) grads[name].set(gradients[name])
    optimizer.step(grads)
  }
  for (let k = 0; k < 5; k++) step(k, ['a'])
  optimizer.extend({ a, b })
  for (let k = 5; k < 10; k++) step(k, ['a', 'b'])
  const checkpoint = await optimizer.save({ params: true })
  const evaluated = Object.values(optimizer.evaluated()).map((point) => [...point])
  optimizer.dispose()
  return {
    bytes: toSafetensors(checkpoint),
    evaluated,
    a: [...a],
    b: [...b],
    steps: checkpoint.steps,
  }
}

test.each([
  ['prodigy', () => prodigy({ d0: 1e-2, sliceP: 2 })],
  ['averaged(dog)', () => averaged(dog())],
] as const)('%s', async (_, make) => {
  const [own, views] = [await run(make, true, true), await run(make, true, false)]
  expect(own.steps).toBe(10)
  expect(views).toEqual(own)
  const eager = await run(make, false, true)
  for (const name of ['a', 'b'] as const)
    for (const [i, value] of own[name].entries())
      expect(Math.abs(value - eager[name][i])).toBeLessThan(1e-6 * Math.abs(value) + 1e-9)
})

test('threads would have to be waited for', async () => {
  const optimizer = await createOptimizer(prodigy(), { a: wave(4, 0) }, await cpu({ threads: 2 }))
  expect(() => optimizer.extend({ a: wave(4, 0), b: wave(2, 0) })).toThrow(
    /cpu cannot take more parameters/,
  )
  optimizer.dispose()
})
