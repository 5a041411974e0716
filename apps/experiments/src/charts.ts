// The figures of the report, drawn by Observable Plot as SVG text in Node. Colours are CSS
// variables that the report defines for light and dark; every line carries the class of its run, so
// that pointing at a run can raise it.
import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import { figure, integer, rate } from './format.ts'
import type { Words } from './objective.ts'
import { runName } from './runs.ts'
import type { Result, Sample } from './train.ts'

/** The class of the i-th run's lines; `--run-<i>` is its colour. */
export const runClass = (index: number): string => `run-${index}`

/** Training loss over steps, both logarithmic, cut off at ten times the first loss. */
export function lossChart(results: readonly Result[]): string {
  const first = Math.max(...results.map(({ samples }) => samples[0]!.loss).filter(drawable))
  const ceiling = first > 0 ? 10 * first : Number.POSITIVE_INFINITY
  return seriesChart(results, 'training loss', (sample) => sample.loss, plain, ceiling)
}

/** The estimated distance d over steps, both logarithmic; nothing if no optimizer keeps one. */
export function distanceChart(results: readonly Result[]): string | undefined {
  if (!results.some(({ samples }) => samples.some(({ d }) => d !== undefined))) return undefined
  return seriesChart(results, 'estimated distance d', (sample) => sample.d, power)
}

/**
 * What a logarithmic axis has a place for; how a run without such numbers ended is in the table.
 */
const drawable = (value: number | undefined) =>
  value !== undefined && value > 0 && value < Number.POSITIVE_INFINITY

function seriesChart(
  results: readonly Result[],
  label: string,
  read: (sample: Sample) => number | undefined,
  tick: (value: number) => string,
  ceiling = Number.POSITIVE_INFINITY,
): string {
  const series = results.map(({ samples }) =>
    samples
      .filter((sample) => drawable(read(sample)))
      .map((sample) => ({ step: sample.step, value: read(sample)! })),
  )
  const lines = series.map((points, index) => {
    const { run } = results[index]!
    return Plot.line(points, {
      x: 'step',
      y: 'value',
      stroke: `var(--${runClass(index)})`,
      strokeWidth: run.free ? 2.5 : 1.25,
      clip: true,
      className: runClass(index),
      title: () =>
        `${runName(run)}: ends at ${points.length > 0 ? figure(points.at(-1)!.value) : 'no number'}`,
    })
  })
  const values = series.flat().map(({ value }) => Math.min(value, ceiling))
  // Runs without a learning rate are drawn last, on top.
  const order = [...lines.keys()].sort(
    (a, b) => Number(results[a]!.run.free) - Number(results[b]!.run.free),
  )
  return svg({
    x: logAxis(
      'step',
      series.flat().map(({ step }) => step),
      integer,
    ),
    y: logAxis(label, values, tick),
    marks: order.map((index) => lines[index]!),
  })
}

/**
 * Test error over the learning rates of a grid, both logarithmic, with the runs that have no
 * learning rate as level lines; nothing unless there are at least three rates.
 */
export function gridChart(
  results: readonly Result[],
  testRows: number,
  words: Words,
): string | undefined {
  const error = ({ score }: Result) => words.error(score, testRows)
  const describe = ({ run, score }: Result) =>
    `${runName(run)}: ${words.score} ${words.format(score)}`
  const rated = results.filter(({ run }) => run.lr !== undefined)
  if (new Set(rated.map(({ run }) => run.lr)).size < 3) return undefined
  const position = { x: ({ run }: Result) => run.lr!, y: error }
  const curves = [...new Set(rated.map(({ run }) => run.optimizer))].map((name) => {
    const points = rated
      .filter(({ run }) => run.optimizer === name)
      .sort((a, b) => a.run.lr! - b.run.lr!)
    return Plot.line(points, { ...position, stroke: 'var(--muted)' })
  })
  const marks = results.map((result, index) => {
    const style = { className: runClass(index), title: () => describe(result) }
    const colour = `var(--${runClass(index)})`
    return result.run.lr === undefined
      ? Plot.ruleY([result], { ...style, y: error, stroke: colour, strokeWidth: 2.5 })
      : Plot.dot([result], { ...style, ...position, fill: colour, r: 5 })
  })
  const rates = rated.map(({ run }) => run.lr!)
  return svg({
    height: 320,
    x: { ...logAxis('learning rate', rates, rate), grid: false },
    y: logAxis(words.axis, results.map(error), plain),
    marks: [...curves, ...marks],
  })
}

function plain(value: number): string {
  if (value < 1e-3) return power(value)
  return value >= 1 ? integer(value) : String(value)
}
/** A tick of an axis that spans many decades. */
export const power = (value: number) => value.toExponential(0).replace('+', '')

/**
 * A logarithmic axis over `values`, with ticks at powers of ten, or at 1, 2, 5 where there would be
 * few.
 */
function logAxis(
  label: string,
  values: readonly number[],
  write: (value: number) => string,
): Plot.ScaleOptions {
  const [least, most] = values.length > 0 ? [Math.min(...values), Math.max(...values)] : [1, 10]
  const first = Math.floor(Math.log10(least))
  const decades = Array.from({ length: Math.log10(most) - first + 1 }, (_, i) => `e${first + i}`)
  const digits = most / least > 1000 ? [1] : [1, 2, 5]
  const ticks = decades.flatMap((exponent) => digits.map((digit) => Number(digit + exponent)))
  return {
    type: 'log',
    label,
    grid: true,
    domain: least < most ? [least, most] : [least / 2, most * 2],
    inset: 8,
    ticks: ticks.filter((tick) => tick >= 0.999 * least && tick <= 1.001 * most),
    tickFormat: write,
  }
}

function svg(options: Plot.PlotOptions): string {
  const { document } = parseHTML('<html></html>')
  const style = { background: 'none', fontFamily: 'inherit', fontSize: '12px' }
  const size = { width: 820, height: 380, marginLeft: 56, marginBottom: 40 }
  return Plot.plot({ ...size, style, ...options, document }).outerHTML
}
