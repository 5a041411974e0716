/**
 * The trainer on WebGPU: models of PyTorch learn as they do in WebAssembly, on the device, and
 * nothing is left behind; the example reads digits.
 */
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url'
import * as ort from 'onnxruntime-web/webgpu'
import { afterAll, describe, expect, test } from 'vitest'
import digits from '../example/digits.onnx?url'
import {
  type Batch,
  createTrainer,
  fromSafetensors,
  prodigy,
  softmaxCrossEntropy,
  type Trainer,
  toSafetensors,
} from '../src/index.ts'
import residual from './models/residual.onnx?url'
import transformer from './models/transformer-scripted.onnx?url'

ort.env.wasm.wasmPaths = { wasm }
const bytesOf = async (url: string) => new Uint8Array(await (await fetch(url)).arrayBuffer())

/** The tensors on the device that were not disposed of. */
const alive = new Set<unknown>()
const { fromGpuBuffer } = ort.Tensor
const { dispose } = ort.Tensor.prototype
ort.Tensor.fromGpuBuffer = ((...args: Parameters<typeof fromGpuBuffer>) => {
  const tensor = fromGpuBuffer.apply(ort.Tensor, args)
  alive.add(tensor)
  return tensor
}) as typeof fromGpuBuffer
ort.Tensor.prototype.dispose = function () {
  alive.delete(this)
  dispose.call(this)
}
afterAll(() => {
  ort.Tensor.fromGpuBuffer = fromGpuBuffer
  ort.Tensor.prototype.dispose = dispose
})

const wave = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i * 1.7))
const tokens = new ort.Tensor(
  'int64',
  BigInt64Array.from([1, 4, 4, 0, 9, 2, 10, 3, 1, 1, 7, 5], BigInt),
  [2, 6],
)
const models: readonly (readonly [string, string, Batch])[] = [
  [
    'a network with convolutions and a max pool',
    digits,
    { image: wave(8 * 784), target: [0, 1, 2, 3, 4, 5, 6, 7] },
  ],
  ['a residual network with batch norm', residual, { image: wave(4 * 84), target: [0, 2, 1, 1] }],
  [
    'a transformer',
    transformer,
    {
      tokens,
      target: new ort.Tensor('int32', Int32Array.of(4, 4, 0, 9, 2, 1, 3, 1, 1, 7, 5, 10), [2, 6]),
    },
  ],
]

describe.each(models)('%s', (_, url, batch) => {
  const make = async (provider: string) =>
    createTrainer({
      ort,
      model: await bytesOf(url),
      executionProviders: [provider],
      // Steps large enough to tell a wrong gradient from a right one.
      optimizer: prodigy({ d0: 1e-3 }),
      loss: softmaxCrossEntropy(),
    })
  const train = async (trainer: Trainer, steps: number) => {
    const losses: number[] = []
    for (let k = 0; k < steps; k++) losses.push(await trainer.step(batch))
    return losses
  }
  const close = (found: readonly number[], expected: readonly number[]) =>
    found.forEach(
      (each, i) =>
        void expect(Math.abs(each - expected[i]), `${found} for ${expected}`).toBeLessThan(2e-3),
    )

  test('learns as in WebAssembly, and stays on the device', async () => {
    const before = alive.size
    const [gpu, cpu] = [await make('webgpu'), await make('wasm')]
    const expected = await train(cpu, 5)
    close(await train(gpu, 5), expected)
    expect(expected[4]).toBeLessThan(expected[0] - 0.02)
    const there = alive.size
    expect(there).toBeGreaterThan(before)
    await train(gpu, 2)
    expect(alive.size).toBe(there)
    await gpu.step(batch, { read: false })
    expect(alive.size).toBe(there)
    for (const tensor of Object.values(gpu.params)) expect(tensor.location).toBe('gpu-buffer')

    // What was learned here continues there.
    await cpu.load(fromSafetensors(toSafetensors(await gpu.save())))
    expect(cpu.steps).toBe(8)
    const [here, other] = [await gpu.evaluate(batch), await cpu.evaluate(batch)]
    close([here.loss ?? Number.NaN], [other.loss ?? Number.NaN])
    expect(Object.values(here.outputs).every(({ location }) => location === 'cpu')).toBe(true)
    expect((await gpu.exportModel()).length).toBe((await cpu.exportModel()).length)
    await gpu.dispose()
    await cpu.dispose()
    expect(alive.size).toBe(before)
  })
})
