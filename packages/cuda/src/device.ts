/**
 * A device at work: its driver, its context, the stream that everything is put into, and all memory
 * taken on it. What the driver refuses becomes a FreestepError. Not kernels or steps.
 */
import { FreestepError, type FreestepErrorCode } from '@freestep/core'
import { type DeviceFacts, type Driver, DriverError, results } from './driver.ts'

/** An error of this package. */
export const refuse = (
  code: FreestepErrorCode,
  message: string,
  options?: ErrorOptions,
): FreestepError => new FreestepError('cuda', code, message, options)

/** The oldest CUDA whose driver knows our PTX. */
const oldestCuda = 10000
/** The oldest compute capability that it is for. */
const oldestCapability = 75

/** The version of CUDA in the usual form. */
export const versionText = (version: number): string =>
  `${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`

/** Why a driver is too old; undefined if it is not. */
export const tooOld = ({ version }: Driver): string | undefined =>
  version < oldestCuda
    ? `The NVIDIA driver supports CUDA ${versionText(version)}, ${versionText(oldestCuda)} is needed. Install a newer driver.`
    : undefined

/** A device and its primary context, which all frameworks of this process share. */
export class Device {
  readonly driver: Driver
  readonly ordinal: number
  readonly facts: DeviceFacts
  /** Where work is put; another one while steps are captured. */
  stream: bigint
  private readonly context: bigint
  private readonly allocations = new Set<bigint>()
  private readonly shared = new Set<bigint>()
  private closed = false

  private constructor(driver: Driver, ordinal: number, facts: DeviceFacts, stream: bigint) {
    this.driver = driver
    this.ordinal = ordinal
    this.facts = facts
    this.stream = stream
    this.context = driver.retainContext(ordinal)
  }

  /** Opens a device, or says why that is impossible. */
  static open(driver: Driver, ordinal: number, stream: bigint): Device {
    const old = tooOld(driver)
    if (old) throw refuse('unsupported', old)
    try {
      const count = driver.deviceCount()
      if (!(Number.isInteger(ordinal) && ordinal >= 0 && ordinal < count))
        throw refuse('bad-option', `device is ${ordinal}, and there ${devices(count)}`)
      const facts = driver.device(ordinal)
      const [major, minor] = facts.capability
      if (10 * major + minor < oldestCapability)
        throw refuse(
          'unsupported',
          `${facts.name} has compute capability ${major}.${minor}; 7.5 is needed (Turing, of 2018). Use another device, or @freestep/cpu.`,
        )
      return new Device(driver, ordinal, facts, stream)
    } catch (error) {
      throw translated(error)
    }
  }

  /** Calls the driver about this device. */
  do<T>(f: (driver: Driver) => T): T {
    if (this.closed)
      throw refuse('disposed', 'This backend was closed. Open another one with cuda().')
    try {
      this.driver.use(this.context)
      return f(this.driver)
    } catch (error) {
      throw translated(error)
    }
  }

  /** Memory on the device; `what` is for the message of the error. */
  alloc(bytes: number, what: string): bigint {
    const pointer = this.do((driver) => {
      try {
        return driver.alloc(Math.max(1, bytes))
      } catch (error) {
        if (!(error instanceof DriverError && error.result === results.outOfMemory)) throw error
        const { free, total } = driver.memory()
        throw refuse(
          'out-of-memory',
          `${what} needs ${bytes} bytes on device ${this.ordinal}; of its ${total} bytes ${free} are free. Free some, or use a larger device.`,
          { cause: error },
        )
      }
    })
    this.allocations.add(pointer)
    return pointer
  }

  /** Gives memory back, once. */
  free(pointer: bigint): void {
    if (!this.allocations.delete(pointer)) return
    this.do((driver) => driver.free(pointer))
  }

  /** Memory of another process, by the 64 bytes of its IPC handle. */
  openShared(handle: Uint8Array): bigint {
    if (handle.length !== 64)
      throw refuse(
        'bad-shape',
        `A handle has ${handle.length} bytes. Give the 64 of cuIpcGetMemHandle.`,
      )
    const pointer = this.do((driver) => {
      if (!driver.openShared)
        throw refuse(
          'unsupported',
          'This driver shares no memory between processes. Use that of NVIDIA.',
        )
      return driver.openShared(handle)
    })
    this.shared.add(pointer)
    return pointer
  }

  /** Gives it back, once. */
  closeShared(pointer: bigint): void {
    if (this.shared.delete(pointer)) this.do((driver) => driver.closeShared?.(pointer))
  }

  /** Host to device. */
  upload(to: bigint, from: ArrayBufferView): void {
    if (from.byteLength) this.do((driver) => driver.upload(to, from, this.stream))
  }

  /** Device to host; waits for what was put into the stream before. */
  download<A extends ArrayBufferView>(into: A, from: bigint): A {
    if (into.byteLength) this.do((driver) => driver.download(into, from, this.stream))
    return into
  }

  /**
   * Whether what is put into the stream is recorded and not done. The default stream cannot be
   * recorded.
   */
  get capturing(): boolean {
    return this.stream !== 0n && this.do((driver) => driver.isCapturing(this.stream))
  }

  /** Frees all memory taken here, and the context. */
  close(): void {
    if (this.closed) return
    for (const pointer of [...this.allocations]) this.free(pointer)
    for (const pointer of [...this.shared]) this.closeShared(pointer)
    this.do((driver) => driver.releaseContext(this.ordinal))
    this.closed = true
  }
}

function devices(count: number): string {
  if (count > 1) return `are ${count} devices. Give 0 to ${count - 1}.`
  if (count === 1) return 'is 1 device. Give 0.'
  return 'are 0 devices. Install an NVIDIA GPU, or use @freestep/cpu or @freestep/webgpu.'
}

/** Results after which nothing works in this process any more. */
const fatal = new Set([700, 702, 710, 713, 714, 715, 716, 717, 718, 719])

/** What the driver said, as a FreestepError. */
export function translated(error: unknown): unknown {
  if (!(error instanceof DriverError)) return error
  const { message, result } = error
  if (fatal.has(result))
    return refuse(
      'device-lost',
      `A kernel failed on the device (${message}). CUDA works again in a new process; load the last checkpoint there. ` +
        'A pointer given with a wrong length is the usual cause.',
      { cause: error },
    )
  if (result === results.outOfMemory)
    return refuse('out-of-memory', `The device has no memory left (${message}). Free some.`, {
      cause: error,
    })
  return refuse('unsupported', `The NVIDIA driver refused the work: ${message}.`, { cause: error })
}
