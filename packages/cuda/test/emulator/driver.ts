/**
 * A CUDA driver without a GPU: executes PTX on emulated devices, and does what streams are given as
 * late as a driver may. A mistake of a kernel is the error of the next call, and of all calls after
 * it, as on a device; its words say what the emulator saw.
 */
import {
  type DeviceFacts,
  type Driver,
  DriverError,
  results,
  type Spread,
} from '../../src/driver.ts'
import { Device, invalidContext, targetRefusal } from './device.ts'
import { Handles } from './handles.ts'
import type { Linked } from './link.ts'
import type { Loaded, MachineOptions } from './machine.ts'
import { globalWindow } from './spaces.ts'
import { type Mark, Recording, type Stream } from './streams.ts'
import { PtxError } from './tokens.ts'

/** How the emulated driver and its devices behave. */
export interface EmulatedOptions extends Omit<MachineOptions, 'ordinal'> {
  /** How many devices there are: 1. */
  readonly devices?: number
  /** Their compute capability: [7, 5]. */
  readonly capability?: readonly [number, number]
  /** The version of CUDA: 12000. */
  readonly version?: number
}

interface Event {
  readonly timed: boolean
  mark: Mark | undefined
}

/** A driver with emulated devices. */
export class EmulatedDriver implements Driver {
  readonly version: number
  private readonly capability: readonly [number, number]
  private readonly devices: readonly Device[]
  private current: Device | undefined
  private readonly streams = new Handles<Stream>()
  private readonly events = new Handles<Event>()
  private readonly modules = new Handles<Loaded>()
  private readonly functions = new Handles<Linked>()
  private readonly graphs = new Handles<Recording>()
  private allocations = 0

  constructor({
    devices = 1,
    capability = [7, 5],
    version = 12000,
    ...options
  }: EmulatedOptions = {}) {
    this.version = version
    this.capability = capability
    this.devices = Array.from({ length: devices }, (_, ordinal) => new Device(ordinal, options))
  }

  /** How many of each thing there are that nobody has given back. */
  get live() {
    const contexts = this.devices.reduce((sum, { references }) => sum + references, 0)
    const { allocations, streams, events, modules, graphs } = this
    return {
      contexts,
      allocations,
      streams: streams.size,
      events: events.size,
      modules: modules.size,
      graphs: graphs.size,
    }
  }

  /** Instructions done by kernels so far. */
  get instructions(): number {
    return this.devices.reduce((sum, { machine }) => sum + machine.instructions, 0)
  }

  deviceCount = () => this.devices.length

  device(ordinal: number): DeviceFacts {
    const { machine } = this.at('cuDeviceGet', ordinal)
    return {
      name: 'Emulated',
      capability: this.capability,
      multiprocessors: 4,
      memory: machine.heap.memory.total,
    }
  }

  retainContext(ordinal: number): bigint {
    this.at('cuDevicePrimaryCtxRetain', ordinal).references++
    return BigInt(ordinal + 1)
  }

  releaseContext(ordinal: number): void {
    const device = this.at('cuDevicePrimaryCtxRelease', ordinal)
    if (device.references === 0)
      throw new DriverError(
        'cuDevicePrimaryCtxRelease',
        invalidContext,
        'the context is not retained',
      )
    device.references--
  }

  use(context: bigint): void {
    const device = this.devices[Number(context) - 1]
    if (!device?.references)
      throw new DriverError('cuCtxSetCurrent', invalidContext, 'the context is not retained')
    this.current = device
  }

  memory() {
    return this.now('cuMemGetInfo').machine.heap.memory
  }

  alloc(bytes: number): bigint {
    const { heap } = this.quiet('cuMemAlloc').machine
    if (!(Number.isInteger(bytes) && bytes > 0))
      throw new DriverError('cuMemAlloc', results.invalidValue, `${bytes} bytes`)
    const at = heap.take(bytes)
    if (at === undefined) throw new DriverError('cuMemAlloc', results.outOfMemory, 'out of memory')
    this.allocations++
    return heap.address(at)
  }

  free(pointer: bigint): void {
    const { heap } = this.quiet('cuMemFree').machine
    this.drain('cuMemFree')
    if (!heap.free(heap.offset(pointer)))
      throw new DriverError('cuMemFree', results.invalidValue, 'nothing is allocated there')
    this.allocations--
  }

  ordinalOf(pointer: bigint): number | undefined {
    const ordinal = this.devices.findIndex(({ machine: { heap } }) =>
      heap.holds(heap.offset(pointer), 1),
    )
    return ordinal < 0 ? undefined : ordinal
  }

  upload(to: bigint, from: ArrayBufferView, stream: bigint): void {
    const bytes = Uint8Array.from(new Uint8Array(from.buffer, from.byteOffset, from.byteLength))
    this.refuseRecording('cuMemcpyHtoDAsync', stream)
    this.put('cuMemcpyHtoDAsync', stream, [[to, bytes.length]], () =>
      this.bytes(to, bytes.length).set(bytes),
    )
  }

  download(to: ArrayBufferView, from: bigint, stream: bigint): void {
    this.refuseRecording('cuMemcpyDtoHAsync', stream)
    const target = new Uint8Array(to.buffer, to.byteOffset, to.byteLength)
    this.put('cuMemcpyDtoHAsync', stream, [[from, target.length]], () =>
      target.set(this.bytes(from, target.length)),
    )
    this.synchronize(stream)
  }

  copy(to: bigint, from: bigint, bytes: number, stream: bigint): void {
    const both: [bigint, number][] = [to, from].map((pointer) => [pointer, bytes])
    this.put('cuMemcpyAsync', stream, both, () =>
      this.bytes(to, bytes).set(this.bytes(from, bytes)),
    )
  }

  fill(to: bigint, byte: number, bytes: number, stream: bigint): void {
    this.put('cuMemsetD8Async', stream, [[to, bytes]], () => this.bytes(to, bytes).fill(byte))
  }

  loadModule(ptx: string): bigint {
    const { machine } = this.now('cuModuleLoadData')
    const refusal = targetRefusal(ptx, this.version, this.capability)
    if (refusal) throw refusal
    try {
      const loaded = machine.load(ptx)
      if (!loaded) throw new DriverError('cuModuleLoadData', results.outOfMemory, 'out of memory')
      return this.modules.add(loaded)
    } catch (error) {
      throw error instanceof PtxError
        ? new DriverError('cuModuleLoadData', results.invalidPtx, error.message)
        : error
    }
  }

  unloadModule(module: bigint): void {
    const device = this.now('cuModuleUnload')
    this.drain('cuModuleUnload')
    const loaded = this.modules.remove('cuModuleUnload', module)
    device.machine.unload(loaded)
    for (const linked of loaded.kernels.values()) this.functions.forget(linked)
  }

  function(module: bigint, name: string): bigint {
    const linked = this.modules.get('cuModuleGetFunction', module).kernels.get(name)
    if (!linked) throw new DriverError('cuModuleGetFunction', 500, `there is no kernel ${name}`)
    return this.functions.add(linked)
  }

  launch(
    kernel: bigint,
    { grid, block, sharedBytes }: Spread,
    params: Uint8Array,
    stream: bigint,
  ): void {
    const linked = this.functions.get('cuLaunchKernel', kernel)
    const { machine } = this.now('cuLaunchKernel')
    const refusal = machine.refusal(linked, grid, block, sharedBytes, params)
    if (refusal) throw new DriverError('cuLaunchKernel', results.invalidValue, refusal)
    const bytes = Uint8Array.from(params)
    this.put('cuLaunchKernel', stream, [], () =>
      machine.launch(linked, grid, block, sharedBytes, bytes),
    )
  }

  createStream(): bigint {
    return this.streams.add(this.now('cuStreamCreate').streams.create())
  }

  destroyStream(stream: bigint): void {
    this.synchronize(stream)
    this.now('cuStreamDestroy').streams.all.delete(this.streams.remove('cuStreamDestroy', stream))
  }

  synchronize(stream: bigint): void {
    this.refuseRecording('cuStreamSynchronize', stream)
    this.attempt('cuStreamSynchronize', () => this.stream('cuStreamSynchronize', stream).drain())
  }

  waitFor(stream: bigint, event: bigint): void {
    const { mark } = this.events.get('cuStreamWaitEvent', event)
    if (mark) this.stream('cuStreamWaitEvent', stream).waitFor(mark)
  }

  createEvent(timed: boolean): bigint {
    this.now('cuEventCreate')
    return this.events.add({ timed, mark: undefined })
  }

  destroyEvent(event: bigint): void {
    this.events.remove('cuEventDestroy', event)
  }

  record(event: bigint, stream: bigint): void {
    const recorded = this.events.get('cuEventRecord', event)
    this.attempt('cuEventRecord', () => {
      recorded.mark = this.stream('cuEventRecord', stream).mark(() => performance.now())
    })
  }

  reached(event: bigint): boolean {
    const { mark } = this.events.get('cuEventQuery', event)
    if (!mark || mark.time !== undefined) return true
    this.attempt('cuEventQuery', () => mark.stream.step())
    return false
  }

  elapsed(from: bigint, to: bigint): number {
    const [start, end] = [from, to].map((event) => this.events.get('cuEventElapsedTime', event))
    if (!start.timed || !end.timed)
      throw new DriverError('cuEventElapsedTime', results.invalidHandle, 'an event takes no time')
    if (start.mark?.time === undefined || end.mark?.time === undefined)
      throw new DriverError('cuEventElapsedTime', results.notReady, 'an event is not reached')
    return end.mark.time - start.mark.time
  }

  beginCapture(stream: bigint): void {
    if (stream === 0n)
      throw new DriverError(
        'cuStreamBeginCapture',
        results.captureUnsupported,
        'the default stream cannot be recorded',
      )
    const origin = this.stream('cuStreamBeginCapture', stream)
    origin.recording = new Recording(origin)
  }

  isCapturing(stream: bigint): boolean {
    return this.stream('cuStreamIsCapturing', stream).recording !== undefined
  }

  endCapture(stream: bigint): bigint {
    const origin = this.stream('cuStreamEndCapture', stream)
    const { recording } = origin
    if (recording?.origin !== origin)
      throw new DriverError('cuStreamEndCapture', results.invalidValue, 'no recording began there')
    for (const each of this.now('cuStreamEndCapture').streams.all)
      if (each.recording === recording) each.recording = undefined
    return this.graphs.add(recording)
  }

  launchGraph(graph: bigint, stream: bigint): void {
    const { tasks } = this.graphs.get('cuGraphLaunch', graph)
    this.put('cuGraphLaunch', stream, [], () => {
      for (const task of tasks) task()
    })
  }

  destroyGraph(graph: bigint): void {
    this.graphs.remove('cuGraphDestroy', graph)
  }

  /** The device that calls are about, if it works. */
  private now(call: string): Device {
    if (!this.current) throw new DriverError(call, invalidContext, 'no context is current')
    return this.current.working(call)
  }

  /** The same for what must not happen while something is recorded. */
  private quiet(call: string): Device {
    const device = this.now(call)
    if (device.streams.isRecording)
      throw new DriverError(call, results.captureUnsupported, 'a stream is being recorded')
    return device
  }

  private at(call: string, ordinal: number): Device {
    const device = this.devices[ordinal]
    if (!device)
      throw new DriverError(
        call,
        this.devices.length ? results.invalidDevice : results.noDevice,
        `there is no device ${ordinal}`,
      )
    return device
  }

  private stream(call: string, handle: bigint): Stream {
    const device = this.now(call)
    return handle === 0n ? device.main : this.streams.get(call, handle)
  }

  private refuseRecording(call: string, stream: bigint): void {
    if (this.stream(call, stream).recording)
      throw new DriverError(call, results.captureUnsupported, 'the stream is being recorded')
  }

  /** Puts something into a stream that uses memory. */
  private put(
    call: string,
    stream: bigint,
    memory: readonly (readonly [bigint, number])[],
    task: () => void,
  ): void {
    for (const [pointer, bytes] of memory) this.bytes(pointer, bytes, call)
    this.attempt(call, () => this.stream(call, stream).put(task))
  }

  private attempt(call: string, run: () => void): void {
    this.now(call).attempt(call, run)
  }

  private drain(call: string): void {
    this.attempt(call, () => this.now(call).streams.drain())
  }

  /** Memory of any device, as bytes. */
  private bytes(pointer: bigint, count: number, call = 'cuMemcpyAsync'): Uint8Array {
    const found = this.devices[Number(pointer >> 32n) - globalWindow]?.bytes(pointer, count)
    if (!found)
      throw new DriverError(
        call,
        results.invalidValue,
        `${count} bytes at 0x${pointer.toString(16)} are no memory`,
      )
    return found
  }
}
