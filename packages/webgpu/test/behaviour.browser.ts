/**
 * What a step does to the device, beside the numbers: how many dispatches it is, that it compiles
 * nothing, that it can be recorded into a caller's encoder, that limits split it, and that it
 * repeats bit for bit.
 */
import {
  adam,
  averaged,
  cosine,
  createOptimizer as create,
  dog,
  momo,
  prodigy,
  sgd,
} from '@freestep/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { backendOf } from '../src/backend.ts'
import { Device } from '../src/device.ts'
import { createOptimizer, type GPUTensor, webgpu } from '../src/index.ts'
import { sharedOn } from '../src/shared.ts'
import { vectorUsage } from '../src/usage.ts'
import { bufferOf, readBuffer } from './tensors.ts'

const backend = await webgpu()
const { device } = backend
const pairs = Math.min(8, Math.floor((device.limits.maxStorageBuffersPerShaderStage - 2) / 2))

let dispatches = 0
const { dispatchWorkgroups } = GPUComputePassEncoder.prototype
beforeEach(() => {
  dispatches = 0
  GPUComputePassEncoder.prototype.dispatchWorkgroups = function (...groups) {
    dispatches++
    dispatchWorkgroups.apply(this, groups)
  }
})
afterEach(() => {
  GPUComputePassEncoder.prototype.dispatchWorkgroups = dispatchWorkgroups
})

const wave = (size: number, phase = 0) =>
  Float32Array.from({ length: size }, (_, i) => Math.sin(i + phase))
const names = (count: number) => [...Array(count).keys()].map((i) => `p${i}`)
const each = <T>(count: number, of: (i: number) => T) =>
  Object.fromEntries(names(count).map((name, i) => [name, of(i)]))
const all = async (tensors: Readonly<Record<string, GPUTensor>>) =>
  Promise.all(Object.values(tensors).map(async (tensor) => [...(await readBuffer(device, tensor))]))

describe('dispatches', () => {
  // Over memory, the sums of each tensor where there are any, and what finishes.
  for (const [name, make, count] of [
    ['prodigy', prodigy, 3],
    ['adam', adam, 2],
  ] as const)
    test(`${name} takes ${count} for 150 uploaded tensors`, async () => {
      const optimizer = await createOptimizer(
        make(),
        each(150, (i) => wave(1 + 7 * i)),
        backend,
      )
      dispatches = 0
      optimizer.step()
      expect(dispatches).toBe(count)
      optimizer.step(each(150, (i) => wave(1 + 7 * i)))
      expect(dispatches).toBe(2 * count)
      optimizer.dispose()
    })

  test('tensors in buffers of their own share a dispatch as far as bindings go', async () => {
    const optimizer = await createOptimizer(
      prodigy(),
      each(10, (i) => bufferOf(device, wave(5 + i))),
      backend,
    )
    dispatches = 0
    optimizer.step(each(10, (i) => bufferOf(device, wave(5 + i))))
    expect(dispatches).toBe(Math.ceil(10 / pairs) + 2)
    optimizer.dispose()
  })

  test('no step compiles anything, wherever its gradients are', async () => {
    const optimizer = await createOptimizer(
      prodigy(),
      each(5, (i) => bufferOf(device, wave(5 + i))),
      backend,
    )
    const { compiled } = backend
    const whole = bufferOf(device, wave(100))
    optimizer.step(each(5, (i) => bufferOf(device, wave(5 + i))))
    optimizer.step(each(5, (i) => ({ buffer: whole, byteOffset: 64 * i, length: 5 + i })))
    optimizer.step({ p3: wave(8) })
    await optimizer.scalars()
    expect(backend.compiled).toBe(compiled)
    optimizer.dispose()
  })
})

describe('a caller’s encoder', () => {
  test('records what separate steps do, to the last bit, options that change included', async () => {
    const run = async (recorded: boolean) => {
      const algorithm = momo({ lr: cosine({ steps: 10 }) })
      const optimizer = await createOptimizer(
        algorithm,
        { w: bufferOf(device, wave(1000)), c: bufferOf(device, wave(3)) },
        backend,
      )
      const encoder = recorded ? device.createCommandEncoder() : undefined
      for (let k = 0; k < 6; k++) {
        const g = {
          w: k % 2 ? wave(1000, k) : bufferOf(device, wave(1000, k)),
          ...(k !== 3 && { c: bufferOf(device, wave(3, k)) }),
        }
        optimizer.step(g, { loss: k === 4 ? bufferOf(device, [3]) : 5 - k, encoder })
      }
      if (encoder) device.queue.submit([encoder.finish()])
      optimizer.step({ w: wave(1000), c: wave(3) }, { loss: 1 })
      return [await all(optimizer.params), await optimizer.scalars()]
    }
    expect(await run(true)).toEqual(await run(false))
  })

  test('takes effect when it is submitted, with the options of when it was recorded', async () => {
    const lr = [1, 1, 5]
    const optimizer = await createOptimizer(
      sgd({ lr: (k) => lr[k] }),
      { x: Float32Array.of(0) },
      backend,
    )
    const g = { x: bufferOf(device, [1]) }
    optimizer.step(g)
    const encoder = device.createCommandEncoder()
    optimizer.step(g, { encoder })
    optimizer.step(g)
    expect(await all(optimizer.params)).toEqual([[-6]])
    device.queue.submit([encoder.finish()])
    expect(await all(optimizer.params)).toEqual([[-7]])
  })

  test('carries a whole training, gradients by the caller’s kernel, in one submission', async () => {
    const size = 1000
    const optimizer = await createOptimizer(dog(), { x: wave(size) }, backend)
    const { x } = optimizer.params
    const g = optimizer.grads?.x
    const module = device.createShaderModule({
      code: `
        @group(0) @binding(0) var<storage, read> x: array<f32>;
        @group(0) @binding(1) var<storage, read_write> g: array<f32>;
        @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
          if (id.x < ${size}u) { g[id.x] = x[id.x] - 3.0; }
        }`,
    })
    const pipeline = device.createComputePipeline({ layout: 'auto', compute: { module } })
    const entries = [x, g].map((view, binding) => {
      if (!view) throw new Error('there is no place for gradients')
      const { buffer, byteOffset: offset = 0, length = 0 } = view
      return { binding, resource: { buffer, offset, size: 4 * length } }
    })
    const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries })
    const encoder = device.createCommandEncoder()
    for (let k = 0; k < 200; k++) {
      const pass = encoder.beginComputePass()
      pass.setPipeline(pipeline)
      pass.setBindGroup(0, group)
      pass.dispatchWorkgroups(Math.ceil(size / 64))
      pass.end()
      optimizer.step(optimizer.grads, { encoder })
    }
    device.queue.submit([encoder.finish()])
    for (const value of await readBuffer(device, x)) expect(Math.abs(value - 3)).toBeLessThan(1e-3)
    expect(optimizer.steps).toBe(200)
    optimizer.dispose()
  })
})

describe('where tensors are', () => {
  const sizes = [70, 3, 129, 500]
  const gradients = sizes.map((size) => wave(size, 5))
  const expected = (async () =>
    run(
      sizes.map((size) => wave(size)),
      () => gradients,
    ))()
  const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((sum, size) => sum + size, 1))
  const total = sizes.reduce((sum, size) => sum + size, 1)
  const whole = (parts: readonly Float32Array[]) => {
    const numbers = new Float32Array(total)
    for (const [i, part] of parts.entries()) numbers.set(part, starts[i])
    return bufferOf(device, numbers)
  }
  const views = (buffer: GPUBuffer) =>
    sizes.map((length, i) => ({ buffer, byteOffset: 4 * starts[i], length }))

  async function run(x: readonly GPUTensor[], g: () => readonly GPUTensor[]) {
    const optimizer = await createOptimizer(
      adam({ lr: 0.1 }),
      each(sizes.length, (i) => x[i]),
      backend,
    )
    for (let k = 0; k < 5; k++) {
      const now = g()
      optimizer.step(each(sizes.length, (i) => now[i]))
    }
    const result = await all(optimizer.params)
    optimizer.dispose()
    return result
  }

  test('each in a buffer', async () => {
    const x = sizes.map((size) => bufferOf(device, wave(size)))
    expect(await run(x, () => gradients.map((numbers) => bufferOf(device, numbers)))).toEqual(
      await expected,
    )
  })
  test('all in one buffer, gradients in another', async () => {
    const x = whole(sizes.map((size) => wave(size)))
    const g = whole(gradients)
    expect(await run(views(x), () => views(g))).toEqual(await expected)
    expect((await readBuffer(device, x))[0]).toBe(0)
  })
  test('all in one buffer, gradients each in a buffer, or as arrays', async () => {
    const x = whole(sizes.map((size) => wave(size)))
    expect(
      await run(views(x), () =>
        gradients.map((numbers, i) => (i % 2 ? numbers : bufferOf(device, numbers))),
      ),
    ).toEqual(await expected)
  })
  test('parameters and gradients in the same buffer', async () => {
    const count = Math.ceil(total / 64) * 64
    const buffer = device.createBuffer({ size: 8 * count, usage: vectorUsage })
    const first = views(buffer)
    const second = first.map((view) => ({ ...view, byteOffset: view.byteOffset + 4 * count }))
    for (const [i, { byteOffset }] of first.entries())
      device.queue.writeBuffer(buffer, byteOffset, wave(sizes[i]))
    for (const [i, { byteOffset }] of second.entries())
      device.queue.writeBuffer(buffer, byteOffset, gradients[i] as Float32Array<ArrayBuffer>)
    expect(await run(first, () => second)).toEqual(await expected)
  })
  test('one gradient for two parameters', async () => {
    const g = bufferOf(device, wave(9, 5))
    const optimizer = await createOptimizer(
      sgd({ lr: 1 }),
      { a: bufferOf(device, wave(9)), b: bufferOf(device, wave(9)) },
      backend,
    )
    optimizer.step({ a: g, b: g })
    const [a, b] = await all(optimizer.params)
    expect(a).toEqual(b)
    expect(a).toEqual([...wave(9)].map((value, i) => Math.fround(value - wave(9, 5)[i])))
  })
})

describe('limits', () => {
  /** A run on a device set up as `webgpu` does, but with the given differences. */
  const run = async (
    change: (shop: ReturnType<typeof sharedOn>) => Partial<ReturnType<typeof sharedOn>>,
    options: Parameters<typeof sharedOn>[1] = {},
  ) => {
    const shop = sharedOn(await Device.open({ device }), options)
    const params = {
      a: bufferOf(device, wave(3000)),
      b: wave(70),
      c: bufferOf(device, wave(1)),
      d: bufferOf(device, wave(999)),
    }
    const groups = [{ params: ['d'], sliceP: 2 }]
    const optimizer = await create(
      prodigy({ sliceP: 3, d0: 1e-3 }),
      params,
      backendOf({ ...shop, ...change(shop) }),
      { groups },
    )
    for (let k = 0; k < 20; k++)
      optimizer.step({
        a: bufferOf(device, wave(3000, k)),
        b: wave(70, k),
        c: wave(1, k),
        d: bufferOf(device, wave(999, k)),
      })
    const { d } = await optimizer.scalars()
    const saved = await optimizer.save({ params: true })
    optimizer.dispose()
    return {
      d,
      arrays: Object.fromEntries(
        Object.entries(saved.tensors).map(([name, { data }]) => [name, [...data]]),
      ),
    }
  }
  const close = async (
    found: Awaited<ReturnType<typeof run>>,
    to: Awaited<ReturnType<typeof run>>,
  ) => {
    expect(Math.abs(found.d / to.d - 1)).toBeLessThan(1e-5)
    expect(Object.keys(found.arrays)).toEqual(Object.keys(to.arrays))
    for (const [name, numbers] of Object.entries(to.arrays)) {
      const scale = Math.max(...numbers.map(Math.abs))
      for (const [i, value] of numbers.entries())
        expect(Math.abs(found.arrays[name][i] - value), `${name}[${i}]`).toBeLessThan(1e-5 * scale)
    }
  }

  test('small bindings split tensors', async () => {
    const whole = await run(() => ({}))
    expect(whole.d).toBeGreaterThan(1e-3)
    dispatches = 0
    await close(await run(({ limits }) => ({ limits: { ...limits, window: 1024 } })), whole)
    expect(dispatches).toBeGreaterThan(20 * 30)
    await close(await run(() => ({ limits: { pairs: 1, window: 2 ** 20 } })), whole)
  })
  test('threads, groups of threads and subgroups change nothing but the order of sums', async () => {
    const whole = await run(() => ({}))
    await close(await run(() => ({ spread: { threads: 64, groups: 4096, atLeast: 1 } })), whole)
    await close(await run(() => ({}), { workgroupSize: 32 }), whole)
    await close(await run(() => ({}), { workgroupSize: 128, subgroups: true }), whole)
  })
})

test('what is disposed of leaves no buffer but the parameters', async () => {
  const alive = new Set<GPUBuffer>()
  const { createBuffer } = GPUDevice.prototype
  const { destroy } = GPUBuffer.prototype
  GPUDevice.prototype.createBuffer = function (descriptor) {
    const buffer = createBuffer.call(this, descriptor)
    alive.add(buffer)
    return buffer
  }
  GPUBuffer.prototype.destroy = function () {
    alive.delete(this)
    return destroy.call(this)
  }
  for (let round = 0; round < 100; round++) {
    const optimizer = await createOptimizer(averaged(dog()), { a: wave(50), b: wave(7) }, backend)
    for (let k = 0; k < 6; k++)
      optimizer.step(k % 2 ? { a: wave(50) } : { a: wave(50), b: bufferOf(device, wave(7)) })
    await optimizer.save()
    for (const { buffer } of Object.values(optimizer.evaluated())) buffer.destroy()
    optimizer.dispose()
    optimizer.params.a.buffer.destroy()
  }
  expect([...alive].filter(({ label }) => label.startsWith('freestep'))).toEqual([])
  // The gradients of the caller are theirs.
  expect(alive.size).toBe(300)
  GPUDevice.prototype.createBuffer = createBuffer
  GPUBuffer.prototype.destroy = destroy
})

const addends: Readonly<Record<string, () => (i: number) => number>> = {
  // Rounding goes the same way over and over here.
  'all 0.1': () => () => 0.1,
  random: () => {
    let state = 1
    return () => {
      state = (Math.imul(1664525, state) + 1013904223) >>> 0
      return state / 2 ** 32
    }
  },
  'a large one first': () => (i) => (i === 0 ? 1e4 : 0.7),
}
test.each(Object.entries(addends))(
  'a sum over ten million numbers is exact to 1e-6: %s',
  async (_, make) => {
    const size = 10_000_000
    const of = make()
    const numbers = Float32Array.from({ length: size }, (_, i) => of(i))
    const optimizer = await createOptimizer(
      dog(),
      { x: device.createBuffer({ size: 4 * size, usage: vectorUsage }) },
      backend,
    )
    const g = bufferOf(device, numbers)
    optimizer.step({ x: g })
    const exact = 1e-8 + numbers.reduce((sum, value) => sum + Math.fround(value * value), 0)
    expect(Math.abs((await optimizer.scalars()).G / exact - 1)).toBeLessThan(1e-6)
    optimizer.dispose()
    g.destroy()
    optimizer.params.x.destroy()
  },
)

test('the same run twice gives the same bits', async () => {
  const run = async () => {
    const optimizer = await createOptimizer(prodigy(), { a: wave(100_000), b: wave(1031) }, backend)
    for (let k = 0; k < 30; k++) optimizer.step({ a: wave(100_000, k), b: wave(1031, 2 * k) })
    const result = [await all(optimizer.params), await optimizer.scalars()]
    optimizer.dispose()
    return result
  }
  expect(await run()).toEqual(await run())
})
