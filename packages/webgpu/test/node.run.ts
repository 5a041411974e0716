/**
 * Run by node.test.ts: the backend opens its device by itself, trains as the CPU does, and reports
 * what is wrong.
 */
import { cpu, createOptimizer as createOnCpu } from '@freestep/cpu'
import { expect, test } from 'vitest'
import { create } from 'webgpu'
import { backendOf } from '../src/backend.ts'
import { Device } from '../src/device.ts'
import {
  adam,
  createOptimizer,
  createOptimizerSync,
  FreestepError,
  type GPUTensor,
  prodigy,
  sgd,
  webgpu,
  webgpuOn,
} from '../src/index.ts'
import { sharedOn } from '../src/shared.ts'
import { vectorUsage } from '../src/usage.ts'
import { bufferOf, readBuffer } from './tensors.ts'

const sizes = { W: 999, c: 5 }
const start = (size: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(i))

for (const [name, make] of Object.entries({ prodigy, adam }))
  test(name, async () => {
    const backend = await webgpu()
    const x = { W: start(sizes.W), c: start(sizes.c) }
    const optimizer = await createOptimizer(
      make(),
      { W: start(sizes.W), c: start(sizes.c) },
      backend,
    )
    const other = await createOnCpu(make(), x, await cpu())
    for (let k = 0; k < 50; k++) {
      const g = { W: x.W.map((value, i) => value - Math.cos(i)), c: x.c.map((value) => 2 * value) }
      optimizer.step(g)
      other.step(g)
    }
    for (const each of ['W', 'c'] as const) {
      const found = await readBuffer(backend.device, optimizer.params[each])
      for (const [i, value] of x[each].entries())
        expect(Math.abs(found[i] - value)).toBeLessThan(1e-5)
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

const codeOf = (asked: Promise<unknown>) =>
  asked.then(
    () => 'nothing was refused',
    (error: unknown) => (error instanceof FreestepError ? error.code : String(error)),
  )
const still = (promise: Promise<unknown>) =>
  Promise.race([promise, new Promise((resolve) => setTimeout(resolve, 50, 'pending'))])

test('a buffer that is destroyed: said to its optimizer, to nobody else, and never as zeros', async () => {
  const backend = await webgpu()
  const { device } = backend
  const x = bufferOf(device, [1, 2, 3])
  const g = () => bufferOf(device, [1, 1, 1])
  const optimizer = await createOptimizer(sgd({ lr: 1 }), { x }, backend)
  const other = await createOptimizer(sgd({ lr: 1 }), { x: bufferOf(device, [1, 2, 3]) }, backend)
  const saved = await optimizer.save({ params: true })
  x.destroy()
  expect(await codeOf(optimizer.save({ params: true }))).toBe('unsupported')
  optimizer.step({ x: g() })
  other.step({ x: g() })
  expect(await codeOf(optimizer.save())).toBe('unsupported')
  expect(await codeOf(optimizer.load(saved))).toBe('unsupported')
  expect((await optimizer.lost).message).toMatch(/WebGPU refused the work.* destroyed/)
  expect(await still(other.lost)).toBe('pending')
  other.step({ x: g() })
  const { tensors } = await other.save({ params: true })
  expect([...tensors['x/x'].data]).toEqual([-1, 0, 1])
  backend.close()
})

test('reads at the same time: the failure belongs to the one that failed', async () => {
  const backend = await webgpu()
  const x = bufferOf(backend.device, [1, 2, 3])
  const optimizer = await createOptimizer(prodigy(), { x }, backend)
  x.destroy()
  const [scalars, save] = await Promise.all([
    optimizer.scalars(),
    codeOf(optimizer.save({ params: true })),
  ])
  expect(scalars.d).toBe(Math.fround(1e-6))
  expect(save).toBe('unsupported')
  backend.close()
})

test("a buffer of another device, as a gradient and as a parameter, also in a caller's encoder", async () => {
  const [backend, elsewhere] = [await webgpu(), await webgpu()]
  const { device } = backend
  const foreign = bufferOf(elsewhere.device, [5, 5, 5])
  const optimizer = await createOptimizer(
    sgd({ lr: 1 }),
    { x: bufferOf(device, [1, 2, 3]) },
    backend,
  )
  const other = await createOptimizer(sgd({ lr: 1 }), { x: bufferOf(device, [1, 2, 3]) }, backend)
  optimizer.step({ x: foreign })
  other.step({ x: bufferOf(device, [1, 1, 1]) })
  expect(await codeOf(optimizer.save({ params: true }))).toBe('unsupported')
  expect([...(await readBuffer(device, optimizer.params.x))]).toEqual([1, 2, 3])
  expect([...(await other.save({ params: true })).tensors['x/x'].data]).toEqual([0, 1, 2])

  device.pushErrorScope('validation')
  optimizer.step(
    { x: bufferOf(elsewhere.device, [5, 5, 5]) },
    { encoder: device.createCommandEncoder() },
  )
  expect(await device.popErrorScope()).toBe(null)
  expect(await codeOf(optimizer.scalars())).toBe('unsupported')

  const wrong = createOptimizer(sgd({ lr: 1 }), { x: foreign }, backend)
  expect(
    await codeOf(
      wrong.then(async (made) => {
        made.step({ x: bufferOf(device, [1, 1, 1]) })
        await made.save({ params: true })
      }),
    ),
  ).toBe('unsupported')
  expect(await codeOf(other.save())).toBe('nothing was refused')
  for (const each of [backend, elsewhere]) each.close()
})

test('parameters that share memory are refused', async () => {
  const backend = await webgpu()
  const buffer = bufferOf(backend.device, [1, 2, 3, 4])
  const host = new Float32Array(4)
  const sharing: Record<string, GPUTensor>[] = [
    { a: buffer, b: buffer },
    { a: buffer, b: { buffer, byteOffset: 8 } },
    { a: { buffer, length: 2 }, b: { buffer, byteOffset: 4, length: 1 } },
    { a: host, b: host.subarray(2) },
  ]
  for (const params of sharing)
    expect(await codeOf(createOptimizer(sgd(), params, backend))).toBe('shared-memory')
  const halves = { a: { buffer, length: 2 }, b: { buffer, byteOffset: 8 } }
  expect(await codeOf(createOptimizer(sgd(), halves, backend))).toBe('nothing was refused')
  backend.close()
})

test("gradients in each other's places, one of them from the host, and parameters that are gradients", async () => {
  const backend = await webgpu()
  const { device } = backend
  const shop = sharedOn(Device.of(device), {})
  // Each parameter, and each place for a gradient, in a buffer of its own.
  const apart = backendOf({ ...shop, limits: { ...shop.limits, window: 256 } })
  const make = async (on = backend) => {
    const optimizer = await createOptimizer(
      sgd({ lr: 1 }),
      { a: Float32Array.of(1), b: Float32Array.of(1) },
      on,
    )
    optimizer.step({ a: Float32Array.of(-1), b: Float32Array.of(-4) })
    const { a, b } = optimizer.grads ?? {}
    return {
      optimizer,
      a,
      b,
      x: async () => [
        ...(await readBuffer(device, optimizer.params.a)),
        ...(await readBuffer(device, optimizer.params.b)),
      ],
    }
  }
  for (const on of [backend, apart]) {
    const swapped = await make(on)
    swapped.optimizer.step({ a: swapped.b, b: swapped.a })
    expect(await swapped.x()).toEqual([6, 6])
    const half = await make(on)
    half.optimizer.step({ a: half.b, b: Float32Array.of(7) })
    expect(await half.x()).toEqual([6, -2])
    swapped.optimizer.step({ a: swapped.optimizer.params.b, b: swapped.optimizer.params.a })
    expect(await swapped.x()).toEqual([0, 0])
  }

  const [a, b] = [bufferOf(device, [1, 2]), bufferOf(device, [10, 20])]
  const game = await createOptimizer(sgd({ lr: 1 }), { a, b }, backend)
  game.step({ a: b, b: a })
  expect([...(await readBuffer(device, a)), ...(await readBuffer(device, b))]).toEqual([
    -9, -18, 9, 18,
  ])
  const all = bufferOf(device, [1, 2, 3, 4])
  const parts = await createOptimizer(
    sgd({ lr: 1 }),
    { a: { buffer: all, length: 2 }, b: { buffer: all, byteOffset: 8 } },
    backend,
  )
  parts.step({
    a: { buffer: all, byteOffset: 4, length: 2 },
    b: { buffer: all, byteOffset: 0, length: 2 },
  })
  expect([...(await readBuffer(device, all))]).toEqual([-1, -1, 2, 2])
  backend.close()
})

test('no gradients are no step, with and without an encoder', async () => {
  const backend = await webgpu()
  const optimizer = await createOptimizer(sgd({ lr: 1 }), { x: Float32Array.of(3) }, backend)
  optimizer.step({ x: Float32Array.of(1) })
  const encoder = backend.device.createCommandEncoder()
  for (const options of [undefined, {}, { encoder }, { loss: 1 }])
    expect(() => optimizer.step(undefined, options)).toThrow(
      /step\(\) without an argument takes the views/,
    )
  optimizer.step()
  expect([...(await readBuffer(backend.device, optimizer.params.x))]).toEqual([1])
  expect(optimizer.steps).toBe(2)
  backend.close()
})

test('without a promise: each optimizer has its own failures', async () => {
  const opened = await webgpu()
  const backend = webgpuOn(opened.device)
  const x = opened.device.createBuffer({ size: 8, usage: vectorUsage })
  const optimizer = createOptimizerSync(prodigy({ d0: 1 }), { x }, backend)
  const other = createOptimizerSync(sgd({ lr: 1 }), { x: Float32Array.of(1) }, backend)
  x.destroy()
  optimizer.step({ x: Float32Array.of(1, 1) })
  expect(await codeOf(other.save({ params: true }))).toBe('nothing was refused')
  expect(await codeOf(optimizer.scalars())).toBe('unsupported')
  opened.close()
})
