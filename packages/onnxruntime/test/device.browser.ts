/**
 * Tensors on a GPU: whose they are, and what is freed; a device that is shared; the update by
 * @freestep/webgpu.
 */
import { adam, averaged, createOptimizer, dog, prodigy } from '@freestep/core'
import { cpu } from '@freestep/cpu'
import { createOptimizer as onBuffers, webgpu } from '@freestep/webgpu'
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url'
import * as ort from 'onnxruntime-web/webgpu'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { encodeModel, model, node, tensorProto, valueInfo } from '../src/onnx/index.ts'
import type { OrtTensor } from '../src/ort.ts'
import { onnxruntime } from '../src/step/index.ts'

ort.env.wasm.wasmPaths = { wasm }
const backend = onnxruntime({ ort, executionProviders: ['webgpu'] })
const vector = (...numbers: number[]) =>
  new ort.Tensor('float32', Float32Array.from(numbers), [numbers.length])
const read = async (tensor: OrtTensor) => Array.from((await tensor.getData()) as Float32Array)

const close = (found: readonly number[], wanted: readonly number[]) =>
  expect(
    found.every((value, i) => Math.abs(value - wanted[i]) < 1e-4),
    `${found}, not ${wanted}`,
  ).toBe(true)

/** The tensors on the device that were not disposed of. */
const alive = new Set<unknown>()
const { dispose } = ort.Tensor.prototype
const { fromGpuBuffer } = ort.Tensor
beforeEach(() => {
  alive.clear()
  ort.Tensor.fromGpuBuffer = ((...args: Parameters<typeof fromGpuBuffer>) => {
    const tensor = fromGpuBuffer.apply(ort.Tensor, args)
    alive.add(tensor)
    return tensor
  }) as typeof fromGpuBuffer
  ort.Tensor.prototype.dispose = function () {
    alive.delete(this)
    dispose.call(this)
  }
})
afterEach(() => {
  ort.Tensor.fromGpuBuffer = fromGpuBuffer
  ort.Tensor.prototype.dispose = dispose
})

test('parameters and states stay on the device, and what is replaced is freed', async () => {
  const x = vector(1, 2, 3)
  const optimizer = await createOptimizer(adam({ lr: 0.5 }), { x }, backend)
  await optimizer.step({ x: vector(1, 1, 1) })
  const once = optimizer.params.x
  expect([x.location, once.location]).toEqual(['cpu', 'gpu-buffer'])
  const after = alive.size
  for (let k = 0; k < 50; k++) await optimizer.step({ x: vector(1, 1, 1) })
  expect(alive.size).toBe(after)
  expect(once.location).toBe('none')
  const { x: last } = optimizer.params
  optimizer.dispose()
  await createOptimizer(adam(), { x }, backend)
  expect([...alive]).toEqual([last])
  // Adam with gradients that are always 1 moves by lr.
  close(
    await read(last),
    [1, 2, 3].map((start) => start - 51 * 0.5),
  )
})

test('points to evaluate at are the caller’s', async () => {
  const optimizer = await createOptimizer(averaged(dog()), { x: vector(1, 2) }, backend)
  await optimizer.step({ x: vector(1, -1) })
  const before = alive.size
  const { x } = await optimizer.evaluated()
  expect(alive.size).toBe(before + 1)
  optimizer.dispose()
  expect((await read(x)).length).toBe(2)
  x.dispose()
})

/** A model whose output is the gradient of ½ ‖x − 1‖². */
const gradientModel = encodeModel(
  model({
    name: 'gradient',
    node: [node('Sub', ['x', 'goal'], ['g'])],
    initializer: [tensorProto('goal', 'float32', [], Float32Array.of(1))],
    input: [valueInfo('x', 'float32', [3])],
    output: [valueInfo('g', 'float32', [3])],
  }),
)

/** The same on the CPU, after some steps. */
async function expected(steps: number): Promise<number[]> {
  const optimizer = await createOptimizer(
    prodigy({ d0: 0.1 }),
    { x: Float32Array.of(3, 0, -2) },
    await cpu(),
  )
  for (let k = 0; k < steps; k++)
    optimizer.step({ x: Float32Array.from(optimizer.params.x, (value) => value - 1) })
  return Array.from(optimizer.params.x)
}

test('gradients that a session left on the device go into steps', async () => {
  const session = await ort.InferenceSession.create(gradientModel, {
    executionProviders: ['webgpu'],
    preferredOutputLocation: 'gpu-buffer',
  })
  const optimizer = await createOptimizer(
    prodigy({ d0: 0.1 }),
    { x: vector(3, 0, -2) as OrtTensor },
    backend,
  )
  for (let k = 0; k < 20; k++) {
    const { g } = await session.run({ x: optimizer.params.x as ort.Tensor })
    await optimizer.step({ x: g })
    g.dispose()
  }
  close(await read(optimizer.params.x), await expected(20))
  optimizer.dispose()
})

test('on a device that is shared, @freestep/webgpu takes the steps in place', async () => {
  const gpu = await webgpu()
  const { device } = gpu
  const session = await ort.InferenceSession.create(gradientModel, {
    executionProviders: [{ name: 'webgpu', device }],
    preferredOutputLocation: 'gpu-buffer',
  } as ort.InferenceSession.SessionOptions)
  // ONNX Runtime reads by four numbers, so the buffer has room for them.
  const buffer = device.createBuffer({
    size: 16,
    // STORAGE | COPY_SRC | COPY_DST of GPUBufferUsage, a global that not all type libraries know.
    usage: 0x80 | 0x4 | 0x8,
  })
  device.queue.writeBuffer(buffer, 0, Float32Array.of(3, 0, -2))
  const optimizer = await onBuffers(prodigy({ d0: 0.1 }), { x: { buffer, length: 3 } }, gpu)
  // One tensor, made once: steps overwrite the buffer that it is a view of.
  const x = ort.Tensor.fromGpuBuffer(buffer, { dataType: 'float32', dims: [3] })
  for (let k = 0; k < 20; k++) {
    const { g } = await session.run({ x })
    optimizer.step({ x: { buffer: g.gpuBuffer as GPUBuffer, length: 3 } })
    g.dispose()
  }
  const { tensors } = await optimizer.save({ params: true })
  close(Array.from(tensors['x/x'].data), await expected(20))
  await session.release()
})
