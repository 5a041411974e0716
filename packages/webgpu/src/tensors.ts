/**
 * The caller's tensors: GPUBuffers, parts of them, or typed arrays to upload. What they are and
 * where they are; nothing is written here.
 */
import {
  FreestepError,
  kindOf,
  memoryOf,
  precisionOf,
  type Stretch,
  type TensorInfo,
} from '@freestep/core'
import { bytesEach, type Place, stretchOf } from '@freestep/engine'
import { usage } from './usage.ts'

/**
 * The numbers of a part of a GPUBuffer, as `new Float32Array(buffer, byteOffset, length)` would
 * view an ArrayBuffer. Where a parameter is, is looked up at every step: its `buffer` may be a
 * getter, if that of the same numbers changes from time to time.
 */
export interface GPUBufferView {
  readonly buffer: GPUBuffer
  /** Where it begins: a multiple of 4. Default: 0. */
  readonly byteOffset?: number
  /** How many numbers there are. Default: all to the end of the buffer. */
  readonly length?: number
  /** Default: float32. float16 needs the device feature `shader-f16`. */
  readonly dtype?: 'float32' | 'float16'
}

/** A Float16Array, where the host has it. */
export interface HalfArray extends ArrayBufferView {
  readonly length: number
  readonly [Symbol.toStringTag]: 'Float16Array'
}

/** A parameter or gradient: a whole GPUBuffer of float32, a part of one, or an array to upload. */
export type GPUTensor = GPUBuffer | GPUBufferView | Float32Array | HalfArray

/** Whether a tensor is on the host. */
export const isArray = (tensor: GPUTensor): tensor is Float32Array | HalfArray =>
  ArrayBuffer.isView(tensor)
const isBuffer = (tensor: unknown): tensor is GPUBuffer =>
  typeof tensor === 'object' && tensor !== null && 'getMappedRange' in tensor && 'usage' in tensor
const isView = (tensor: unknown): tensor is GPUBufferView =>
  typeof tensor === 'object' && tensor !== null && 'buffer' in tensor && isBuffer(tensor.buffer)

/** Where a tensor on the device is. */
export function placeOf(tensor: GPUBuffer | GPUBufferView): Place<GPUBuffer> {
  if (isBuffer(tensor)) return { memory: tensor, at: 0, bytes: tensor.size - (tensor.size % 4) }
  const { buffer, byteOffset = 0, dtype = 'float32' } = tensor
  const size = bytesEach[dtype]
  const { length = Math.floor((buffer.size - byteOffset) / size) } = tensor
  return { memory: buffer, at: byteOffset, bytes: size * length }
}

/** Where the numbers of a tensor are, on the host or on the device. */
export const memoryOfTensor = (tensor: GPUTensor): Stretch =>
  isArray(tensor) ? memoryOf(tensor) : stretchOf(placeOf(tensor))

/**
 * Shape and precision of a tensor, if it is one that a device with the given features can work on.
 */
export function describe(
  tensor: GPUTensor,
  name: string,
  features: GPUSupportedFeatures,
): Omit<TensorInfo, 'name'> {
  const dtype = dtypeOf(tensor)
  if (!dtype)
    throw new FreestepError(
      'webgpu',
      'bad-dtype',
      `${name} is ${kindOf(tensor)}. Give a GPUBuffer, { buffer, byteOffset, length }, or a Float32Array to upload.`,
    )
  if (dtype === 'float16' && !features.has('shader-f16'))
    throw refuse(
      name,
      'is of float16, which this device does not have',
      "Request the device with the feature 'shader-f16'",
    )
  if (isArray(tensor)) return { shape: [tensor.length], size: tensor.length, dtype }
  const { memory: buffer, at: byteOffset, bytes } = placeOf(tensor)
  if (!(buffer.usage & usage.storage))
    throw refuse(
      name,
      'is in a GPUBuffer that kernels cannot use',
      'Create it with usage STORAGE | COPY_SRC | COPY_DST',
    )
  const size = bytes / bytesEach[dtype]
  if (!(Number.isSafeInteger(size) && size >= 0))
    throw new FreestepError(
      'webgpu',
      'bad-shape',
      `${name} has ${size} numbers. Give a length that is a natural number.`,
    )
  if (!(byteOffset >= 0 && byteOffset % 4 === 0))
    throw new FreestepError(
      'webgpu',
      'bad-shape',
      `${name} begins at byte ${byteOffset}. Begin at a multiple of 4.`,
    )
  if (byteOffset + bytes > buffer.size)
    throw new FreestepError(
      'webgpu',
      'bad-shape',
      `${name} ends at byte ${byteOffset + bytes} of a GPUBuffer of ${buffer.size} bytes. Give a length that fits.`,
    )
  return { shape: [size], size, dtype }
}

function dtypeOf(tensor: unknown): 'float32' | 'float16' | undefined {
  if (isBuffer(tensor)) return 'float32'
  if (ArrayBuffer.isView(tensor)) {
    const precision = precisionOf(tensor)
    return precision === 'float64' ? undefined : precision
  }
  if (!isView(tensor)) return undefined
  const { dtype = 'float32' } = tensor
  return dtype === 'float32' || dtype === 'float16' ? dtype : undefined
}

const refuse = (name: string, what: string, advice: string) =>
  new FreestepError('webgpu', 'unsupported', `${name} ${what}. ${advice}.`)
