/**
 * What the threads of a warp do when those that wait for each other have come: shuffles, votes and
 * reductions. Threads that have ended are not waited for.
 */
import { Fault } from './faults.ts'
import type { Board } from './link.ts'
import type { Sync } from './writer.ts'

/** The lane that a lane's value comes from; -1 where that is out of range. */
function source(mode: string, lane: number, b: number, c: number): number {
  const segment = (c >> 8) & 31
  const bound = (lane & segment) | (c & 31 & ~segment)
  const distance = b & 31
  if (mode === 'up') return lane - distance >= bound ? lane - distance : -1
  const from =
    mode === 'down'
      ? lane + distance
      : mode === 'bfly'
        ? lane ^ distance
        : (lane & segment) | (distance & ~segment)
  return from <= bound ? from : -1
}

/**
 * The values that lanes give each other. `start` is the thread of lane 0, `lanes` the bits of those
 * who take part.
 */
function shuffle(board: Board, mode: string, start: number, lanes: number): void {
  const { argument0, argument1, argument2, result, inRange } = board
  for (let lane = 0; lane < 32; lane++) {
    if (!((lanes >>> lane) & 1)) continue
    const t = start + lane
    const found = source(mode, lane, argument1[t], argument2[t])
    const from = found < 0 ? lane : found
    if (!((lanes >>> from) & 1))
      throw new Fault(
        'lane',
        `lane ${lane} takes a value of lane ${from}, which does not take part`,
      )
    result[t] = argument0[start + from]
    inRange[t] = found < 0 ? 0 : 1
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
  const present = Array.from({ length: 32 }, (_, lane) => lane).filter(
    (lane) => (lanes >>> lane) & 1,
  )
  const result = agreed(
    sync,
    present.map((lane) => board.argument0[start + lane]),
    present,
  )
  for (const lane of present) board.result[start + lane] = result
}
