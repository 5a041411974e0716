/**
 * The backend as core sees it, and what a device has beside: arrays, kernels of the caller's own,
 * events, steps captured into graphs.
 */
import { type Backend, precisionOf } from '@freestep/core'
import { bytesEach, Engine } from '@freestep/engine'
import { DeviceArray, type Dtype } from './array.ts'
import { type Device, refuse } from './device.ts'
import type { DeviceFacts } from './driver.ts'
import { CudaDevice, type Shared } from './fused.ts'
import { CudaModule } from './kernel.ts'
import { type CudaTensor, type DevicePointer, describe, stretchOf } from './tensors.ts'
import { Graph, Mark } from './time.ts'

/**
 * The backend for CUDA devices. Everything is put into one stream, in order, and not waited for
 * unless a call says so.
 */
export interface CudaBackend extends Backend<CudaTensor> {
  /** Which device everything is on. */
  readonly device: number
  /** Its name, compute capability, multiprocessors and memory. */
  readonly facts: DeviceFacts
  /**
   * The stream, as the driver's handle; 0n is the default one, which waits for other streams and
   * they for it.
   */
  readonly stream: bigint
  /** How many texts of PTX were compiled so far; no step compiles any. */
  readonly compiled: number
  /**
   * A new array on the device.
   *
   * @param numbers - what it holds, or how many numbers it has, which are then 0
   * @param dtype - its precision; by default that of the numbers, float32 where they are no typed
   * array
   */
  array(numbers: ArrayLike<number> | number, dtype?: Dtype): DeviceArray
  /**
   * An array at a device pointer of others, who keep it alive.
   *
   * @throws FreestepError for what is no pointer to memory of this device
   */
  at(pointer: DevicePointer): DeviceArray
  /**
   * Opens memory of another process, by the 64 bytes that cuIpcGetMemHandle gave there; gives the
   * pointer to its beginning. Each handle is opened once.
   *
   * @throws FreestepError where there is no such memory any more, or no sharing
   */
  openShared(handle: Uint8Array): bigint
  /** Gives it back; `close` does so, too. */
  closeShared(pointer: bigint): void
  /**
   * Copies numbers from the beginning of an array to that of another of the same precision, on
   * whatever device either is.
   *
   * @param length - how many; by default all of the source
   * @throws FreestepError `bad-shape` or `bad-dtype` where they do not fit
   */
  copy(to: DeviceArray, from: DeviceArray, length?: number): void
  /** Compiles PTX of the caller's own. */
  module(ptx: string): CudaModule
  /** Waits for all that was put into the stream. */
  synchronize(): void
  /** Marks this place in the stream. */
  mark(): Mark
  /** Has the stream wait for a mark in another. */
  waitFor(mark: Mark): void
  /**
   * Records what f puts into the stream, steps and kernels, without doing it; the graph does all of
   * it in one launch, again and again. Numbers that come from the host (a scheduled lr, a loss that
   * is no array) stay what they were then, and `optimizer.steps` does not count on.
   *
   * @throws FreestepError where f needs memory or an upload, such as the first step with new
   * gradient arrays
   */
  capture(f: () => void): Graph
  /**
   * Frees everything that was made here: arrays, optimizers, kernels. What is used afterwards is
   * refused.
   */
  close(): void
}

/** The backend on what its engines share. */
export function backendOf(shared: Shared): CudaBackend {
  const { device, modules } = shared
  const { facts, stream } = device
  return {
    name: 'cuda',
    device: device.ordinal,
    facts,
    stream,
    get compiled() {
      return modules.compiled
    },
    describe: (tensor, name) => describe(device, tensor, name),
    memory: (tensor) => stretchOf(device, tensor),
    start: (program, params) => Engine.start(new CudaDevice(shared), program, params),
    array: (numbers, dtype) => newArray(device, numbers, dtype),
    at(pointer) {
      const { dtype } = describe(device, pointer, 'The pointer')
      return new DeviceArray(device, pointer.pointer, pointer.length, dtype, false)
    },
    openShared: (handle) => device.openShared(handle),
    closeShared: (pointer) => device.closeShared(pointer),
    copy: (to, from, length = from.length) => copyArray(device, to, from, length),
    module(ptx) {
      const make = (code: string, names: readonly string[]) => modules.make(code, names)
      make(ptx, [])
      return new CudaModule(device, ptx, make)
    },
    synchronize: () => device.do((driver) => driver.synchronize(device.stream)),
    mark: () => new Mark(device),
    waitFor: (mark) => mark.holdUp(device),
    capture: (f) => Graph.of(device, f),
    close() {
      modules.close()
      device.close()
    },
  }
}

function newArray(device: Device, numbers: ArrayLike<number> | number, given?: Dtype): DeviceArray {
  const length = typeof numbers === 'number' ? numbers : numbers.length
  if (!(Number.isSafeInteger(length) && length >= 0))
    throw refuse('bad-shape', `An array of ${length} numbers is asked for. Give a natural number.`)
  const dtype = given ?? (precisionOf(numbers) === 'float64' ? 'float64' : 'float32')
  if (!(dtype in bytesEach))
    throw refuse(
      'bad-dtype',
      `An array of ${dtype} is asked for. There are ${Object.keys(bytesEach).join(', ')}.`,
    )
  const bytes = bytesEach[dtype] * length
  const array = new DeviceArray(
    device,
    device.alloc(bytes, `An array of ${length} numbers`),
    length,
    dtype,
    true,
  )
  if (typeof numbers !== 'number') array.write(numbers)
  else if (bytes) device.do((driver) => driver.fill(array.pointer, 0, bytes, device.stream))
  return array
}

function copyArray(device: Device, to: DeviceArray, from: DeviceArray, length: number): void {
  to.check('The target')
  from.check('The source')
  if (to.dtype !== from.dtype)
    throw refuse(
      'bad-dtype',
      `The source is ${from.dtype}, the target ${to.dtype}. Give arrays alike.`,
    )
  if (!(Number.isSafeInteger(length) && length >= 0 && length <= Math.min(to.length, from.length)))
    throw refuse(
      'bad-shape',
      `${length} numbers of ${from.length} are to be copied to ${to.length}. Give a length that fits.`,
    )
  const bytes = bytesEach[from.dtype] * length
  if (bytes) device.do((driver) => driver.copy(to.pointer, from.pointer, bytes, device.stream))
}
