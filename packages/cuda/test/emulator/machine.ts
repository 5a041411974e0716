/**
 * An emulated device: memory, modules of PTX and launches that run to their end. Not a driver: see
 * driver.ts.
 */
import { Block } from './block.ts'
import { Fault } from './faults.ts'
import { Heap } from './heap.ts'
import { type Layout, layoutOf } from './layout.ts'
import { Bench, factoryOf, type Linked, link, maxThreads, type Symbols } from './link.ts'
import { parse } from './parse.ts'
import { type Printed, printKernel } from './print.ts'
import { Races } from './races.ts'
import { permutation, random } from './random.ts'
import { globalWindow, poison } from './spaces.ts'
import type { Instruction, Kernel, PtxModule } from './syntax.ts'

/** How a device behaves. */
export interface MachineOptions {
  /** Bytes of memory. */
  readonly memory?: number
  /** Decides the order of blocks and warps. */
  readonly seed?: number
  /** Whether to look for races, which takes ten times as long and more (measured). */
  readonly races?: boolean
  /**
   * Instructions of one thread from one wait to the next, beyond which a loop counts as endless.
   */
  readonly limit?: number
  /** Which device it is: addresses of different devices differ. */
  readonly ordinal?: number
}

/** A mistake of a kernel, with the thread and the line. */
export class KernelFault extends Error {
  override readonly name = 'KernelFault'
  readonly mistake: Fault['mistake']
  /** The line of the PTX text, where one is at fault. */
  readonly line: number | undefined

  constructor(
    { mistake, message }: Fault,
    kernel: string,
    thread: string,
    instruction: Instruction | undefined,
  ) {
    super(
      `${kernel}${instruction ? `, line ${instruction.line} (${instruction.text})` : ''}, ${thread}: ${message}`,
    )
    this.mistake = mistake
    this.line = instruction?.line
  }
}

/** A module on a device. */
export interface Loaded {
  readonly kernels: ReadonlyMap<string, Linked>
  readonly symbols: Symbols
  /** Memory that its variables take. */
  readonly taken: readonly number[]
}

/** Three numbers: x, y, z. */
type Triple = readonly [number, number, number]

/** A kernel printed once, for all devices and loads of the same text. */
interface Ready {
  readonly kernel: Kernel
  readonly layout: Layout
  readonly printed: Printed
  factory?: ReturnType<typeof factoryOf>
}

const texts = new Map<string, { readonly module: PtxModule; readonly kernels: readonly Ready[] }>()

function prepared(
  ptx: string,
  races: boolean,
): { readonly module: PtxModule; readonly kernels: readonly Ready[] } {
  const key = `${races} ${ptx}`
  const known = texts.get(key)
  if (known) return known
  const module = parse(ptx)
  const kernels = module.kernels.map((kernel) => {
    const layout = layoutOf(kernel, module.variables)
    return { kernel, layout, printed: printKernel(kernel, layout, races) }
  })
  const made = { module, kernels }
  texts.set(key, made)
  return made
}

/** A device. */
export class Machine {
  readonly heap: Heap
  private readonly bench = new Bench()
  private readonly races: Races | undefined
  private readonly limit: number
  private readonly next: () => number

  constructor({
    memory = 1 << 28,
    seed = 1,
    races = false,
    limit = 1e9,
    ordinal = 0,
  }: MachineOptions = {}) {
    this.heap = new Heap(memory, globalWindow + ordinal)
    this.races = races ? new Races() : undefined
    this.limit = limit
    this.next = random(seed)
  }

  /** Instructions done so far, all threads together. */
  get instructions(): number {
    return this.bench.board.count[0]
  }

  /**
   * Compiles a text and gives its variables memory; undefined if there is not enough. Throws a
   * PtxError.
   */
  load(ptx: string): Loaded | undefined {
    const { heap, bench, races, limit } = this
    const { module, kernels } = prepared(ptx, races !== undefined)
    const taken: number[] = []
    const symbols: Record<string, { hi: number; lo: number }> = {}
    for (const { name, space, bytes, initial } of module.variables) {
      if (space === 'shared') continue
      const at = heap.take(Math.max(bytes, 1), space !== 'const')
      if (at === undefined) return undefined
      heap.arrays.U8.fill(0, at, at + bytes)
      if (initial) heap.arrays.U8.set(initial, at)
      taken.push(at)
      symbols[name] = { hi: heap.window, lo: at }
    }
    const linked = kernels.map((ready) => {
      const factory = (names: readonly string[]) => {
        ready.factory ??= factoryOf(ready.printed, names)
        return ready.factory
      }
      return link(ready, factory, { heap, bench, symbols, watch: races, limit })
    })
    return { kernels: new Map(linked.map((each) => [each.kernel.name, each])), symbols, taken }
  }

  /** Frees what a module takes. */
  unload({ taken }: Loaded): void {
    for (const each of taken) this.heap.free(each)
  }

  /** Why a kernel cannot be launched so, or undefined. */
  refusal(
    { kernel, layout }: Linked,
    grid: Triple,
    block: Triple,
    dynamicBytes: number,
    params: Uint8Array,
  ): string | undefined {
    const threads = block[0] * block[1] * block[2]
    const { atMost = maxThreads, exactly } = kernel.threads ?? {}
    if (![...grid, ...block].every((each) => Number.isInteger(each) && each >= 1))
      return `a grid of ${grid} blocks of ${block} threads`
    if (grid[0] > 2147483647 || grid[1] > 65535 || grid[2] > 65535)
      return `a grid of ${grid} blocks`
    if (threads > Math.min(atMost, maxThreads) || block[2] > 64) return `blocks of ${block} threads`
    if (exactly && String(exactly) !== String(block))
      return `blocks of ${block} threads where the kernel requires ${exactly}`
    if (layout.shared + dynamicBytes > 49152)
      return `${layout.shared + dynamicBytes} bytes of shared memory`
    if (params.byteLength !== layout.parameters)
      return `${params.byteLength} bytes of parameters instead of ${layout.parameters}`
    return undefined
  }

  /**
   * Runs a kernel to its end, its blocks in an order that the seed decides. Throws a
   * {@link KernelFault}.
   */
  launch(
    linked: Linked,
    grid: Triple,
    block: Triple,
    dynamicBytes: number,
    params: Uint8Array,
  ): void {
    const { bench, races } = this
    const { dimensions } = bench.board
    const { layout } = linked
    bench.parameters.U8.set(params)
    linked.resize(dynamicBytes)
    dimensions.set([...block, ...grid, 0, 0, 0, dynamicBytes, layout.shared + dynamicBytes])
    const threads = block[0] * block[1] * block[2]
    this.numberThreads(block)
    const count = grid[0] * grid[1] * grid[2]
    races?.begin(threads, (place) => lineOf(linked.kernel, place))
    const running = new Block(linked, bench.board, threads, races)
    for (const id of permutation(count, this.next)) {
      dimensions.set(
        [id % grid[0], Math.floor(id / grid[0]) % grid[1], Math.floor(id / (grid[0] * grid[1]))],
        6,
      )
      bench.shared.U8.fill(poison, 0, layout.dynamic + dynamicBytes)
      races?.block(id)
      try {
        running.run(permutation(Math.ceil(threads / 32), this.next), this.next() < 0.5)
      } catch (error) {
        throw error instanceof Fault ? this.named(error, linked.kernel, running.running) : error
      }
    }
  }

  private numberThreads([nx, ny]: Triple): void {
    const [x, y, z] = this.bench.board.threadIds
    for (let t = 0; t < maxThreads; t++) {
      x[t] = t % nx
      y[t] = Math.floor(t / nx) % ny
      z[t] = Math.floor(t / (nx * ny))
    }
  }

  /** A fault with the thread that runs, and the line. */
  private named(fault: Fault, { name, code }: Kernel, t: number): KernelFault {
    const { threadIds, dimensions } = this.bench.board
    const thread = `thread ${threadIds.map((each) => each[t])} of block ${dimensions.slice(6, 9)}`
    const instruction = code[fault.place ?? -1]
    return new KernelFault(
      fault,
      name,
      thread,
      instruction?.is === 'instruction' ? instruction : undefined,
    )
  }
}

/** Where an instruction is, in words. */
function lineOf({ code }: Kernel, place: number): string {
  const instruction = code[place]
  return instruction.is === 'instruction'
    ? `line ${instruction.line} (${instruction.text})`
    : instruction.name
}
