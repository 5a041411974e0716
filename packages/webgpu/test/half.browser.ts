/**
 * Half precision on a device that has it: the steps of the CPU, with parameters rounded to half
 * precision after each of them.
 */
import { adam, averaged, dog, halves, prodigy } from '@freestep/core'
import { cpu, createOptimizer as createOnCpu } from '@freestep/cpu'
import { expect, test } from 'vitest'
import { createOptimizer, type GPUBufferView, webgpu } from '../src/index.ts'
import { vectorUsage } from '../src/usage.ts'

const backend = await webgpu()
const { device } = backend
const wave = (size: number, phase = 0) =>
  Float32Array.from({ length: size }, (_, i) => Math.sin(i + phase))
const fromHalf = (patterns: Uint16Array) => Float32Array.from(patterns, halves.float16.decode)
const toHalf = (numbers: ArrayLike<number>) => Uint16Array.from(numbers, halves.float16.encode)
const half = (numbers: Float32Array) => fromHalf(toHalf(numbers))
const upload = (numbers: Float32Array): GPUBufferView => {
  const patterns = new Uint16Array(2 * Math.ceil(numbers.length / 2))
  patterns.set(toHalf(numbers))
  const buffer = device.createBuffer({ size: patterns.byteLength, usage: vectorUsage })
  device.queue.writeBuffer(buffer, 0, patterns)
  return { buffer, length: numbers.length, dtype: 'float16' }
}

const absent = !device.features.has('shader-f16')
for (const [name, make] of Object.entries({
  adam,
  prodigy: () => prodigy({ d0: 1e-3 }),
  averaged: () => averaged(dog()),
}))
  test.skipIf(absent)(
    `${name}${absent ? ' (absent: the adapter has no shader-f16)' : ''}`,
    async () => {
      const sizes = { a: 1001, b: 6 }
      const x = { a: half(wave(1001)), b: half(wave(6)), c: wave(9) }
      const right = await createOnCpu(make(), x, await cpu())
      const left = await createOptimizer(
        make(),
        { a: upload(wave(1001)), b: upload(wave(6)), c: wave(9) },
        backend,
      )
      for (let k = 0; k < 20; k++) {
        left.step({ a: upload(wave(sizes.a, k)), b: upload(wave(sizes.b, k)), c: wave(9, k) })
        right.step({ a: half(wave(sizes.a, k)), b: half(wave(sizes.b, k)), c: wave(9, k) })
        for (const each of ['a', 'b'] as const) x[each].set(half(x[each]))
      }
      const saved = await left.save({ params: true })
      for (const [each, numbers] of Object.entries(x))
        for (const [i, value] of numbers.entries())
          expect(Math.abs(saved.tensors[`x/${each}`].data[i] - value)).toBeLessThanOrEqual(
            1e-6 + 2 ** -11 * Math.abs(value),
          )
      await left.load(saved)
      expect(await left.save({ params: true })).toEqual(saved)
    },
  )
