/**
 * Runs a compiled program on the memory of one optimizer: which segments, in which order, on how
 * many threads. Not what the arrays mean to the caller, which is engine.ts's business.
 */
import { type Kernels, type Slot, type StageFunctions, segmentInts } from '@freestep/compiler'
import type { Program } from '@freestep/core'
import type { FloatArray } from './arrays.ts'
import { codeOf, instantiate, type Memory, type Target } from './code.ts'
import { type MemoryLayout, type Region, view } from './memory.ts'
import { type Place, type Segment, segmentsOf, writeSegments, writeShifts } from './segments.ts'
import { Workers } from './workers.ts'

/** How kernels run. */
export interface Running {
  readonly target: Target
  /** How many threads share in a pass, this one included; more than one only with WebAssembly. */
  readonly threads: number
}

/** What a runner runs on. */
export interface RunnerMemory {
  readonly layout: MemoryLayout
  /** The memory that is laid out so. It may grow. */
  readonly memory: Memory
  readonly threads?: number
}

/** A compiled function of the program: for each of its stages the code for every region. */
export interface Loaded {
  readonly kernels: Kernels
  readonly stages: readonly (readonly StageFunctions[string][])[]
  readonly workers: Workers | undefined
}

/** What the tables in memory were written for. */
interface Plan {
  readonly perTensor: boolean
  readonly active: readonly number[]
  readonly segments: readonly (readonly Segment[])[]
  readonly count: number
  /**
   * For each region, where the segments of each thread begin, and where the last one's end; this
   * thread is the last.
   */
  readonly cuts: readonly (readonly number[])[]
  /** Whether there is enough to do for more than one thread. */
  readonly large: boolean
}

/**
 * Elements from which another thread is woken: below, that costs more than it saves (measured: some
 * 40 µs, against 0.9 ns an element).
 */
const largeFrom = 2 ** 18

/** The memory and the code of one optimizer. */
export class Runner {
  private readonly program: Program
  private readonly layout: MemoryLayout
  private readonly memory: Memory
  private readonly threads: number
  private readonly slots: ReadonlyMap<string, Slot>
  private plan: Plan | undefined

  /** For a program, given all of its compiled functions. Its memory is zero. */
  constructor(
    program: Program,
    functions: readonly Kernels[],
    { layout, memory, threads = 1 }: RunnerMemory,
  ) {
    this.program = program
    this.layout = layout
    this.memory = memory
    this.threads = threads
    this.slots = new Map(functions[0].slots.map((slot) => [slot.name, slot]))
  }

  /** An array as views on memory, one per tensor. */
  views(array: string): FloatArray[] {
    const regionOf = (i: number) =>
      this.layout.regions.find(({ tensors }) => tensors.includes(i)) as Region
    return this.program.tensors.map((_, i) =>
      view(this.memory.buffer, regionOf(i), this.program, array, i),
    )
  }

  /**
   * A number (or one per tensor) by the name of a state, a uniform or the loss; undefined for what
   * is a vector.
   */
  get(name: string): number[] | undefined {
    const slot = this.slots.get(name)
    if (!slot) return undefined
    const numbers = this.numbers(slot)
    if (slot.scope === 'global') return [numbers[slot.index]]
    return this.program.tensors.map((_, i) => numbers[this.tensorAt(i) + slot.index])
  }

  /** Overwrites what `get` gives. */
  set(name: string, numbers: ArrayLike<number>): void {
    const slot = this.slots.get(name)
    if (!slot) throw new RangeError(`there is no number ${name}`)
    const own = this.numbers(slot)
    if (slot.scope === 'global') own[slot.index] = numbers[0]
    else for (let i = 0; i < numbers.length; i++) own[this.tensorAt(i) + slot.index] = numbers[i]
  }

  /** The slots of a scope. */
  private numbers({ scope }: Slot): Float64Array {
    const { globals, tensors } = this.layout.regions[0].layout
    return new Float64Array(this.memory.buffer, scope === 'global' ? globals : tensors)
  }

  private tensorAt(i: number): number {
    return this.layout.regions[0].layout.tensorStride * i
  }

  /**
   * Compiles a function; `shared` with the other threads if there are any, which are then started.
   */
  prepare(kernels: Kernels, shared = false): Loaded {
    const codes = this.layout.regions.map(({ type, layout }) =>
      codeOf(kernels, type, this.memory, layout),
    )
    const regions = codes.map((code) => instantiate(code, this.memory))
    return {
      kernels,
      stages: kernels.stages.map((_, i) => regions.map((region) => region[`stage${i}`])),
      workers:
        shared && this.threads > 1 ? new Workers(this.threads - 1, codes, this.memory) : undefined,
    }
  }

  /**
   * Runs a function on the given tensors; `places` says where each of them is, if they are not in
   * the memory of the runner.
   */
  run(
    { kernels, stages, workers }: Loaded,
    active: readonly number[],
    places?: readonly (Place | undefined)[],
  ): void {
    const { segments, count, cuts, large } = this.tables(
      kernels.perTensor || this.layout.lent,
      active,
    )
    if (places)
      for (const [i, region] of this.layout.regions.entries())
        writeShifts(this.table(cuts[i][0]), segments[i], region, places)
    for (const [i, regions] of stages.entries())
      if (kernels.stages[i].kind === 'scalar') regions[0](count, this.program.tensors.length)
      else if (workers && large)
        workers.run(i, cuts, () => runRegions(regions, cuts, this.threads - 1))
      else runRegions(regions, cuts, 0)
  }

  /** Writes the tables of segments and tensors, unless they are there from the last time. */
  private tables(perTensor: boolean, active: readonly number[]): Plan {
    const { plan } = this
    if (plan && plan.perTensor === perTensor && sameNumbers(plan.active, active)) return plan
    const { regions } = this.layout
    const taking = new Set(active)
    const segments = regions.map((region) => segmentsOf(this.program, region, taking, perTensor))
    writeSegments(this.table(0), segments.flat())
    const starts = segments.map((_, i) =>
      segments.slice(0, i).reduce((count, { length }) => count + length, 0),
    )
    const elements = segments.flat().reduce((sum, { length }) => sum + length, 0)
    this.plan = {
      perTensor,
      active,
      segments,
      count: segments.flat().length,
      large: elements >= largeFrom,
      cuts: segments.map((own, i) => evenly(own, this.threads).map((cut) => starts[i] + cut)),
    }
    return this.plan
  }

  /** The table from one of the segments on. */
  private table(segment: number): Int32Array {
    return new Int32Array(
      this.memory.buffer,
      this.layout.regions[0].layout.segments + 4 * segmentInts * segment,
    )
  }
}

/** The part of a pass from cut `from` to the end, region by region. */
function runRegions(
  regions: readonly StageFunctions[string][],
  cuts: Plan['cuts'],
  from: number,
): void {
  for (const [i, stage] of regions.entries()) stage(cuts[i][from], cuts[i][cuts[i].length - 1])
}

/**
 * Cuts segments into so many ranges of about as many elements: where each begins, and where the
 * last one ends.
 */
function evenly(segments: readonly Segment[], count: number): number[] {
  const total = segments.reduce((sum, { length }) => sum + length, 0)
  const cuts = [0]
  let before = 0
  for (const [i, { length }] of segments.entries()) {
    before += length
    while (cuts.length < count && before * count >= total * cuts.length) cuts.push(i + 1)
  }
  while (cuts.length <= count) cuts.push(segments.length)
  return cuts
}

const sameNumbers = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((value, i) => value === b[i])
