/**
 * Kernels of the caller's own: PTX, and launches with parameters of declared types. What freestep's
 * own steps are launched with is in engine.ts.
 */
import { DeviceArray } from './array.ts'
import { type Device, refuse } from './device.ts'

/** The type of a kernel's parameter: a device pointer or a number, as PTX names them. */
export type ParameterType = 'pointer' | 'u32' | 's32' | 'u64' | 's64' | 'f32' | 'f64'

/**
 * What is given for a parameter: an array or a device pointer, else a number (a bigint for 64-bit
 * integers, if need be).
 */
export type Argument = DeviceArray | bigint | number

/** How a kernel is spread over the device. */
export interface LaunchOptions {
  /** Blocks of the grid, in up to three dimensions. */
  readonly grid: number | readonly number[]
  /** Threads of a block, in up to three dimensions. */
  readonly block: number | readonly number[]
  /** Bytes of shared memory beside what the kernel declares. Default: 0. */
  readonly sharedBytes?: number
}

const sizes: Readonly<Record<ParameterType, 4 | 8>> = {
  pointer: 8,
  u32: 4,
  s32: 4,
  u64: 8,
  s64: 8,
  f32: 4,
  f64: 8,
}

/** A kernel of the caller's own. */
export class CudaKernel {
  readonly name: string
  private readonly device: Device
  private readonly handle: bigint
  private readonly types: readonly ParameterType[]

  /** @internal Made by a module. */
  constructor(device: Device, handle: bigint, name: string, types: readonly ParameterType[]) {
    this.device = device
    this.handle = handle
    this.name = name
    this.types = types
  }

  /**
   * Launches the kernel, in the stream of the backend, and waits for nothing.
   *
   * @throws FreestepError for another number of arguments than declared, or ones of other types;
   * nothing is launched then
   */
  launch({ grid, block, sharedBytes = 0 }: LaunchOptions, ...args: readonly Argument[]): void {
    if (args.length !== this.types.length)
      throw refuse(
        'bad-option',
        `${this.name} takes ${this.types.length} parameters, ${args.length} are given. Give all of them.`,
      )
    const params = this.pack(args)
    const spread = { grid: dimensions(grid), block: dimensions(block), sharedBytes }
    this.device.do((driver) => driver.launch(this.handle, spread, params, this.device.stream))
  }

  /** The bytes of arguments, each at a multiple of its size. */
  private pack(args: readonly Argument[]): Uint8Array {
    let end = 0
    const offsets = this.types.map((type) => {
      const offset = sizes[type] * Math.ceil(end / sizes[type])
      end = offset + sizes[type]
      return offset
    })
    const view = new DataView(new ArrayBuffer(end))
    for (const [i, type] of this.types.entries()) this.put(view, offsets[i], type, args[i], i)
    return new Uint8Array(view.buffer)
  }

  private put(view: DataView, at: number, type: ParameterType, arg: Argument, i: number): void {
    const wrong = () =>
      refuse(
        'bad-dtype',
        `Parameter ${i} of ${this.name} is ${type}, and ${String(arg)} is given. Give what it is declared as.`,
      )
    if (type === 'pointer') {
      if (arg instanceof DeviceArray) arg.check(`Parameter ${i} of ${this.name}`)
      const pointer = arg instanceof DeviceArray ? arg.pointer : arg
      if (typeof pointer !== 'bigint') throw wrong()
      view.setBigUint64(at, pointer, true)
      return
    }
    if (arg instanceof DeviceArray) throw wrong()
    if (type === 'f32') view.setFloat32(at, Number(arg), true)
    else if (type === 'f64') view.setFloat64(at, Number(arg), true)
    else if (typeof arg === 'number' && !Number.isInteger(arg)) throw wrong()
    else if (sizes[type] === 4) view.setInt32(at, Number(arg), true)
    else view.setBigInt64(at, BigInt(arg), true)
  }
}

/** A compiled text of PTX. */
export class CudaModule {
  private readonly device: Device
  private readonly code: string
  private readonly make: (code: string, names: readonly string[]) => bigint[]

  /** @internal Made by a backend. */
  constructor(device: Device, code: string, make: CudaModule['make']) {
    this.device = device
    this.code = code
    this.make = make
  }

  /**
   * A kernel of it, and the types of its parameters in order.
   *
   * @throws FreestepError if there is none of this name
   */
  kernel(name: string, types: readonly ParameterType[]): CudaKernel {
    const [handle] = this.make(this.code, [name])
    return new CudaKernel(this.device, handle, name, types)
  }
}

function dimensions(given: number | readonly number[]): [number, number, number] {
  const [x, y = 1, z = 1] = typeof given === 'number' ? [given] : given
  return [x, y, z]
}
