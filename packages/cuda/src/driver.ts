/**
 * What is asked of a CUDA driver: the calls that this package is built on, and nothing more.
 * Implemented by the driver of NVIDIA (nvidia.ts), and in the tests by an emulator that executes
 * PTX. Not a binding of the whole driver API.
 *
 * All handles and device pointers are the driver's own numbers, as bigint; 0n is no handle, or the
 * default stream. What takes a stream is done in the order of that stream, and only waits where it
 * says so. Every call may throw a {@link DriverError}.
 */

/** What the driver answered to a call that failed: its CUresult. */
export class DriverError extends Error {
  override readonly name = 'DriverError'
  /** The call that failed, as the driver names it: `cuMemAlloc`. */
  readonly call: string
  /** The number of the result, for instance {@link results}.outOfMemory. */
  readonly result: number

  /**
   * @param call - the name of the call
   * @param result - the CUresult
   * @param text - what it means, in the driver's words
   */
  constructor(call: string, result: number, text: string) {
    super(`${call}: ${text} (${result})`)
    this.call = call
    this.result = result
  }
}

/** The results that this package tells apart. */
export const results = {
  invalidValue: 1,
  outOfMemory: 2,
  noDevice: 100,
  invalidDevice: 101,
  notInitialized: 3,
  invalidPtx: 218,
  unsupportedPtxVersion: 222,
  invalidHandle: 400,
  notReady: 600,
  illegalAddress: 700,
  captureUnsupported: 900,
} as const

/** What a device is. */
export interface DeviceFacts {
  readonly name: string
  /** Its compute capability: [7, 5] for sm_75. */
  readonly capability: readonly [major: number, minor: number]
  readonly multiprocessors: number
  /** Bytes of memory. */
  readonly memory: number
}

/**
 * How a kernel is spread over a device: blocks of the grid, threads of a block, bytes of shared
 * memory beside what the kernel declares.
 */
export interface Spread {
  readonly grid: readonly [x: number, y: number, z: number]
  readonly block: readonly [x: number, y: number, z: number]
  readonly sharedBytes: number
}

/** A CUDA driver. */
export interface Driver {
  /** The version of CUDA that it supports: 12040 is 12.4. */
  readonly version: number

  /** How many devices there are. */
  deviceCount(): number
  /** What a device is. */
  device(ordinal: number): DeviceFacts

  /** A reference on the primary context of a device, which frameworks in this process share. */
  retainContext(ordinal: number): bigint
  /** Gives the reference back. */
  releaseContext(ordinal: number): void
  /** Makes a context current: all calls below are about it. */
  use(context: bigint): void

  /** Bytes of memory that are free, and that there are. */
  memory(): { readonly free: number; readonly total: number }
  /**
   * Memory on the device, at a multiple of 256; what it holds is not defined. `bytes` is at least
   * 1.
   */
  alloc(bytes: number): bigint
  /** Frees what `alloc` gave; waits for what is using it. */
  free(pointer: bigint): void
  /** Which device memory belongs to; undefined for a pointer that is none to memory on a device. */
  ordinalOf(pointer: bigint): number | undefined

  /** Host to device. The bytes are taken before the call returns; not to be captured. */
  upload(to: bigint, from: ArrayBufferView, stream: bigint): void
  /** Device to host; waits until the bytes are there. */
  download(to: ArrayBufferView, from: bigint, stream: bigint): void
  /** Device to device, also from one device to another. */
  copy(to: bigint, from: bigint, bytes: number, stream: bigint): void
  /** Sets every byte. */
  fill(to: bigint, byte: number, bytes: number, stream: bigint): void

  /** Compiles PTX. The message of the error has the compiler's own words. */
  loadModule(ptx: string): bigint
  /** Unloads a module and its functions. */
  unloadModule(module: bigint): void
  /** A kernel of a module. */
  function(module: bigint, name: string): bigint
  /**
   * Launches a kernel. `params` are the bytes of its parameters one after the other, each at a
   * multiple of its alignment, as PTX lays them out; they are taken before the call returns.
   */
  launch(kernel: bigint, spread: Spread, params: Uint8Array, stream: bigint): void

  /** A stream of its own, which waits for no other, not even for the default stream. */
  createStream(): bigint
  /** Destroys a stream, after what is in it is done. */
  destroyStream(stream: bigint): void
  /** Waits for all that is in a stream. */
  synchronize(stream: bigint): void
  /** Has a stream wait for an event. */
  waitFor(stream: bigint, event: bigint): void

  /** An event, which takes the time where `timed`. */
  createEvent(timed: boolean): bigint
  /** Destroys an event. */
  destroyEvent(event: bigint): void
  /** Marks a place in a stream. */
  record(event: bigint, stream: bigint): void
  /** Whether the place that an event marks has been reached. */
  reached(event: bigint): boolean
  /** Milliseconds from one event to another, both reached. */
  elapsed(from: bigint, to: bigint): number

  /** From here on, what is put into a stream is recorded, not done. Not for the default stream. */
  beginCapture(stream: bigint): void
  /** Whether a stream is being recorded. */
  isCapturing(stream: bigint): boolean
  /** Ends the recording and gives what can be launched again and again. */
  endCapture(stream: bigint): bigint
  /** Does all that was recorded. */
  launchGraph(graph: bigint, stream: bigint): void
  /** Destroys a recording. */
  destroyGraph(graph: bigint): void

  /**
   * Memory of another process, by the 64 bytes of its IPC handle, where the driver can share any.
   */
  openShared?(handle: Uint8Array): bigint
  /** Gives it back. */
  closeShared?(pointer: bigint): void
}
