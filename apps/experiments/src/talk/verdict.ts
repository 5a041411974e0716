// How verdicts come about: small judgements on rows that several experiments share, each with its
// measure in words.
import type { Metric, Trace, Verdict } from './experiment.ts'
import { bestOf, gapOf, problemsOf, type Row, rowNamed, rowsOf } from './summary.ts'
import { written } from './table.ts'

/** A verdict from a list of outcomes: all, some or none. */
export function fromAll(outcomes: readonly boolean[]): Verdict['verdict'] {
  if (outcomes.length === 0) return 'not testable at this size'
  if (outcomes.every(Boolean)) return 'reproduced'
  return outcomes.some(Boolean) ? 'partly reproduced' : 'not reproduced'
}

/** The rows of every problem. */
export const allRows = (
  traces: readonly Trace[],
  metric: Metric,
): { problem: string; rows: Row[] }[] =>
  problemsOf(traces).map((problem) => ({ problem, rows: rowsOf(traces, problem, metric) }))

/** Whether a row is as good as another up to `margin`, in the metric's own sense of beside. */
function isAsGood(metric: Metric, row: Row, best: Row, margin: number): boolean {
  if (row.diverged > best.diverged) return false
  const gap = gapOf(metric, row, best)
  if (metric.gap === 'ratio') return gap <= margin
  return (metric.better === 'lower' ? gap : -gap) <= margin
}

/**
 * Whether `method` comes within `margin` of the best tuned Adam on every problem, with the numbers.
 */
export function besideAdam(
  traces: readonly Trace[],
  metric: Metric,
  method: string,
  margin: number,
): Omit<Verdict, 'claim'> {
  const judged = allRows(traces, metric).flatMap(({ problem, rows }) => {
    const [row, best] = [rowNamed(rows, method), bestOf(rows, metric, 'Adam')]
    if (!row || !best) return []
    const text = `${problem}: ${method} ${written(row, metric)}, Adam ${written(best, metric)} (at ${best.lr})`
    return [{ good: isAsGood(metric, row, best, margin), text }]
  })
  const numbers =
    judged.length > 0 ? judged.map(({ text }) => text).join('; ') : `Not measured: ${metric.label}`
  const words =
    metric.gap === 'ratio'
      ? `at most ${margin} times the`
      : `no more than ${metric.format(margin)} worse than the`
  return {
    verdict: fromAll(judged.map(({ good }) => good)),
    because: `Measure: ${words} best tuned Adam. ${numbers}.`,
  }
}

/** The largest of a final number over traces. */
export const most = (traces: readonly Trace[], key: string): number =>
  Math.max(
    ...traces
      .map(({ final }) => final[key])
      .filter((value): value is number => typeof value === 'number'),
  )
