// From traces to what is compared: the runs of one method over its seeds become a row, and the best
// and the worst learning rate of a grid are found. Tables, figures and verdicts all start here.
import type { Metric, Trace } from './experiment.ts'
import { label } from './methods.ts'

/**
 * A mean and the standard deviation around it; of numbers that span decades a geometric mean, and a
 * factor around it.
 */
export interface Spread {
  readonly mean: number
  readonly deviation: number
}

/** A method on a problem, over all seeds. */
export interface Row {
  readonly problem: string
  readonly method: string
  readonly lr?: number | undefined
  /** Its name with the learning rate. */
  readonly label: string
  readonly free: boolean
  readonly traces: readonly Trace[]
  /** The metric over the runs that have one. */
  readonly value: Spread
  /** How many runs diverged. */
  readonly diverged: number
  readonly stepsPerSecond: number
  /** Whether this is the best, or the worst, of a grid. */
  readonly rank?: 'best' | 'worst' | undefined
}

/** Mean and (n − 1) deviation of the finite ones among the values; NaN without any. */
export function spread(values: readonly (number | null | undefined)[]): Spread {
  const finite = values.filter(
    (value): value is number => typeof value === 'number' && Number.isFinite(value),
  )
  const mean = finite.reduce((total, value) => total + value, 0) / finite.length
  const squares = finite.reduce((total, value) => total + (value - mean) ** 2, 0)
  return { mean, deviation: finite.length > 1 ? Math.sqrt(squares / (finite.length - 1)) : 0 }
}

/** The mean on a logarithmic scale: for numbers that span decades. */
export const geometric = (values: readonly number[]): number =>
  Math.exp(values.reduce((total, value) => total + Math.log(value), 0) / values.length)

/** The problems, in order of appearance. */
export const problemsOf = (traces: readonly Trace[]): string[] => [
  ...new Set(traces.map(({ problem }) => problem)),
]

/** Whether a is better than b; one that diverged is worse than any other. */
function isBetter(metric: Metric, a: Row, b: Row): boolean {
  if (a.diverged !== b.diverged) return a.diverged < b.diverged
  return metric.better === 'lower' ? a.value.mean < b.value.mean : a.value.mean > b.value.mean
}

/**
 * The rows of one problem: free methods first, then grid by grid, each in the order of the runs.
 */
export function rowsOf(traces: readonly Trace[], problem: string, metric: Metric): Row[] {
  const groups = new Map<string, Trace[]>()
  for (const trace of traces.filter((each) => each.problem === problem)) {
    const name = label({ name: trace.method, ...(trace.lr !== undefined && { lr: trace.lr }) })
    groups.set(name, [...(groups.get(name) ?? []), trace])
  }
  const rows = [...groups].map(([name, group]) => rowOf(name, group, metric))
  const ranked = rows.map((row) => ({ ...row, rank: rankOf(row, rows, metric) }))
  const grids = [...new Set(ranked.flatMap(({ free, method }) => (free ? [] : [method])))]
  return [
    ...ranked.filter(({ free }) => free),
    ...grids.flatMap((grid) => ranked.filter(({ free, method }) => !free && method === grid)),
  ]
}

function rowOf(name: string, traces: readonly Trace[], metric: Metric): Row {
  const [{ problem, method, lr, free }] = traces as [Trace]
  const values = traces.map(({ final, diverged }) => (diverged ? null : final[metric.key]))
  const finite = values.filter((value): value is number => typeof value === 'number')
  const value = metric.gap === 'ratio' ? logarithmic(finite) : spread(finite)
  const stepsPerSecond = spread(traces.map((trace) => trace.stepsPerSecond)).mean
  return {
    problem,
    method,
    lr,
    label: name,
    free,
    traces,
    value,
    diverged: values.length - finite.length,
    stepsPerSecond,
  }
}

/** The geometric mean, and the deviation of the logarithms as a factor. */
function logarithmic(values: readonly number[]): Spread {
  return { mean: geometric(values), deviation: Math.exp(spread(values.map(Math.log)).deviation) }
}

/**
 * The first that no other of its grid beats is the best, unless all are the same; and so for the
 * worst.
 */
function rankOf(row: Row, rows: readonly Row[], metric: Metric): Row['rank'] {
  const grid = rows.filter(({ method, lr }) => method === row.method && lr !== undefined)
  const beats = (a: Row, b: Row) => isBetter(metric, a, b)
  const best = grid.find((one) => !grid.some((other) => beats(other, one)))
  const worst = grid.findLast((one) => !grid.some((other) => beats(one, other)))
  if (best === undefined || worst === undefined || !beats(best, worst)) return undefined
  if (row === best) return 'best'
  return row === worst ? 'worst' : undefined
}

/** The best row of a tuned method's grid; of all tuned methods, unless one is named. */
export const bestOf = (rows: readonly Row[], metric: Metric, method?: string): Row | undefined =>
  rows
    .filter((row) => row.rank === 'best' && (method === undefined || row.method === method))
    .reduce<Row | undefined>(
      (best, row) => (best === undefined || isBetter(metric, row, best) ? row : best),
      undefined,
    )

/** The row of a method. */
export const rowNamed = (rows: readonly Row[], name: string): Row | undefined =>
  rows.find((row) => row.label === name)

/**
 * How far a row is from another: their difference, or their quotient. Better is negative, or below
 * 1, for errors.
 */
export const gapOf = (metric: Metric, row: Row, best: Row): number =>
  metric.gap === 'ratio' ? row.value.mean / best.value.mean : row.value.mean - best.value.mean
