/**
 * What the recordings say of a backend, as data: how many trajectories ran, how far they were off,
 * what was left out and why. Not a test: nothing fails here. It is what `npx pnpm goldens` prints.
 */
import type { MaybePromise } from '@freestep/core'
import { chaotic, loadGolden, runTrajectory } from './goldens.ts'
import { exact } from './layers/3-trajectories.ts'
import type { GoldenFile } from './recording.ts'
import type { Row } from './row.ts'
import type { Stack } from './session.ts'
import { leftOutFiles, table } from './table.ts'

/** One file of recordings, run by one algorithm. */
export interface ReportLine {
  readonly algorithm: string
  readonly file: string
  /** How many float64 trajectories were run. */
  readonly ran: number
  /** How many of their records were compared. */
  readonly compared: number
  /** How many were passed over, because rounding errors grow too fast there to compare anything. */
  readonly chaotic: number
  /** How many trajectories or records were left out for a reason of their own. */
  readonly leftOut: number
  /** The largest relative error of parameters and of recorded scalars. */
  readonly worst: number
}

/** All files of recordings. */
export interface Report {
  readonly lines: readonly ReportLine[]
  /** What was left out: the trajectory, the record or the file, and the reason. */
  readonly leftOut: readonly { readonly what: string; readonly reason: string }[]
}

/** Runs every float64 recording on a backend. */
export async function goldenReport<P, Done extends MaybePromise<void>>(
  stack: Stack<P, Done>,
): Promise<Report> {
  const lines: ReportLine[] = []
  const leftOut: { what: string; reason: string }[] = []
  for (const row of table)
    for (const golden of row.goldens) {
      const { line, without } = await runFile(stack, row, golden)
      lines.push(line)
      leftOut.push(...without)
    }
  for (const [what, reason] of Object.entries(leftOutFiles))
    leftOut.push({ what: `${what} (all)`, reason })
  return { lines, leftOut }
}

/** Runs a file of recordings by an algorithm. */
async function runFile<P, Done extends MaybePromise<void>>(
  stack: Stack<P, Done>,
  row: Row,
  golden: GoldenFile,
): Promise<{ line: ReportLine; without: Report['leftOut'] }> {
  const counts = { ran: 0, compared: 0, chaotic: 0, worst: 0 }
  const without: { what: string; reason: string }[] = []
  for (const trajectory of (await loadGolden(golden.file)).trajectories) {
    if (trajectory.dtype === 'float32' || golden.takes?.(trajectory) === false) continue
    const reason = golden.leftOut?.(trajectory)
    if (reason) {
      without.push({ what: trajectory.id, reason })
      continue
    }
    for (const record of trajectory.records) {
      const own = golden.leftOut?.(trajectory, record)
      if (!((record.amp as number) < chaotic)) counts.chaotic++
      else if (own) without.push({ what: `${trajectory.id} at step ${record.step}`, reason: own })
    }
    const { params, scalars, compared } = await runTrajectory(stack, row, golden, trajectory, exact)
    counts.ran++
    counts.compared += compared
    counts.worst = Math.max(counts.worst, params, scalars)
  }
  const line = { algorithm: row.name, file: golden.file, ...counts, leftOut: without.length }
  return { line, without }
}
