/**
 * Makes printed kernels run: gives their text everything that it names. One {@link Linked} belongs
 * to one device.
 */
import { Fault, hex, inBytes } from './faults.ts'
import * as halves from './halves.ts'
import type { Heap } from './heap.ts'
import type { Layout, Placed } from './layout.ts'
import * as numbers from './numbers.ts'
import type { Printed } from './print.ts'
import * as rounding from './rounding.ts'
import { windows } from './spaces.ts'
import type { Kernel, Space } from './syntax.ts'
import { type Arrays, arraysOf, prefixed } from './views.ts'

/** Threads of a block at most. */
export const maxThreads = 1024
/** Shared memory of a block at most, with the gaps that the emulator leaves. */
const sharedBytes = 1 << 18

/** What the threads of a block have in common with those who run them. */
export interface Board {
  /** tid.x, tid.y and tid.z by thread. */
  readonly threadIds: readonly [Int32Array, Int32Array, Int32Array]
  /** ntid, nctaid, ctaid; bytes of dynamic and of all shared memory. */
  readonly dimensions: Int32Array
  /** What threads leave when they wait, and take when it is over, by thread. */
  readonly argument0: Int32Array
  readonly argument1: Int32Array
  readonly argument2: Int32Array
  readonly mask: Int32Array
  readonly result: Int32Array
  readonly inRange: Int32Array
  /** Instructions done. */
  readonly count: Float64Array
}

/** What looks for races, where somebody does. */
export interface Watch {
  touch(space: 'global' | 'shared', kind: number, at: number, bytes: number, place: number): void
  fence(wide: boolean): void
}

/** What all kernels of a device share. */
export class Bench {
  readonly board: Board = {
    threadIds: [new Int32Array(maxThreads), new Int32Array(maxThreads), new Int32Array(maxThreads)],
    dimensions: new Int32Array(16),
    argument0: new Int32Array(maxThreads),
    argument1: new Int32Array(maxThreads),
    argument2: new Int32Array(maxThreads),
    mask: new Int32Array(maxThreads),
    result: new Int32Array(maxThreads),
    inRange: new Int32Array(maxThreads),
    count: new Float64Array(1),
  }
  readonly shared: Arrays = arraysOf(new ArrayBuffer(sharedBytes))
  readonly parameters: Arrays = arraysOf(new ArrayBuffer(4096 + 512))
  private readonly whole = new Int32Array(256 * maxThreads)
  private readonly floating = new Float64Array(256 * maxThreads)

  /**
   * Room for what each thread keeps while it waits: so many whole numbers, and so many others.
   * Kernels that need much have their own.
   */
  room(whole: number, floating: number) {
    return {
      whole: whole <= 256 ? this.whole : new Int32Array(whole * maxThreads),
      floating: floating <= 256 ? this.floating : new Float64Array(floating * maxThreads),
    }
  }
}

/** A kernel that can run. */
export interface Linked {
  readonly kernel: Kernel
  readonly layout: Layout
  readonly printed: Printed
  /**
   * Run a thread from the start, or on from each wait; they give the number of what it waits for
   * next, or -1.
   */
  readonly stretches: readonly ((thread: number) => number)[]
  /** Says how much dynamic shared memory there is. */
  readonly resize: (dynamicBytes: number) => void
}

/** Address of a variable of a module, in halves. */
export type Symbols = Readonly<Record<string, { readonly hi: number; readonly lo: number }>>

type Factory = (environment: Readonly<Record<string, unknown>>) => Linked['stretches']

/** A printed kernel as a function of its environment. */
export function factoryOf({ text }: Printed, names: readonly string[]): Factory {
  const head = `const { ${names.join(', ')} } = environment`
  return new Function('environment', `'use strict'; ${head}\nreturn ${text}`) as Factory
}

/**
 * Links a kernel. `factory` is for the text of `printed`, kept by the caller for the next device.
 */
export function link(
  { kernel, layout, printed }: Pick<Linked, 'kernel' | 'layout' | 'printed'>,
  factory: (names: readonly string[]) => Factory,
  {
    heap,
    bench,
    symbols,
    watch,
    limit,
  }: { heap: Heap; bench: Bench; symbols: Symbols; watch: Watch | undefined; limit: number },
): Linked {
  const local = arraysOf(new ArrayBuffer(layout.local * maxThreads))
  const sharedEnds = endsOf(layout.placed, 'shared', sharedBytes)
  const localEnds = endsOf(layout.placed, 'local', layout.local)
  const environment = {
    ...numbers,
    ...halves,
    ...rounding,
    fround: Math.fround,
    ...bench.board,
    ...prefixed('g', heap.arrays),
    ...prefixed('s', bench.shared),
    ...prefixed('l', local),
    ...prefixed('p', bench.parameters),
    ...heap.checks(),
    sharedAt: within('shared', sharedEnds),
    localAt: within('local', localEnds),
    paramAt: inParameters(layout.parameters),
    localBytes: layout.local,
    ...bench.room(printed.whole, printed.floating),
    wholeStride: printed.whole,
    floatingStride: printed.floating,
    symbols,
    limit,
    ...mistakes,
    touch: watch?.touch.bind(watch),
    fence: watch?.fence.bind(watch),
  }
  const stretches = factory(Object.keys(environment))(environment)
  const resize = (dynamicBytes: number) => {
    sharedEnds.fill(0, layout.dynamic / 16)
    sharedEnds.fill(
      layout.dynamic + dynamicBytes,
      layout.dynamic / 16,
      Math.ceil((layout.dynamic + dynamicBytes) / 16),
    )
  }
  return { kernel, layout, printed, stretches, resize }
}

/** Where the variable ends that 16 bytes belong to. */
function endsOf(placed: readonly Placed[], space: Space, bytes: number): Int32Array {
  const ends = new Int32Array(Math.ceil(bytes / 16))
  for (const { variable, from, to } of placed)
    if (variable.space === space) ends.fill(to, from / 16, Math.ceil(to / 16))
  return ends
}

/** The check of an address in a memory where variables lie apart. */
function within(space: 'shared' | 'local', ends: Int32Array) {
  return (hi: number, lo: number, offset: number, bytes: number, place: number) => {
    const at = (lo >>> 0) + offset
    if (hi !== 0 || at & (bytes - 1) || !(at + bytes <= ends[at >>> 4])) {
      const what = `${inBytes(bytes)} at ${hex(at)} of ${space} memory`
      if (hi === 0 && at + bytes <= ends[at >>> 4])
        throw new Fault('alignment', `${what} are not at a multiple of ${bytes}`, place)
      throw new Fault(
        'bounds',
        hi
          ? `${hex(hi)}:${hex(lo >>> 0)} is no address within ${space} memory`
          : `${what} are of no variable`,
        place,
      )
    }
    return at
  }
}

function inParameters(size: number) {
  return (hi: number, lo: number, offset: number, bytes: number, place: number) => {
    const at = (lo >>> 0) + offset
    if (at & (bytes - 1))
      throw new Fault(
        'alignment',
        `${inBytes(bytes)} at ${at} of the parameters are not at a multiple of it`,
        place,
      )
    if (hi !== 0 || !(at >= 0 && at + bytes <= size))
      throw new Fault(
        'bounds',
        `${inBytes(bytes)} at ${at} are beyond the ${inBytes(size)} of parameters`,
        place,
      )
    return at
  }
}

/** What printed kernels call when something is wrong. */
const mistakes = {
  unwritten(place: number, name: string) {
    throw new Fault('unwritten', `${name} is read before it is written`, place)
  },
  byZero(place: number) {
    throw new Fault('by-zero', 'a whole number is divided by zero', place)
  },
  trap(place: number) {
    throw new Fault('trap', 'the kernel stops itself', place)
  },
  elsewhere(place: number, hi: number, lo: number, space: keyof typeof windows) {
    throw new Fault(
      'bounds',
      `${hex(hi)}:${hex(lo >>> 0)} is not in ${space} memory (window ${hex(windows[space])})`,
      place,
    )
  },
  endless(place: number) {
    throw new Fault('endless', 'this loop does not end', place)
  },
}
