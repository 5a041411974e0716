/**
 * The charts of the playground of problems, as options of Observable Plot: where the methods went,
 * the loss, the estimates.
 */
import * as Plot from '@observablehq/plot'
import type { Trace } from './descend.ts'
import type { Problem } from './problems.ts'

/** A run and its colour. */
export interface Drawn extends Trace {
  readonly color: string
}

/** The most points of a curve that are drawn. */
const most = 800

/** Some of the steps, evenly, the last among them. */
function steps(count: number): number[] {
  const stride = Math.max(1, Math.ceil(count / most))
  return [
    ...new Set([
      ...Array.from({ length: Math.ceil(count / stride) }, (_, i) => i * stride),
      count - 1,
    ]),
  ]
}

const frame = { marginLeft: 52, marginBottom: 36, marginTop: 26, marginRight: 16 }

/** The powers of ten within bounds, seven at most. */
function powers([least, largest]: readonly [number, number]): number[] {
  const [from, to] = [Math.ceil(Math.log10(least) - 1e-9), Math.floor(Math.log10(largest) + 1e-9)]
  const every = Math.max(1, Math.ceil((to - from + 1) / 7))
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i)
    .filter((power) => (power - to) % every === 0)
    .map((power) => 10 ** power)
}

const superscripts = '⁰¹²³⁴⁵⁶⁷⁸⁹'

/** A power of ten as it is written: 10⁻⁶. */
export function power(value: number): string {
  const exponent = Math.round(Math.log10(value))
  if (exponent >= -2 && exponent <= 3) return String(Number(value.toPrecision(1)))
  return `10${exponent < 0 ? '⁻' : ''}${[...String(Math.abs(exponent))].map((digit) => superscripts[Number(digit)]).join('')}`
}

/** A logarithmic axis from one value to another. */
export const logarithmic = (
  label: string,
  domain: readonly [number, number],
): Plot.ScaleOptions => ({
  type: 'log',
  domain: [...domain],
  label,
  labelAnchor: 'top',
  labelArrow: 'none',
  ticks: powers(domain),
  tickFormat: power,
  grid: true,
})

/** The numbers of steps. */
const stepAxis = (most: number): Plot.ScaleOptions => ({
  domain: [0, most],
  label: 'step k',
  labelArrow: 'none',
  ticks: 5,
})

/** A line across at the step that is looked at. */
const cursor = (at: number) =>
  Plot.ruleX([at], { stroke: 'var(--vp-c-text-3)', strokeDasharray: '2 3' })

/** Curves over the steps, on a logarithmic axis. */
function curves(
  drawn: readonly Drawn[],
  value: (trace: Drawn, k: number) => number | undefined,
  [least]: readonly [number, number],
) {
  return drawn.flatMap((trace) => {
    const points = steps(trace.x.length).map((k) => ({ k, value: value(trace, k) }))
    if (points.every((point) => point.value === undefined)) return []
    const shown = points.map((point) => ({ k: point.k, value: Math.max(point.value ?? 0, least) }))
    return [
      Plot.line(shown, {
        x: 'k',
        y: 'value',
        stroke: trace.color,
        strokeWidth: 1.8,
        clip: true,
        ariaLabel: () => trace.label,
      }),
    ]
  })
}

/** The loss above its least value. */
export function lossChart(drawn: readonly Drawn[], last: number, at: number): Plot.PlotOptions {
  const gaps = drawn.flatMap(({ gap }) => gap).filter((value) => value > 0 && value < 1e9)
  const domain = [
    Math.max(1e-10, Math.min(1, ...gaps)),
    Math.max(1, ...drawn.map(({ gap }) => 3 * gap[0])),
  ] as const
  return {
    ...frame,
    ariaLabel: 'The loss above its least value, over the steps',
    x: stepAxis(last),
    y: logarithmic('f(x) − f(x*)', domain),
    marks: [cursor(at), ...curves(drawn, ({ gap }, k) => gap[k], domain)],
  }
}

/** The estimates of the distance, and the distance itself. */
export function estimateChart(
  drawn: readonly Drawn[],
  distances: readonly { readonly text: string; readonly value: number }[],
  last: number,
  at: number,
): Plot.PlotOptions {
  const found = drawn.flatMap(({ d }) => d).filter((d): d is number => d !== undefined && d > 0)
  const largest = Math.max(...distances.map(({ value }) => value), ...found)
  const domain = [Math.min(1e-6, ...found), 4 * largest] as const
  return {
    ...frame,
    ariaLabel: 'The estimates of the distance to the solution, over the steps',
    x: stepAxis(last),
    y: logarithmic('estimate of the distance', domain),
    marks: [
      cursor(at),
      Plot.ruleY(distances, {
        y: 'value',
        stroke: 'var(--vp-c-text-2)',
        strokeDasharray: '5 4',
        ariaLabel: 'text',
      }),
      Plot.text(distances, {
        y: 'value',
        text: 'text',
        frameAnchor: 'right',
        dy: -8,
        textAnchor: 'end',
        fill: 'var(--vp-c-text-2)',
      }),
      ...curves(drawn, ({ d }, k) => d[k], domain),
    ],
  }
}

/** Where the methods went: over contours in two dimensions, on the graph in one. */
export function pathChart(problem: Problem, drawn: readonly Drawn[], at: number): Plot.PlotOptions {
  return problem.dimensions === 1 ? graph(problem, drawn, at) : map(problem, drawn, at)
}

function graph(
  { f, window: [[least, most]], solution }: Problem,
  drawn: readonly Drawn[],
  at: number,
): Plot.PlotOptions {
  const xs = Array.from({ length: 401 }, (_, i) => least + ((most - least) * i) / 400)
  const point = (x: readonly number[]) => ({ x: x[0], y: f(x) })
  return {
    ...frame,
    ariaLabel: 'The graph of f, and where the methods went on it',
    x: { domain: [least, most], label: 'x', labelArrow: 'none', ticks: 6 },
    y: {
      domain: [0, Math.max(...xs.map((x) => f([x])))],
      label: 'f(x)',
      labelArrow: 'none',
      ticks: 5,
      grid: true,
    },
    marks: [
      Plot.line(xs, {
        x: (x) => x,
        y: (x) => f([x]),
        stroke: 'var(--vp-c-text-3)',
        strokeWidth: 1.5,
      }),
      Plot.dot([point(solution)], {
        x: 'x',
        y: 'y',
        symbol: 'star',
        r: 7,
        fill: 'var(--vp-c-text-1)',
      }),
      ...drawn.flatMap(({ x, color, label }, i) => [
        Plot.dot(x.slice(0, at + 1).map(point), {
          x: 'x',
          y: 'y',
          r: 2.2,
          fill: color,
          fillOpacity: 0.5,
          dy: -4 * i,
          clip: true,
          ariaLabel: () => label,
        }),
        Plot.dot([point(x[Math.min(at, x.length - 1)])], {
          x: 'x',
          y: 'y',
          r: 5,
          fill: color,
          stroke: 'var(--vp-c-bg)',
          dy: -4 * i,
          clip: true,
        }),
      ]),
    ],
  }
}

function map(
  { f, window, solution }: Problem,
  drawn: readonly Drawn[],
  at: number,
): Plot.PlotOptions {
  const [[left, right], [bottom, top]] = window
  const largest = Math.max(...[left, right].flatMap((x) => [bottom, top].map((y) => f([x, y]))))
  const level = (x: number, y: number) => Math.log1p((999 * (f([x, y]) - f(solution))) / largest)
  return {
    ...frame,
    ariaLabel: 'The contours of f, and the paths of the methods over them',
    x: { domain: [left, right], label: 'x', labelArrow: 'none', ticks: 6 },
    y: { domain: [bottom, top], label: 'y', labelArrow: 'none', ticks: 5 },
    color: {
      type: 'linear',
      interpolate: (t: number) =>
        `color-mix(in srgb, var(--vp-c-text-1) ${(3 + 15 * t).toFixed(1)}%, var(--vp-c-bg))`,
    },
    marks: [
      Plot.contour({
        x1: left,
        x2: right,
        y1: bottom,
        y2: top,
        fill: level,
        stroke: 'var(--vp-c-bg)',
        strokeWidth: 0.6,
        thresholds: 14,
        pixelSize: 3,
      }),
      Plot.dot([solution], { x: '0', y: '1', symbol: 'star', r: 8, fill: 'var(--vp-c-text-1)' }),
      ...drawn.flatMap(({ x, color, label }) => [
        Plot.line(x.slice(0, at + 1), {
          x: '0',
          y: '1',
          stroke: color,
          strokeWidth: 1.8,
          clip: true,
          ariaLabel: () => label,
        }),
        Plot.dot(x.slice(0, at + 1), { x: '0', y: '1', r: 1.6, fill: color, clip: true }),
        Plot.dot([x[Math.min(at, x.length - 1)]], {
          x: '0',
          y: '1',
          r: 5,
          fill: color,
          stroke: 'var(--vp-c-bg)',
          clip: true,
        }),
      ]),
    ],
  }
}
