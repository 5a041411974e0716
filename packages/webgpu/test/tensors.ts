/**
 * The two kinds of tensors that a caller can have, made and read without the help of the backend.
 */
import type { Tensors } from '@freestep/conformance'
import type { GPUTensor } from '../src/index.ts'
import { mapModeRead, usage, vectorUsage } from '../src/usage.ts'

/** Reads numbers of single precision. */
export async function readBuffer(device: GPUDevice, tensor: GPUTensor): Promise<Float32Array> {
  if (ArrayBuffer.isView(tensor)) throw new TypeError('an array is no device memory')
  const {
    buffer,
    byteOffset = 0,
    length = (buffer.size - byteOffset) / 4,
  } = 'buffer' in tensor ? tensor : { buffer: tensor }
  if (!length) return new Float32Array()
  const staging = device.createBuffer({ size: 4 * length, usage: usage.mapRead | usage.copyTarget })
  const encoder = device.createCommandEncoder()
  encoder.copyBufferToBuffer(buffer, byteOffset, staging, 0, 4 * length)
  device.queue.submit([encoder.finish()])
  await staging.mapAsync(mapModeRead)
  const numbers = new Float32Array(staging.getMappedRange()).slice()
  staging.destroy()
  return numbers
}

/** A buffer with numbers. */
export function bufferOf(device: GPUDevice, numbers: ArrayLike<number>): GPUBuffer {
  const buffer = device.createBuffer({
    size: 4 * numbers.length,
    usage: vectorUsage,
    mappedAtCreation: true,
  })
  new Float32Array(buffer.getMappedRange()).set(numbers)
  buffer.unmap()
  return buffer
}

const dispose = (tensor: GPUTensor) => {
  if ('destroy' in tensor) tensor.destroy()
}

/** Every tensor a buffer of its own. */
export const buffers = (device: GPUDevice): Tensors<GPUTensor> => ({
  tensor: (numbers) => bufferOf(device, numbers),
  read: (tensor) => readBuffer(device, tensor),
  dispose,
})

/** Every tensor an array, to be uploaded. */
export const arrays = (device: GPUDevice): Tensors<GPUTensor> => ({
  tensor: (numbers) => Float32Array.from(numbers),
  read: (tensor) => (tensor instanceof Float32Array ? tensor : readBuffer(device, tensor)),
})
