// How figures are drawn: lines with bands and labels at their ends, by Observable Plot as SVG text
// in Node. What is drawn in an experiment's figures is curves.ts and the experiments themselves.
import { createHash } from 'node:crypto'
import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import { power } from '../charts.ts'
import { integer } from '../format.ts'
import { type Painted, paint } from './colours.ts'

/** One point of a line, with the range over seeds. */
export interface Point {
  readonly x: number
  readonly y: number
  readonly low: number
  readonly high: number
}

/** A line, or where there is one point only, a level over the whole width. */
export interface Line extends Painted {
  readonly label: string
  readonly points: readonly Point[]
  readonly dashed?: boolean
  /** Drawn as a level with this height, over the whole width. */
  readonly level?: boolean
  /** Drawn with a dot at each point. */
  readonly dots?: boolean
  /** Not named at its end. */
  readonly unnamed?: boolean
}

/** What an axis says. */
export interface Axis {
  readonly label: string
  readonly log: boolean
  /** Beyond these nothing is drawn. */
  readonly from?: number
  readonly to?: number
}

const [WIDTH, HEIGHT] = [900, 400]
const MARGIN = { left: 62, right: 204, bottom: 40, top: 26 }

/** Lines over two axes. */
export function drawLines(lines: readonly Line[], x: Axis, y: Axis): string {
  const kept = lines.map((line) => ({
    ...line,
    points: line.points.filter((point) => drawable(point, x, y)),
  }))
  const shown = floored(
    kept.filter(({ points }) => points.length > 0),
    y,
  )
  const { classOf, style } = paint(lines)
  // The faint lines below, those to be looked at on top.
  const order = ['grid', 'best', 'free']
  const marks = shown
    .toSorted((a, b) => order.indexOf(a.role) - order.indexOf(b.role))
    .flatMap((line) => marksOf(line, classOf(line)))
  const xs = shown.flatMap((line) => (line.level ? [] : line.points.map((point) => point.x)))
  const ys = shown.flatMap((line) => line.points.flatMap(({ y, low, high }) => [y, low, high]))
  const chart = plot(scaleOf(x, xs), scaleOf(y, ys), marks)
  label(chart, shown, classOf)
  return finish(chart, style)
}

/** Dots over two axes, a colour per method. */
export function drawDots(lines: readonly Line[], x: Axis, y: Axis): string {
  const { classOf, style } = paint(lines)
  const kept = lines.map((line) => ({
    ...line,
    points: line.points.filter((point) => drawable(point, x, y)),
  }))
  const marks = kept.map((line) =>
    Plot.dot(line.points, {
      x: 'x',
      y: 'y',
      r: 2.5,
      fill: 'var(--c)',
      fillOpacity: 0.6,
      className: classOf(line),
    }),
  )
  const all = kept.flatMap(({ points }) => points)
  const of = (read: (point: Point) => number) => all.map(read)
  const chart = plot(
    scaleOf(
      x,
      of((point) => point.x),
    ),
    scaleOf(
      y,
      of((point) => point.y),
    ),
    marks,
  )
  label(chart, kept, classOf)
  return finish(chart, style)
}

const within = (value: number, { log, from, to }: Axis) =>
  Number.isFinite(value) &&
  (!log || value > 0) &&
  value >= (from ?? -Infinity) &&
  value <= (to ?? Infinity)
const drawable = (point: Point, x: Axis, y: Axis) => within(point.x, x) && within(point.y, y)

/**
 * The lines with bands that a logarithmic axis has a place for: what reaches to 0 or below ends at
 * its least number.
 */
function floored<T extends Line>(lines: readonly T[], { log }: Axis): T[] {
  if (!log) return [...lines]
  const numbers = lines
    .flatMap(({ points }) => points.flatMap(({ y, low }) => [y, low]))
    .filter((value) => value > 0)
  const least = numbers.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  const floor = (point: Point): Point => (point.low > 0 ? point : { ...point, low: least })
  return lines.map((line) => ({ ...line, points: line.points.map(floor) }))
}

function marksOf(line: Line, className: string): Plot.Markish[] {
  const stroke = { stroke: 'var(--c)', className, clip: true }
  const strokeWidth = { free: 2.25, best: 2, grid: 1 }[line.role]
  const title = () => line.label
  if (line.level)
    return [Plot.ruleY(line.points.slice(0, 1), { ...stroke, y: 'y', strokeWidth, title })]
  const band = line.points.some(({ low, high }) => low < high) ? line.points : []
  return [
    ...(line.role === 'grid' || band.length < 2
      ? []
      : [
          Plot.areaY(band, {
            x: 'x',
            y1: 'low',
            y2: 'high',
            fill: 'var(--c)',
            fillOpacity: 0.14,
            className,
            clip: true,
          }),
        ]),
    Plot.line(line.points, {
      ...stroke,
      x: 'x',
      y: 'y',
      strokeWidth,
      title,
      ...(line.dashed && { strokeDasharray: '5 4' }),
    }),
    ...(line.dots
      ? [Plot.dot(line.points, { x: 'x', y: 'y', r: 4, fill: 'var(--c)', className })]
      : []),
  ]
}

/** A scale with its ticks and what stands at them. */
interface Scale {
  readonly options: Plot.ScaleOptions
  readonly ticks: readonly number[]
  readonly texts: readonly string[]
  readonly label: string
}

function scaleOf({ label, log, from, to }: Axis, values: readonly number[]): Scale {
  const known = values.length > 0 ? values : [from ?? 1, to ?? 10]
  const [least, most] = [Math.min(...known), Math.max(...known)]
  const apart = least < most
  const around = log ? [least / 2, most * 2] : [least - 1, most + 1]
  const domain = apart ? [least, most] : around
  const ticks = log ? logTicks(domain[0], domain[1]) : linearTicks(domain[0], domain[1])
  const many = log && ticks.some((tick) => tick < 1e-3 || tick >= 1e6)
  const few = (tick: number) => (tick >= 1000 ? integer(tick) : String(tick))
  const texts = ticks.map(many ? power : few)
  return {
    options: { domain, inset: 8, axis: null, ...(log && { type: 'log' }) },
    ticks,
    texts,
    label,
  }
}

/**
 * Powers of ten where there are enough of them, else as many of 1, 2, 5 or of all digits as are
 * needed for three.
 */
function logTicks(least: number, most: number): number[] {
  const first = Math.floor(Math.log10(least))
  const exponents = Array.from(
    { length: Math.ceil(Math.log10(most)) - first + 1 },
    (_, i) => first + i,
  )
  const all = [[1], [1, 2, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9]].map((digits) =>
    exponents
      .flatMap((exponent) => digits.map((digit) => Number(`${digit}e${exponent}`)))
      .filter((tick) => tick >= 0.999 * least && tick <= 1.001 * most),
  )
  const [decades] = all
  const apart = Math.ceil(decades.length / 9)
  if (apart > 1) return decades.filter((_, i) => i % apart === 0)
  return all.find((ticks) => ticks.length > 2) ?? linearTicks(least, most)
}

/** A few round numbers. */
function linearTicks(least: number, most: number): number[] {
  const raw = (most - least) / 4 || least
  const power = 10 ** Math.floor(Math.log10(raw))
  const step = power * ([1, 2, 5].findLast((digit) => digit * power <= raw) ?? 1)
  const first = Math.ceil(least / step)
  return Array.from({ length: Math.floor(most / step) - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(3)),
  )
}

type Chart = (SVGSVGElement | HTMLElement) & Plot.Plot

function plot(x: Scale, y: Scale, marks: readonly Plot.Markish[]): Chart {
  const { document } = parseHTML('<html></html>')
  const style = {
    background: 'none',
    fontFamily: 'system-ui,sans-serif',
    fontSize: '12px',
    color: 'var(--muted)',
  }
  const margins = {
    marginLeft: MARGIN.left,
    marginRight: MARGIN.right,
    marginBottom: MARGIN.bottom,
    marginTop: MARGIN.top,
  }
  // Axes as marks: left to a logarithmic scale, some of the ticks would lose their texts.
  const axisOf = ({ texts, label }: Scale) =>
    ({ text: texts, label, labelAnchor: 'center', labelArrow: 'none' }) as const
  const axes = [Plot.gridY(y.ticks), Plot.axisY(y.ticks, axisOf(y)), Plot.axisX(x.ticks, axisOf(x))]
  const size = { width: WIDTH, height: HEIGHT, ...margins }
  return Plot.plot({
    ...size,
    style,
    x: x.options,
    y: y.options,
    marks: [...axes, ...marks],
    document,
  })
}

const LINE_HEIGHT = 14

const CLIP = /plot-clip-\d+/g

/** Writes the names of the lines beside their ends, pushed apart where they would overlap. */
function label(chart: Chart, lines: readonly Line[], classOf: (painted: Painted) => string): void {
  const [x, y] = [chart.scale('x'), chart.scale('y')]
  if (!x || !y) return
  const [top, bottom] = [Math.min(...(y.range ?? [0])), Math.max(...(y.range ?? [0]))]
  const named = lines.filter((line) => !line.unnamed && line.points.length > 0)
  const places = named
    .map((line) => ({
      line,
      at: Math.min(bottom, Math.max(top, y.apply(line.points[line.points.length - 1].y))),
    }))
    .sort((a, b) => a.at - b.at)
  let lowest = Number.NEGATIVE_INFINITY
  for (const place of places) lowest = place.at = Math.max(place.at, lowest + LINE_HEIGHT)
  let highest = Math.max(bottom, top + LINE_HEIGHT * (places.length - 1)) + LINE_HEIGHT
  for (const place of places.toReversed())
    highest = place.at = Math.min(place.at, highest - LINE_HEIGHT)
  for (const { line, at } of places) {
    const text = chart.ownerDocument.createElementNS('http://www.w3.org/2000/svg', 'text')
    const attributes = {
      x: WIDTH - MARGIN.right + 10,
      y: at.toFixed(1),
      dy: '0.32em',
      'text-anchor': 'start',
      fill: 'var(--c)',
      class: classOf(line),
    }
    for (const [name, value] of Object.entries(attributes)) text.setAttribute(name, String(value))
    if (line.role === 'free') text.setAttribute('font-weight', '600')
    text.textContent = line.label
    chart.append(text)
  }
}

/**
 * The chart as text, with the colours it uses and the namespace that a file of its own needs. Plot
 * numbers its clips over all charts of a process; here the number follows from the chart, so that
 * the same chart is the same text.
 */
function finish(chart: Chart, style: string): string {
  const own = chart.ownerDocument.createElementNS('http://www.w3.org/2000/svg', 'style')
  own.textContent = style
  chart.prepend(own)
  chart.setAttribute('class', `figure ${chart.getAttribute('class') ?? ''}`.trim())
  chart.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
  const text = chart.outerHTML
  const known = [...new Set(text.match(CLIP))]
  const content = createHash('sha256').update(text.replaceAll(CLIP, '')).digest('hex').slice(0, 8)
  return text.replaceAll(CLIP, (clip) => `clip-${content}-${known.indexOf(clip)}`)
}
