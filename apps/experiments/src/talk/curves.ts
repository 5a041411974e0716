// The figures that most experiments have: a quantity over the steps, a line per method; and the
// outcome over Adam's learning rates, with the methods that need none as levels.
import type { Figure, Metric, Trace } from './experiment.ts'
import { type Axis, drawLines, type Line, type Point } from './figures.ts'
import { geometric, type Row, rowsOf } from './summary.ts'

/** What is drawn over the steps. */
export interface Curves {
  /** Its name in the traces' series. */
  readonly key: string
  /** The figure's part of a file name, if it is not the key. */
  readonly name?: string
  readonly y: Axis
  readonly title: string
  readonly caption: string
  /** Methods to leave out. */
  readonly without?: (row: Row) => boolean
  /** Another series of each row, dashed: a bound. */
  readonly bound?: string
  /** Levels to compare with. */
  readonly levels?: readonly { readonly label: string; readonly y: number }[]
}

/**
 * A quantity over the steps on one problem, both axes logarithmic as `y` says; nothing where no
 * trace has it.
 */
export function curves(
  traces: readonly Trace[],
  problem: string,
  metric: Metric,
  options: Curves,
): Figure[] {
  const rows = rowsOf(traces, problem, metric).filter((row) => !(options.without?.(row) ?? false))
  const lines = rows.flatMap((row) => [
    line(row, options.key),
    ...(options.bound === undefined
      ? []
      : [{ ...line(row, options.bound), dashed: true, unnamed: true }]),
  ])
  if (lines.every(({ points }) => points.length === 0)) return []
  const levels = (options.levels ?? []).map(({ label, y }): Line => {
    const points = [{ x: 1, y, low: y, high: y }]
    return { method: label, role: 'best', label, level: true, points }
  })
  const svg = drawLines([...lines, ...levels], { label: 'step', log: true }, options.y)
  return [
    {
      name: `${slug(problem)}-${options.name ?? options.key}`,
      title: `${options.title}: ${problem}`,
      caption: options.caption,
      svg,
    },
  ]
}

function line(row: Row, key: string): Line {
  const tuned = row.rank === 'best' || row.lr === undefined ? 'best' : 'grid'
  const role = row.free ? 'free' : tuned
  return {
    method: row.method,
    label: row.label,
    role,
    points: over(row.traces, key),
    unnamed: role === 'grid',
  }
}

/**
 * The mean over the seeds, with its range, at each step that all of them have; geometric where all
 * is positive.
 */
function over(traces: readonly Trace[], key: string): Point[] {
  const maps = traces.map(
    ({ series }) => new Map(series.step.map((step, i) => [step, series[key]?.[i]])),
  )
  const [first, ...others] = maps
  const steps = [...first.keys()].filter((step) => others.every((map) => map.has(step)))
  return steps.flatMap((step) => {
    const values = maps
      .map((map) => map.get(step))
      .filter((value): value is number => typeof value === 'number')
    if (step === null || values.length < traces.length) return []
    const mean = values.every((value) => value > 0)
      ? geometric(values)
      : values.reduce((a, b) => a + b, 0) / values.length
    return [{ x: step, y: mean, low: Math.min(...values), high: Math.max(...values) }]
  })
}

/** The outcome over the learning rates of the tuned methods (or over what `rate` says). */
export function overRates(
  traces: readonly Trace[],
  problem: string,
  metric: Metric,
  y: Omit<Axis, 'label'>,
  rate?: string,
): Figure[] {
  const rows = rowsOf(traces, problem, metric).filter(
    ({ diverged, traces }) => diverged < traces.length,
  )
  const grid = rows.filter((row) => row.lr !== undefined)
  if (grid.length < 2) return []
  const names = [...new Set(grid.map(({ method }) => method))]
  const tuned = names.map(
    (method): Line => ({
      method,
      role: names.length > 1 ? 'free' : 'best',
      label: method,
      dots: true,
      points: grid
        .flatMap((row) => (row.method === method ? [place(row, metric)] : []))
        .sort((a, b) => a.x - b.x),
    }),
  )
  const levels = rows.flatMap((row): Line[] =>
    row.free
      ? [
          {
            method: row.method,
            role: 'free',
            label: row.label,
            level: true,
            points: [place(row, metric)],
          },
        ]
      : [],
  )
  const x = { label: rate ?? `learning rate of ${names}`, log: true }
  const svg = drawLines([...tuned, ...levels], x, { label: metric.label, ...y })
  const caption = `${metric.label} at the end for each ${rate ?? 'learning rate'} of the tuned; level lines are methods that need none.`
  return [{ name: `${slug(problem)}-rates`, title: `Tuning: ${problem}`, caption, svg }]
}

/** A row as a point over its learning rate. */
function place(row: Row, metric: Metric): Point {
  const { mean, deviation } = row.value
  const [low, high] =
    metric.gap === 'ratio'
      ? [mean / deviation, mean * deviation]
      : [mean - deviation, mean + deviation]
  return { x: row.lr ?? 1, y: mean, low, high }
}

/** Figures for the report only. */
export const aside = (figures: readonly Figure[]): Figure[] =>
  figures.map((figure) => ({ ...figure, aside: true }))

/** A name as part of a file name. */
export const slug = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
