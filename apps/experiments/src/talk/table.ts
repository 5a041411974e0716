// The table of an experiment: a row per method and learning rate, as cells for the terminal, the
// report and the docs.
import CliTable from 'cli-table3'
import { figure, integer, rate } from '../format.ts'
import { RULES } from '../table.ts'
import type { Experiment, Metric, Trace } from './experiment.ts'
import { bestOf, gapOf, problemsOf, type Row, rowsOf } from './summary.ts'

/** What the numbers of some tables mean: only what they have. */
export function reading(shown: readonly Table[], { metric }: Pick<Experiment, 'metric'>): string {
  const ratio = metric.gap === 'ratio'
  const beside = [...new Set(shown.flatMap(({ best }) => best ?? []))]
  const parts = [
    `Mean over the seeds and the ${ratio ? 'factor' : 'deviation'} around it`,
    ...beside.map(
      (name) =>
        `“beside best ${name}” is the ${ratio ? 'quotient to' : 'difference from'} its best run`,
    ),
    ...(shown.some(({ heads }) => heads.includes('d'))
      ? ['d is the method’s own estimate of a distance at the end']
      : []),
    'steps/s is measured and depends on what else the machine was doing',
  ]
  return `${parts.join('; ')}.`
}

/** The heads of the columns; `rate` is what the tuned methods are tuned by. */
const heads = (metric: Metric, rate: string, best: Row | undefined): string[] => [
  ...[
    'method',
    rate,
    metric.label,
    best === undefined ? '' : `beside best ${best.method}`,
    'd',
    'steps/s',
  ],
]

/** A row as cells, in the order of the heads. */
function cellsOf(row: Row, best: Row | undefined, metric: Metric): string[] {
  const lr =
    row.lr === undefined
      ? 'none'
      : `${rate(row.lr)}${row.rank === undefined ? '' : ` (${row.rank})`}`
  const steps = integer(Number(row.stepsPerSecond.toPrecision(2)))
  return [row.method, lr, written(row, metric), besideBest(row, best, metric), distance(row), steps]
}

/** The value with its deviation, and how many runs diverged. */
export function written({ value, diverged, traces }: Row, metric: Metric): string {
  const absent = metric.absent ?? 'diverged'
  if (diverged === traces.length) return absent
  const alone = traces.length - diverged === 1
  const around =
    metric.gap === 'ratio'
      ? `×/÷ ${value.deviation.toPrecision(2)}`
      : `± ${metric.format(value.deviation)}`
  const spread = alone ? metric.format(value.mean) : `${metric.format(value.mean)} ${around}`
  return diverged > 0 ? `${spread}, ${diverged} of ${traces.length} ${absent}` : spread
}

function besideBest(row: Row, best: Row | undefined, metric: Metric): string {
  if (best === undefined || row === best || row.diverged === row.traces.length) return ''
  const gap = gapOf(metric, row, best)
  if (metric.gap === 'ratio') return `× ${figure(gap)}`
  return `${gap < 0 ? '−' : '+'}${metric.format(Math.abs(gap))}`
}

function distance({ traces }: Row): string {
  const last = traces
    .map(({ series }) => series.d?.at(-1))
    .filter((d): d is number => typeof d === 'number')
  if (last.length === 0) return ''
  return figure(last.reduce((total, d) => total + d, 0) / last.length)
}

/** One problem's results as a table. */
export interface Table {
  readonly problem: string
  readonly rows: readonly Row[]
  /** The tuned method that the others are set beside. */
  readonly best?: string | undefined
  readonly heads: readonly string[]
  readonly cells: readonly (readonly string[])[]
}

/** A table for each problem. */
export function tables(
  traces: readonly Trace[],
  { metric, rate = 'learning rate' }: Pick<Experiment, 'metric' | 'rate'>,
): Table[] {
  return problemsOf(traces).map((problem) => {
    const rows = rowsOf(traces, problem, metric)
    const best = bestOf(rows, metric)
    const all = rows.map((row) => cellsOf(row, best, metric))
    const head = heads(metric, rate, best)
    // A column without anything in it says nothing.
    const filled = head.map((_, column) => all.some((cells) => cells[column] !== ''))
    const kept = (cells: readonly string[]) => cells.filter((_, column) => filled[column])
    return { problem, rows, best: best?.method, heads: kept(head), cells: all.map(kept) }
  })
}

/** The tables as text, without control characters. */
export function renderTables(
  traces: readonly Trace[],
  experiment: Pick<Experiment, 'metric' | 'rate'>,
): string {
  return tables(traces, experiment)
    .map(({ problem, heads, cells }) => {
      const table = new CliTable({
        head: [...heads],
        colAligns: heads.map((_, column) => (column < 2 ? 'left' : 'right')),
        chars: RULES,
        style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 3 },
      })
      table.push(...cells.map((row) => [...row]))
      const lines = table.toString().split('\n')
      return [problem, ...lines.map((line) => line.trimEnd())].join('\n')
    })
    .join('\n\n')
}
