/** Run by node.test.ts: the backend opens its device by itself, trains as the CPU does, and reports what is wrong. */
import { cpu, createOptimizer as createOnCpu } from '@freestep/cpu'
import { expect, test } from 'vitest'
import { create } from 'webgpu'
import { adam, createOptimizer, FreestepError, prodigy, webgpu } from '../src/index.ts'
import { readBuffer } from './tensors.ts'

const sizes = { W: 999, c: 5 }
const start = (size: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(i))

for (const [name, make] of Object.entries({ prodigy, adam }))
  test(name, async () => {
    const backend = await webgpu()
    const x = { W: start(sizes.W), c: start(sizes.c) }
    const optimizer = await createOptimizer(make(), { W: start(sizes.W), c: start(sizes.c) }, backend)
    const other = await createOnCpu(make(), x, await cpu())
    for (let k = 0; k < 50; k++) {
      const g = { W: x.W.map((value, i) => value - Math.cos(i)), c: x.c.map((value) => 2 * value) }
      optimizer.step(g)
      other.step(g)
    }
    for (const each of ['W', 'c'] as const) {
      const found = await readBuffer(backend.device, optimizer.params[each])
      for (const [i, value] of x[each].entries()) expect(Math.abs(found[i] - value)).toBeLessThan(1e-5)
    }
    optimizer.dispose()
    backend.close()
  })

test('a caller’s own instance of WebGPU', async () => {
  const backend = await webgpu({ gpu: create([]), workgroupSize: 128 })
  const optimizer = await createOptimizer(prodigy(), { x: start(10) }, backend)
  optimizer.step({ x: start(10) })
  expect((await optimizer.scalars()).d).toBe(Math.fround(1e-6))
  backend.close()
  expect((await optimizer.lost).code).toBe('device-lost')
})

test('no GPU to be had is said', async () => {
  await expect(webgpu({ gpu: create(['backend=opengl']) })).rejects.toThrow(FreestepError)
})
