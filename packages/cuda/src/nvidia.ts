/**
 * The driver of NVIDIA: each call of {@link Driver} in terms of its functions. Loaded when it is
 * asked for, not when this file is.
 */
import { type DeviceFacts, type Driver, DriverError, results, type Spread } from './driver.ts'
import {
  type Call,
  type Functions,
  functionsOf,
  type Koffi,
  libraryName,
  loadKoffi,
} from './library.ts'

/** Numbers of the driver's headers: device attributes, pointer attributes, flags. */
const attributes = { major: 75, minor: 76, multiprocessors: 16 } as const
const pointer = { memoryType: 2, ordinal: 9, isManaged: 8 } as const
const onDevice = 2
const nonBlocking = 1
const withoutTime = 2
/** CU_STREAM_CAPTURE_MODE_RELAXED: what others do meanwhile is their business. */
const relaxed = 2
const jit = { errorLog: 5, errorLogBytes: 6 } as const
const launchParam = { end: 0n, buffer: 1n, bytes: 2n } as const
/** CU_IPC_MEM_LAZY_ENABLE_PEER_ACCESS */
const peerAccess = 1
/** The most bytes of a kernel's parameters, by the newest drivers. */
const mostParams = 32764

/**
 * Loads the driver. Throws whatever the loading of koffi or the library throws, and a DriverError
 * if it does not start.
 *
 * @param path - another library with the same functions, for tests
 */
export function openNvidia(path: string = libraryName()): Driver {
  const koffi = loadKoffi()
  return new NvidiaDriver(koffi, functionsOf(koffi, path))
}

class NvidiaDriver implements Driver {
  readonly version: number
  private readonly koffi: Koffi
  private readonly functions: Functions
  /** Where results of one number are written to. */
  private readonly out = new BigUint64Array(2)
  private readonly int = new Int32Array(this.out.buffer)
  /** The parameters of a launch, how many bytes they are, and the list that says so. */
  private readonly params = new Uint8Array(mostParams)
  private readonly extra: BigUint64Array
  private readonly paramBytes = new BigUint64Array(1)

  constructor(koffi: Koffi, functions: Functions) {
    this.koffi = koffi
    this.functions = functions
    const [params, bytes] = [koffi.address(this.params), koffi.address(this.paramBytes)]
    this.extra = BigUint64Array.of(
      launchParam.buffer,
      params,
      launchParam.bytes,
      bytes,
      launchParam.end,
    )
    this.call('cuInit', 0)
    this.version = this.integer('cuDriverGetVersion')
  }

  private call(name: Call, ...args: unknown[]): void {
    const result = this.functions(name, ...args)
    if (result) throw this.failure(name, result)
  }

  /** The error of a call; versions of functions are nobody's business. */
  private failure(name: Call, result: number, more = ''): DriverError {
    return new DriverError(
      name.replace(/_v2$/, ''),
      result,
      [this.textOf(result), more].filter(Boolean).join(': '),
    )
  }

  private textOf(result: number): string {
    const text: (string | null)[] = [null]
    return this.functions('cuGetErrorString', result, text) === 0 && text[0]
      ? text[0]
      : 'unknown error'
  }

  /** A call whose first argument is where it writes a handle. */
  private handle(name: Call, ...args: unknown[]): bigint {
    this.out[0] = 0n
    this.call(name, this.out, ...args)
    return this.out[0]
  }

  /** A call whose first argument is where it writes an int. */
  private integer(name: Call, ...args: unknown[]): number {
    this.out[0] = 0n
    this.call(name, this.out, ...args)
    return this.int[0]
  }

  deviceCount(): number {
    return this.integer('cuDeviceGetCount')
  }

  device(ordinal: number): DeviceFacts {
    const device = this.integer('cuDeviceGet', ordinal)
    const attribute = (which: keyof typeof attributes) =>
      this.integer('cuDeviceGetAttribute', attributes[which], device)
    const name = new Uint8Array(256)
    this.call('cuDeviceGetName', name, name.length, device)
    return {
      name: new TextDecoder().decode(name.subarray(0, name.indexOf(0))),
      capability: [attribute('major'), attribute('minor')],
      multiprocessors: attribute('multiprocessors'),
      memory: Number(this.handle('cuDeviceTotalMem_v2', device)),
    }
  }

  retainContext(ordinal: number): bigint {
    return this.handle('cuDevicePrimaryCtxRetain', this.integer('cuDeviceGet', ordinal))
  }

  releaseContext(ordinal: number): void {
    this.call('cuDevicePrimaryCtxRelease_v2', this.integer('cuDeviceGet', ordinal))
  }

  use(context: bigint): void {
    this.call('cuCtxSetCurrent', context)
  }

  memory(): { free: number; total: number } {
    this.call('cuMemGetInfo_v2', this.out, this.out.subarray(1))
    return { free: Number(this.out[0]), total: Number(this.out[1]) }
  }

  alloc(bytes: number): bigint {
    return this.handle('cuMemAlloc_v2', bytes)
  }

  free(pointer: bigint): void {
    this.call('cuMemFree_v2', pointer)
  }

  ordinalOf(address: bigint): number | undefined {
    // The driver answers with an error for memory that it does not know.
    const attribute = (which: keyof typeof pointer): number | undefined => {
      this.out[0] = 0n
      return this.functions('cuPointerGetAttribute', this.out, pointer[which], address)
        ? undefined
        : this.int[0]
    }
    if (attribute('memoryType') !== onDevice && !attribute('isManaged')) return undefined
    return attribute('ordinal')
  }

  upload(to: bigint, from: ArrayBufferView, stream: bigint): void {
    this.call('cuMemcpyHtoDAsync_v2', to, bytesOf(from), from.byteLength, stream)
  }

  download(to: ArrayBufferView, from: bigint, stream: bigint): void {
    this.call('cuMemcpyDtoHAsync_v2', bytesOf(to), from, to.byteLength, stream)
    this.synchronize(stream)
  }

  copy(to: bigint, from: bigint, bytes: number, stream: bigint): void {
    this.call('cuMemcpyAsync', to, from, bytes, stream)
  }

  fill(to: bigint, byte: number, bytes: number, stream: bigint): void {
    this.call('cuMemsetD8Async', to, byte, bytes, stream)
  }

  loadModule(ptx: string): bigint {
    const log = new Uint8Array(8192)
    const options = Int32Array.of(jit.errorLog, jit.errorLogBytes)
    const values = BigUint64Array.of(this.koffi.address(log), BigInt(log.length))
    const image = new TextEncoder().encode(`${ptx}\0`)
    this.out[0] = 0n
    const result = this.functions(
      'cuModuleLoadDataEx',
      this.out,
      image,
      options.length,
      options,
      values,
    )
    if (!result) return this.out[0]
    const words = new TextDecoder().decode(log.subarray(0, log.indexOf(0))).trim()
    throw this.failure('cuModuleLoadDataEx', result, words)
  }

  unloadModule(module: bigint): void {
    this.call('cuModuleUnload', module)
  }

  function(module: bigint, name: string): bigint {
    return this.handle('cuModuleGetFunction', module, name)
  }

  launch(
    kernel: bigint,
    { grid, block, sharedBytes }: Spread,
    params: Uint8Array,
    stream: bigint,
  ): void {
    if (params.length > mostParams)
      throw new DriverError(
        'cuLaunchKernel',
        results.invalidValue,
        `${params.length} bytes of parameters`,
      )
    this.params.set(params)
    this.paramBytes[0] = BigInt(params.length)
    this.call(
      'cuLaunchKernel',
      kernel,
      ...grid,
      ...block,
      sharedBytes,
      stream,
      null,
      params.length ? this.extra : null,
    )
  }

  createStream(): bigint {
    return this.handle('cuStreamCreate', nonBlocking)
  }

  destroyStream(stream: bigint): void {
    this.call('cuStreamDestroy_v2', stream)
  }

  synchronize(stream: bigint): void {
    this.call('cuStreamSynchronize', stream)
  }

  waitFor(stream: bigint, event: bigint): void {
    this.call('cuStreamWaitEvent', stream, event, 0)
  }

  createEvent(timed: boolean): bigint {
    return this.handle('cuEventCreate', timed ? 0 : withoutTime)
  }

  destroyEvent(event: bigint): void {
    this.call('cuEventDestroy_v2', event)
  }

  record(event: bigint, stream: bigint): void {
    this.call('cuEventRecord', event, stream)
  }

  reached(event: bigint): boolean {
    const result = this.functions('cuEventQuery', event)
    if (result && result !== results.notReady) throw this.failure('cuEventQuery', result)
    return result === 0
  }

  elapsed(from: bigint, to: bigint): number {
    const milliseconds = new Float32Array(this.out.buffer, 0, 1)
    this.call('cuEventElapsedTime', this.out, from, to)
    return milliseconds[0]
  }

  beginCapture(stream: bigint): void {
    this.call('cuStreamBeginCapture_v2', stream, relaxed)
  }

  isCapturing(stream: bigint): boolean {
    this.call('cuStreamIsCapturing', stream, this.out)
    return this.int[0] !== 0
  }

  endCapture(stream: bigint): bigint {
    this.out[0] = 0n
    this.call('cuStreamEndCapture', stream, this.out)
    const graph = this.out[0]
    try {
      return this.handle('cuGraphInstantiateWithFlags', graph, 0)
    } finally {
      this.call('cuGraphDestroy', graph)
    }
  }

  launchGraph(graph: bigint, stream: bigint): void {
    this.call('cuGraphLaunch', graph, stream)
  }

  destroyGraph(graph: bigint): void {
    this.call('cuGraphExecDestroy', graph)
  }

  openShared(handle: Uint8Array): bigint {
    return this.handle('cuIpcOpenMemHandle_v2', { reserved: handle }, peerAccess)
  }

  closeShared(pointer: bigint): void {
    this.call('cuIpcCloseMemHandle', pointer)
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
  new Uint8Array(buffer, byteOffset, byteLength)
