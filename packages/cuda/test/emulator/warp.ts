/**
 * What the threads of a warp do when those that wait for each other have come: shuffles, votes and reductions. Threads that have ended
 * are not waited for.
 */
import { Fault } from './faults.ts'
import type { Board } from './link.ts'
import type { Sync } from './writer.ts'

/** The lane that a thread takes its value from, and whether that is within its segment. */
function source(mode: string, lane: number, b: number, c: number): { readonly from: number; readonly inRange: boolean } {
  const segment = (c >> 8) & 31
  const clamp = c & 31
  const last = (lane & segment) | (clamp & ~segment & 31)
  const first = lane & segment
  const distance = b & 31
  const from = {
    up: lane - distance,
    down: lane + distance,
    bfly: lane ^ distance,
    idx: first | (distance & ~segment & 31),
  }[mode] as number
  const inRange = mode === 'up' ? from >= last : from <= last
  return { from: inRange ? from : lane, inRange }
}

/** The values that lanes give each other. `start` is the thread of lane 0, `lanes` the bits of those who take part. */
function shuffle(board: Board, mode: string, start: number, lanes: number): void {
  const { argument0, argument1, argument2, result, inRange } = board
  for (let lane = 0; lane < 32; lane++) {
    if (!((lanes >>> lane) & 1)) continue
    const t = start + lane
    const found = source(mode, lane, argument1[t], argument2[t])
    if (!((lanes >>> found.from) & 1))
      throw new Fault('lane', `lane ${lane} takes a value of lane ${found.from}, which does not take part`)
    result[t] = argument0[start + found.from]
    inRange[t] = Number(found.inRange)
  }
}

/** One result for all lanes. */
function agreed({ kind, mode }: Sync, values: readonly number[], lanes: readonly number[]): number {
  if (kind === 'vote') {
    const count = values.reduce((sum, each) => sum + each, 0)
    if (mode === 'all') return Number(count === values.length)
    if (mode === 'any') return Number(count > 0)
    if (mode === 'uni') return Number(count === 0 || count === values.length)
    return values.reduce((bits, each, i) => bits | (each << lanes[i]), 0)
  }
  const operations: Readonly<Record<string, (a: number, b: number) => number>> = {
    add: (a, b) => (a + b) | 0,
    min: Math.min,
    max: Math.max,
    umin: (a, b) => (a >>> 0 < b >>> 0 ? a : b),
    umax: (a, b) => (a >>> 0 > b >>> 0 ? a : b),
    and: (a, b) => a & b,
    or: (a, b) => a | b,
    xor: (a, b) => a ^ b,
  }
  const operation = operations[mode]
  return values.reduce((a, b) => operation(a, b))
}

/** Does what lanes have come for. */
export function exchange(board: Board, sync: Sync, start: number, lanes: number) {
  if (sync.kind === 'warp') return
  if (sync.kind === 'shfl') return shuffle(board, sync.mode, start, lanes)
  const present = Array.from({ length: 32 }, (_, lane) => lane).filter((lane) => (lanes >>> lane) & 1)
  const result = agreed(
    sync,
    present.map((lane) => board.argument0[start + lane]),
    present,
  )
  for (const lane of present) board.result[start + lane] = result
}
