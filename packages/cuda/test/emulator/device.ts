/**
 * A device of the emulated driver: a machine, its streams, and whether it still works. The calls
 * are in driver.ts.
 */
import { DriverError, results } from '../../src/driver.ts'
import { KernelFault, Machine, type MachineOptions } from './machine.ts'
import { type Stream, Streams } from './streams.ts'

/** The result of calls without a context. */
export const invalidContext = 201

/** A device. */
export class Device {
  readonly machine: Machine
  readonly streams: Streams
  /** The default stream. */
  readonly main: Stream
  /** References on its primary context. */
  references = 0
  private failure: DriverError | undefined

  constructor(ordinal: number, options: Omit<MachineOptions, 'ordinal'>) {
    const seed = (options.seed ?? 1) + ordinal
    this.machine = new Machine({ ...options, seed, ordinal })
    this.streams = new Streams(seed)
    this.main = this.streams.create()
  }

  /** This device, if it has a context and works. */
  working(call: string): this {
    if (!this.references) throw new DriverError(call, invalidContext, 'no context is current')
    if (this.failure) throw this.failure
    return this
  }

  /** Does what may run kernels; a mistake of one is the end of the device. */
  attempt(call: string, run: () => void): void {
    try {
      run()
    } catch (error) {
      if (error instanceof KernelFault)
        this.failure = new DriverError(call, results.illegalAddress, error.message)
      throw this.failure ?? error
    }
  }

  /** Memory as bytes; undefined if it is not all of one allocation. */
  bytes(pointer: bigint, count: number): Uint8Array | undefined {
    const { heap } = this.machine
    const at = heap.offset(pointer)
    return heap.holds(at, count) ? heap.arrays.U8.subarray(at, at + count) : undefined
  }
}

/** Why a driver of a version and a device of a capability refuse a text, if they do. */
export function targetRefusal(
  ptx: string,
  version: number,
  [high, low]: readonly [number, number],
): DriverError | undefined {
  const [, isa, target] = /\.version\s+([\d.]+)[\s\S]*?\.target\s+sm_(\d+)/.exec(ptx) ?? []
  const [major, minor] = [Math.floor(version / 1000), Math.floor((version % 1000) / 10)]
  // CUDA 10.0 brought PTX 6.3, 11.0 brought 7.0, 12.0 brought 8.0.
  const known = major < 11 ? 6.3 + minor / 10 : major - 4 + minor / 10
  if (Number(isa) > known)
    return new DriverError(
      'cuModuleLoadData',
      results.unsupportedPtxVersion,
      `PTX ${isa} is too new`,
    )
  if (Number(target) > 10 * high + low)
    return new DriverError(
      'cuModuleLoadData',
      results.invalidPtx,
      `sm_${target} is more than this device is`,
    )
  return undefined
}
