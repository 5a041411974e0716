/**
 * What can go wrong is said: at once where it can be seen, at the next call where WebGPU tells
 * later; and nothing has changed then.
 */
import {
  type Backend,
  FreestepError,
  type FreestepErrorCode,
  momo,
  prodigy,
  sgd,
} from '@freestep/core'
import { describe, expect, test } from 'vitest'
import {
  createOptimizer,
  fromSafetensors,
  type GPUTensor,
  toSafetensors,
  type WebGPUBackend,
  webgpu,
} from '../src/index.ts'
import { usage, vectorUsage } from '../src/usage.ts'
import { bufferOf, readBuffer } from './tensors.ts'

const backend = await webgpu()
const { device } = backend
const refusal = async (f: () => unknown): Promise<FreestepError> => {
  try {
    await f()
  } catch (error) {
    if (error instanceof FreestepError) return error
    throw error
  }
  throw new Error('nothing was refused')
}
const settled = async () => {
  await device.queue.onSubmittedWorkDone()
  await new Promise((resolve) => setTimeout(resolve, 20))
}

describe('tensors that are none', () => {
  const buffer = device.createBuffer({ size: 64, usage: vectorUsage })
  const wrong: readonly [string, unknown, FreestepErrorCode, RegExp][] = [
    [
      'double precision',
      new Float64Array(3),
      'bad-dtype',
      /W is a Float64Array\. Give a GPUBuffer/,
    ],
    ['an object', {}, 'bad-dtype', /W is an object/],
    [
      'a buffer that kernels cannot use',
      device.createBuffer({ size: 4, usage: usage.copySource }),
      'unsupported',
      /STORAGE/,
    ],
    [
      'a view that ends too late',
      { buffer, byteOffset: 32, length: 9 },
      'bad-shape',
      /ends at byte 68 of a GPUBuffer of 64/,
    ],
    [
      'a view that begins between words',
      { buffer, byteOffset: 2, length: 1 },
      'bad-shape',
      /multiple of 4/,
    ],
    ['half a number', { buffer, length: 1.5 }, 'bad-shape', /has 1.5 numbers/],
    [
      'half precision that the device does not have',
      { buffer, dtype: 'float16' },
      'unsupported',
      /shader-f16/,
    ],
  ]
  test.each(wrong)('%s', async (_, tensor, code, message) => {
    const error = await refusal(() => createOptimizer(sgd(), { W: tensor as GPUTensor }, backend))
    expect(error.message).toMatch(message)
    expect(error.code).toBe(code)
  })

  test('an array that no buffer can hold', async () => {
    const small = await webgpu({
      device: await (await navigator.gpu.requestAdapter())?.requestDevice(),
    })
    const size = small.device.limits.maxBufferSize / 4 + 1
    const error = await refusal(() => createOptimizer(sgd(), { W: new Float32Array(size) }, small))
    expect(error.message).toMatch(/maxBufferSize/)
    small.device.destroy()
  })
  test('options that make no kernels', async () => {
    for (const workgroupSize of [0, 48, 512])
      expect((await refusal(() => webgpu({ workgroupSize }))).code).toBe('bad-option')
  })
})

test('a gradient that has to be copied but may not be', async () => {
  const optimizer = await createOptimizer(sgd(), { x: Float32Array.of(1, 2) }, backend)
  const x = device.createBuffer({ size: 8, usage: usage.storage })
  expect((await refusal(() => optimizer.step({ x }))).message).toMatch(/COPY_SRC/)
  expect(optimizer.steps).toBe(0)
  optimizer.step({ x: bufferOf(device, [1, 1]) })
})

test('a loss that is none', async () => {
  const optimizer = await createOptimizer(momo(), { x: Float32Array.of(1, 2) }, backend)
  const wrong = [
    {},
    new Float32Array(),
    device.createBuffer({ size: 4, usage: usage.storage }),
  ] as GPUTensor[]
  const codes = await Promise.all(
    wrong.map(
      async (loss) =>
        (await refusal(() => optimizer.step({ x: Float32Array.of(1, 1) }, { loss }))).code,
    ),
  )
  expect(codes).toEqual(['bad-dtype', 'bad-shape', 'unsupported'])
  expect(optimizer.steps).toBe(0)
})

test('what WebGPU refuses is said at the next call, and has changed nothing', async () => {
  const own = await webgpu()
  const optimizer = await createOptimizer(
    sgd({ lr: 1 }),
    { x: bufferOf(own.device, [1, 2, 3]) },
    own,
  )
  optimizer.step({ x: bufferOf(own.device, [1, 1, 1]) })
  optimizer.step({ x: bufferOf(device, [5, 5, 5]) })
  expect((await own.lost).message).toMatch(/WebGPU refused the work/)
  expect(await optimizer.lost).toBe(await own.lost)
  expect((await refusal(() => optimizer.step({ x: bufferOf(own.device, [1, 1, 1]) }))).code).toBe(
    'unsupported',
  )
  expect([...(await readBuffer(own.device, optimizer.params.x))]).toEqual([0, 1, 2])
  optimizer.step({ x: bufferOf(own.device, [1, 1, 1]) })
  expect([...(await readBuffer(own.device, optimizer.params.x))]).toEqual([-1, 0, 1])
  own.close()
})

describe('a lost device', () => {
  const g = (k: number) => Float32Array.from({ length: 100 }, (_, i) => Math.sin(i * k))
  const open = (on: WebGPUBackend) =>
    createOptimizer(prodigy({ d0: 1e-3 }), { x: new Float32Array(100) }, on)

  test('is reported, and stays lost', async () => {
    const own = await webgpu()
    const optimizer = await open(own)
    own.device.destroy()
    const lost = await optimizer.lost
    expect(lost.code).toBe('device-lost')
    expect((await refusal(() => optimizer.step({ x: g(1) }))).code).toBe('device-lost')
    expect((await refusal(() => optimizer.scalars())).code).toBe('device-lost')
    expect((await refusal(() => open(own))).code).toBe('device-lost')
    expect((await refusal(() => optimizer.save())).code).toBe('device-lost')
    expect(optimizer.steps).toBe(0)
  })

  test('while numbers are read, is what the reading fails of', async () => {
    const own = await webgpu()
    const optimizer = await open(own)
    const reading = optimizer.scalars()
    own.device.destroy()
    expect((await refusal(() => reading)).code).toBe('device-lost')
  })

  test('leaves the last checkpoint: it goes on elsewhere as if nothing had happened', async () => {
    const [first, second] = [await webgpu(), await webgpu()]
    const optimizer = await open(first)
    for (let k = 1; k <= 5; k++) optimizer.step({ x: g(k) })
    const bytes = toSafetensors(await optimizer.save({ params: true }))
    optimizer.step({ x: g(6) })
    first.device.destroy()
    await optimizer.lost

    const again = await open(second)
    await again.load(fromSafetensors(bytes))
    const whole = await open(second)
    for (let k = 1; k <= 5; k++) whole.step({ x: g(k) })
    for (let k = 6; k <= 10; k++) {
      again.step({ x: g(k) })
      whole.step({ x: g(k) })
    }
    expect(await readBuffer(second.device, again.params.x)).toEqual(
      await readBuffer(second.device, whole.params.x),
    )
    expect(await again.scalars()).toEqual(await whole.scalars())
    second.close()
  })
})

test('the device of a caller stays open', async () => {
  const given: Backend<GPUTensor> & { close(): void } = await webgpu({ device })
  given.close()
  await settled()
  const optimizer = await createOptimizer(sgd({ lr: 1 }), { x: Float32Array.of(3) }, backend)
  optimizer.step({ x: Float32Array.of(1) })
  optimizer.dispose()
  expect([...(await readBuffer(device, optimizer.params.x))]).toEqual([2])
})
