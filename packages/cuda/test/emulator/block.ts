/**
 * A block of threads: runs each to where it has to wait, and lets go of those who wait for each
 * other. No thread runs at the same time as another; in which order they run is decided from
 * outside.
 */
import { Fault } from './faults.ts'
import type { Board, Linked } from './link.ts'
import type { Races } from './races.ts'
import { exchange } from './warp.ts'
import type { Sync } from './writer.ts'

const ready = -2
const ended = -1

/** Threads of a block that run and wait. */
export class Block {
  /** What a thread waits for, or that it is ready or has ended. */
  private readonly state: Int32Array
  /** The stretch of code that a thread goes on with. */
  private readonly at: Int32Array
  private readonly linked: Linked
  private readonly board: Board
  private readonly threads: number
  private readonly races: Races | undefined
  /** The thread that runs. */
  running = 0

  constructor(linked: Linked, board: Board, threads: number, races: Races | undefined) {
    this.linked = linked
    this.board = board
    this.threads = threads
    this.races = races
    this.state = new Int32Array(threads)
    this.at = new Int32Array(threads)
  }

  /**
   * Runs the block to its end. `warps` is the order of warps, and `backwards` that of threads
   * within them.
   */
  run(warps: readonly number[], backwards: boolean): void {
    this.state.fill(ready)
    this.at.fill(0)
    do
      for (const warp of warps)
        this.warp(32 * warp, Math.min(32, this.threads - 32 * warp), backwards)
    while (this.meet())
  }

  /** Runs the threads of a warp until all wait for other warps or have ended. */
  private warp(start: number, size: number, backwards: boolean): void {
    const { state, at, races } = this
    const { stretches } = this.linked
    do {
      for (let i = 0; i < size; i++) {
        const t = start + (backwards ? size - 1 - i : i)
        if (state[t] !== ready) continue
        this.running = t
        races?.order.run(t)
        const wait = stretches[at[t]](t)
        state[t] = wait
        at[t] = wait + 1
      }
    } while (this.meetInWarp(start, size))
  }

  private waitOf(t: number): Sync | undefined {
    return this.state[t] >= 0 ? this.linked.printed.waits[this.state[t]] : undefined
  }

  /** Lets go of threads of a warp that have found each other; whether there were any. */
  private meetInWarp(start: number, size: number): boolean {
    let any = false
    for (let lane = 0; lane < size; lane++) {
      const sync = this.waitOf(start + lane)
      if (!sync || sync.kind === 'barrier') continue
      this.running = start + lane
      const lanes = this.gathered(start, size, lane, sync)
      if (!lanes) continue
      exchange(this.board, sync, start, lanes)
      if (sync.kind === 'warp') this.races?.order.warpBarrier(start / 32)
      for (let each = 0; each < size; each++)
        if ((lanes >>> each) & 1) this.state[start + each] = ready
      any = true
    }
    return any
  }

  /** The lanes that a lane waits for, itself among them, if all of them have come; 0 if not. */
  private gathered(start: number, size: number, lane: number, sync: Sync): number {
    const mask = this.board.mask[start + lane]
    if (!((mask >>> lane) & 1))
      throw new Fault('lane', `lane ${lane} waits for lanes ${lanesOf(mask)}, and is none of them`)
    const { state, board } = this
    const own = state[start + lane]
    let lanes = 0
    for (let each = 0; each < size; each++) {
      const other = state[start + each]
      if (!((mask >>> each) & 1) || other === ended) continue
      if ((other !== own && !this.isLike(other, sync)) || board.mask[start + each] !== mask)
        return 0
      lanes |= 1 << each
    }
    return lanes
  }

  /** Whether threads in a state wait for the same as others, if at another instruction. */
  private isLike(state: number, { kind, mode }: Sync): boolean {
    const other = state < 0 ? undefined : this.linked.printed.waits[state]
    return other?.kind === kind && other.mode === mode
  }

  /** Lets go of threads that have met at a barrier; whether there is still something to run. */
  private meet(): boolean {
    const { state, board, threads } = this
    const groups = new Map<number, number[]>()
    for (let t = 0; t < threads; t++) {
      if (state[t] === ended) continue
      if (this.waitOf(t)?.kind !== 'barrier') throw this.deadlock(t)
      const id = board.argument0[t]
      const group = groups.get(id)
      if (group) group.push(t)
      else groups.set(id, [t])
    }
    if (!groups.size) return false
    const full = [...groups.values()].filter((group) => this.isFull(group))
    if (!full.length) throw this.deadlock([...groups.values()][0][0])
    for (const group of full) this.letGo(group)
    return true
  }

  private isFull(group: readonly number[]): boolean {
    const { state, board } = this
    const count = board.argument1[group[0]]
    for (const t of group) {
      const first = state[t - (t % 32)]
      const apart = first !== state[t] && first >= 0 && this.waitOf(t)?.aligned
      if (apart || board.argument1[t] !== count) throw this.deadlock(t)
    }
    return group.length === (count < 0 ? this.threads : count)
  }

  private letGo(group: readonly number[]): void {
    const { argument2, result } = this.board
    const set = group.reduce((sum, t) => sum + argument2[t], 0)
    for (const t of group) {
      const mode = this.waitOf(t)?.mode
      result[t] =
        mode === 'and' ? Number(set === group.length) : mode === 'or' ? Number(set > 0) : set
      this.state[t] = ready
    }
    this.races?.order.barrier()
  }

  /** Says what every thread waits for. */
  private deadlock(thread: number): Fault {
    this.running = thread
    const places = new Map<string, number[]>()
    for (let t = 0; t < this.threads; t++) {
      const sync = this.waitOf(t)
      const mask =
        sync && sync.kind !== 'barrier' ? ` for lanes ${lanesOf(this.board.mask[t])}` : ''
      const place = sync ? `at line ${sync.line} (${sync.kind}.${sync.mode}${mask})` : 'have ended'
      places.set(place, [...(places.get(place) ?? []), t])
    }
    const list = [...places].map(([place, threads]) => `${ranges(threads)} ${place}`)
    return new Fault(
      'deadlock',
      `threads wait for each other that will not come: ${list.join('; ')}`,
    )
  }
}

const lanesOf = (mask: number) =>
  ranges(Array.from({ length: 32 }, (_, i) => i).filter((i) => (mask >>> i) & 1))

/** Numbers in ascending order as ranges: 0–31, 33. */
function ranges(numbers: readonly number[]): string {
  const list: [number, number][] = []
  for (const each of numbers) {
    const last = list.at(-1)
    if (last && last[1] === each - 1) last[1] = each
    else list.push([each, each])
  }
  return list.map(([from, to]) => (from === to ? String(from) : `${from}–${to}`)).join(', ')
}
