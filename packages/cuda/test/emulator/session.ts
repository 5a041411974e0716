/**
 * A machine with arrays and launches, for tests of kernels without the package's own driver calls.
 */
import { Machine, type MachineOptions } from './machine.ts'
import { random } from './random.ts'

/** An argument of a kernel: an array's address, a number by its type, or bytes as they are. */
export type Argument =
  | Uploaded<ArrayBufferView>
  | readonly ['s32' | 'u32' | 's64' | 'f64', number]
  | Uint8Array

/** An array on the machine. */
export interface Uploaded<T extends ArrayBufferView> {
  readonly at: number
  /** What is in it now. */
  read(): T
}

type Numbers =
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | Uint16Array
  | Uint8Array
  | BigInt64Array

/** A machine with one module. */
export class Session {
  readonly machine: Machine
  private readonly loaded

  constructor(ptx: string, options: MachineOptions = {}) {
    this.machine = new Machine({ memory: 1 << 24, ...options })
    const loaded = this.machine.load(ptx)
    if (!loaded) throw new Error('the module does not fit')
    this.loaded = loaded
  }

  /** A copy of an array on the machine. */
  put<T extends Numbers>(array: T): Uploaded<T> {
    const { heap } = this.machine
    const at = heap.take(array.byteLength) ?? Number.NaN
    heap.arrays.U8.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at)
    const read = () =>
      new (array.constructor as new (buffer: ArrayBuffer) => T)(
        heap.arrays.U8.slice(at, at + array.byteLength).buffer,
      )
    return { at, read }
  }

  /** Launches a kernel and lets it finish. */
  launch(
    name: string,
    grid: readonly number[],
    block: readonly number[],
    args: readonly Argument[],
    sharedBytes = 0,
  ): void {
    const kernel = this.loaded.kernels.get(name)
    if (!kernel) throw new Error(`there is no kernel ${name}`)
    const triple = ([x, y = 1, z = 1]: readonly number[]) => [x, y, z] as const
    const bytes = this.parameters(
      args,
      kernel.layout.placed
        .filter(({ variable }) => variable.space === 'param')
        .map(({ from }) => from),
    )
    const params = bytes.subarray(0, kernel.layout.parameters)
    const refusal = this.machine.refusal(kernel, triple(grid), triple(block), sharedBytes, params)
    if (refusal) throw new Error(refusal)
    this.machine.launch(kernel, triple(grid), triple(block), sharedBytes, params)
  }

  private parameters(args: readonly Argument[], places: readonly number[]): Uint8Array {
    const data = new DataView(new ArrayBuffer(4096))
    for (const [i, arg] of args.entries()) {
      const at = places[i]
      if (arg instanceof Uint8Array) new Uint8Array(data.buffer).set(arg, at)
      else if ('at' in arg && typeof arg.at === 'number')
        data.setBigUint64(at, this.machine.heap.address(arg.at), true)
      else this.number(data, at, arg as readonly ['s32', number])
    }
    return new Uint8Array(data.buffer)
  }

  private number(
    data: DataView,
    at: number,
    [type, value]: readonly ['s32' | 'u32' | 's64' | 'f64', number],
  ): void {
    if (type === 'f64') data.setFloat64(at, value, true)
    else if (type === 's64') data.setBigInt64(at, BigInt(value), true)
    else data.setInt32(at, value, true)
  }
}

/** Whole numbers from `least` up to below `end`, which a seed decides. */
export function numbers(length: number, least: number, end: number, seed = 1): number[] {
  const next = random(seed)
  return Array.from({ length }, () => least + Math.floor(next() * (end - least)))
}
