/**
 * What happens before what in a launch, as far as kernels make sure of it: by program order,
 * barriers of a block or a warp, and across blocks by a fence and then an atomic on one side, the
 * same atomic and then a fence on the other. Not the accesses: see races.ts.
 *
 * PTX ISA, "Memory Consistency Model": release and acquire patterns, causality order. Two
 * liberties: a barrier counts as one of the whole block even if not all threads take part, and a
 * fence followed by a barrier serves for an atomic of another thread of the block, too, as CUDA's
 * own samples have it.
 */
import { maxThreads } from './link.ts'

/**
 * When a thread did something. Nothing that orders threads lies between two things of the same
 * moment.
 */
export interface Moment {
  readonly block: number
  /** The thread; -1 stands for several of the block, the last of them. */
  readonly thread: number
  /** Barriers that the block has passed. */
  readonly phase: number
  /** Barriers that the warp has passed. */
  readonly warpPhase: number
  /** Fences that the thread has passed. */
  readonly clock: number
}

/** What an atomic makes known of its block. */
interface Release {
  readonly block: number
  readonly thread: number
  readonly phase: number
  /** Fences of the thread, and the phase of the last one. */
  readonly clock: number
  readonly fencePhase: number
  /** Fences of every thread when the block last met. */
  readonly clocks: Int32Array | undefined
}

/** By block. */
type Known = Map<number, Release[]>

function join(into: Known, from: Known): void {
  for (const [block, releases] of from) {
    const list = into.get(block) ?? []
    into.set(block, [...list, ...releases.filter((each) => !list.includes(each))])
  }
}

function covers({ thread, phase, clock, fencePhase, clocks }: Release, moment: Moment): boolean {
  if (moment.thread === thread && moment.clock < clock) return true
  if (moment.phase < fencePhase) return true
  if (!clocks || moment.phase >= phase) return false
  return moment.thread < 0
    ? clocks.every((each) => each > moment.clock)
    : clocks[moment.thread] > moment.clock
}

/** What threads learn of other blocks, on their way to being sure of it. */
class Learnt {
  /** Seen by an atomic, but no fence has followed. */
  readonly seen: Known = new Map()
  readonly sure: Known = new Map()
}

/** The order within a launch, while its blocks run one after the other. */
export class Order {
  private thread = 0
  private id = 0
  private threads = 0
  private phase = 0
  private readonly warpPhases = new Int32Array(maxThreads / 32)
  private readonly clocks = new Int32Array(maxThreads)
  private readonly fencePhases = new Int32Array(maxThreads)
  private clocksWhenMet: Int32Array | undefined
  private ofBlock = new Learnt()
  private readonly ofThreads = new Map<number, Learnt>()
  /** What atomics have left, by place in memory. */
  private readonly released = new Map<number, Known>()
  private current: Moment | undefined

  /** A launch begins, of blocks of so many threads. */
  begin(threads: number): void {
    this.threads = threads
    this.released.clear()
  }

  /** A block begins. */
  block(id: number): void {
    this.id = id
    this.phase = 0
    this.warpPhases.fill(0)
    this.clocks.fill(0)
    this.fencePhases.fill(-1)
    this.clocksWhenMet = undefined
    this.ofBlock = new Learnt()
    this.ofThreads.clear()
  }

  /** A thread goes on. */
  run(thread: number): void {
    this.thread = thread
    this.current = undefined
  }

  /** The moment of the thread that runs. */
  get now(): Moment {
    const { id: block, thread, phase, warpPhases, clocks } = this
    this.current ??= {
      block,
      thread,
      phase,
      warpPhase: warpPhases[thread >> 5],
      clock: clocks[thread],
    }
    return this.current
  }

  /** All threads of the block have met. */
  barrier(): void {
    this.phase++
    if (this.clocks.some((clock, t) => clock !== (this.clocksWhenMet?.[t] ?? 0)))
      this.clocksWhenMet = this.clocks.slice(0, this.threads)
    for (const { seen, sure } of this.ofThreads.values()) {
      join(this.ofBlock.seen, seen)
      join(this.ofBlock.sure, sure)
    }
    this.ofThreads.clear()
  }

  /** Threads of a warp have met. */
  warpBarrier(warp: number): void {
    this.warpPhases[warp]++
  }

  /** The thread passes a fence that all of the device sees. */
  fence(): void {
    this.clocks[this.thread]++
    this.fencePhases[this.thread] = this.phase
    this.current = undefined
    const own = this.learnt()
    join(own.sure, own.seen)
    join(own.sure, this.ofBlock.seen)
  }

  /** The thread sees what others have left at a place. */
  acquire(place: number): void {
    const known = this.released.get(place)
    if (known) join(this.learnt().seen, known)
  }

  /** The thread leaves word at a place; what others left stays if `adds`. */
  release(place: number, adds: boolean): void {
    const { id: block, thread, phase, clocksWhenMet: clocks } = this
    const known: Known = (adds && this.released.get(place)) || new Map()
    const own: Release = {
      block,
      thread,
      phase,
      clock: this.clocks[thread],
      fencePhase: this.fencePhases[thread],
      clocks,
    }
    if (own.clock || clocks) join(known, new Map([[block, [own]]]))
    join(known, this.ofBlock.sure)
    join(known, this.ofThreads.get(thread)?.sure ?? new Map())
    this.released.set(place, known)
  }

  /** Whether a moment lies before what the running thread does now. */
  isBefore(moment: Moment): boolean {
    const { now } = this
    if (moment.block === now.block)
      return (
        moment.thread === now.thread ||
        moment.phase < now.phase ||
        (moment.thread >= 0 &&
          moment.thread >> 5 === now.thread >> 5 &&
          moment.warpPhase < now.warpPhase)
      )
    const known = [this.ofBlock.sure, this.ofThreads.get(now.thread)?.sure].flatMap(
      (sure) => sure?.get(moment.block) ?? [],
    )
    return known.some((release) => covers(release, moment))
  }

  private learnt(): Learnt {
    const known = this.ofThreads.get(this.thread) ?? new Learnt()
    this.ofThreads.set(this.thread, known)
    return known
  }
}
