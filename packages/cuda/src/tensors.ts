/**
 * The tensors of this backend: arrays on a device, device pointers of others, or arrays on the host
 * to upload. What they are and where. Not their numbers.
 */
import { kindOf, memoryOf, precisionOf, type Stretch, type TensorInfo } from '@freestep/core'
import { bytesEach } from '@freestep/engine'
import { DeviceArray, type Dtype } from './array.ts'
import { type Device, refuse } from './device.ts'

/** Memory of somebody else on the device: of PyTorch, CuPy, ONNX Runtime, one's own kernels. */
export interface DevicePointer {
  /**
   * The device pointer, as a bigint: `BigInt(tensor.data_ptr())`. At a multiple of a number's size.
   */
  readonly pointer: bigint
  /** How many numbers there are, one after the other. */
  readonly length: number
  /** Default: float32. */
  readonly dtype?: Dtype
}

/** A Float16Array, where the host has it. */
export interface HalfArray extends ArrayBufferView {
  readonly length: number
  readonly [Symbol.toStringTag]: 'Float16Array'
}

/** An array on the host. */
export type HostArray = Float32Array | Float64Array | HalfArray

/**
 * A parameter or gradient: an array on the device, a pointer to one, or an array on the host, which
 * is uploaded.
 */
export type CudaTensor = DeviceArray | DevicePointer | HostArray

/** Whether a tensor is on the host. */
export const isHost = (tensor: CudaTensor): tensor is HostArray => ArrayBuffer.isView(tensor)

const isPointer = (tensor: unknown): tensor is DevicePointer =>
  typeof tensor === 'object' &&
  tensor !== null &&
  'pointer' in tensor &&
  typeof tensor.pointer === 'bigint'

/**
 * The pointers that were found good, by the objects that hold them: a step asks about the same ones
 * again and again.
 */
const known = new WeakMap<DevicePointer, { readonly pointer: bigint; readonly device: Device }>()

/** Shape and precision of a tensor, if it is one that a device can work on. */
export function describe(
  device: Device,
  tensor: CudaTensor,
  name: string,
): Omit<TensorInfo, 'name'> {
  const dtype = dtypeOf(tensor)
  if (!dtype)
    throw refuse(
      'bad-dtype',
      `${name} is ${kindOf(tensor)}. Give an array of the backend, { pointer, length, dtype }, or a Float32Array to upload.`,
    )
  const { length } = tensor
  if (!(Number.isSafeInteger(length) && length >= 0))
    throw refuse(
      'bad-shape',
      `${name} has ${length} numbers. Give a length that is a natural number.`,
    )
  if (!isHost(tensor)) checkPlace(device, tensor, name, dtype)
  return { shape: [length], size: length, dtype }
}

function checkPlace(
  device: Device,
  tensor: DeviceArray | DevicePointer,
  name: string,
  dtype: Dtype,
): void {
  if (tensor instanceof DeviceArray) tensor.check(name)
  const { pointer, length } = tensor
  if (!length) return
  if (pointer % BigInt(bytesEach[dtype]))
    throw refuse(
      'bad-shape',
      `${name} begins at ${hex(pointer)}. A ${dtype} begins at a multiple of ${bytesEach[dtype]}.`,
    )
  const ordinal = ordinalOf(device, tensor)
  if (ordinal === undefined)
    throw refuse(
      'unsupported',
      `${name} is at ${hex(pointer)}, which is no memory of a CUDA device. Give a device pointer.`,
    )
  if (ordinal !== device.ordinal)
    throw refuse(
      'unsupported',
      `${name} is on device ${ordinal}, the optimizer on device ${device.ordinal}. Use cuda({ device: ${ordinal} }), or copy it.`,
    )
}

function ordinalOf(device: Device, tensor: DeviceArray | DevicePointer): number | undefined {
  if (tensor instanceof DeviceArray) return tensor.device
  const { pointer } = tensor
  const found = known.get(tensor)
  if (found?.pointer === pointer && found.device === device) return device.ordinal
  const ordinal = device.do((driver) => driver.ordinalOf(pointer))
  if (ordinal === device.ordinal) known.set(tensor, { pointer, device })
  return ordinal
}

/** Where the numbers of a tensor are. Addresses on a device are below 2⁵³. */
export function stretchOf(device: Device, tensor: CudaTensor): Stretch {
  if (isHost(tensor)) return memoryOf(tensor)
  const begin = Number(tensor.pointer)
  return { of: device, begin, end: begin + bytesEach[tensor.dtype ?? 'float32'] * tensor.length }
}

const dtypes = new Set<unknown>(Object.keys(bytesEach))

function dtypeOf(tensor: unknown): Dtype | undefined {
  if (ArrayBuffer.isView(tensor)) return precisionOf(tensor)
  if (!isPointer(tensor)) return undefined
  const { dtype = 'float32' } = tensor
  return dtypes.has(dtype) ? dtype : undefined
}

const hex = (pointer: bigint) => `0x${pointer.toString(16)}`
