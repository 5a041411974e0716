/**
 * The charts of the race, as options of Observable Plot: the loss, the accuracy on the test digits,
 * Prodigy's d.
 */
import * as Plot from '@observablehq/plot'
import { logarithmic } from '../descent/charts.ts'
import { lastStep, type Progress } from './protocol.ts'
import type { Run, Seen } from './training.ts'

const frame = { marginLeft: 48, marginBottom: 36, marginTop: 26, marginRight: 16 }
const steps: Plot.ScaleOptions = {
  domain: [0, lastStep],
  label: 'step k',
  labelArrow: 'none',
  ticks: 5,
}

/** The colours of the two. */
export const colors = { prodigy: 'var(--series-1)', adam: 'var(--series-3)' } as const

/** What a run is called. */
export const labelOf = ({ racer, rate }: Run): string =>
  racer === 'adam' ? `Adam, lr ${rate}` : 'Prodigy'

/** A curve; those that were tried before are thin. */
function curve(
  run: Run,
  points: readonly { readonly k: number; readonly value: number }[],
  thin: boolean,
): Plot.Markish {
  const style = thin ? { strokeWidth: 1, strokeOpacity: 0.45 } : { strokeWidth: 2 }
  return Plot.line(points, {
    x: 'k',
    y: 'value',
    stroke: colors[run.racer],
    clip: true,
    ariaLabel: () => labelOf(run),
    ...style,
  })
}

type Value = (point: Progress) => number | undefined

const pointsOf = ({ points }: Run, value: Value) =>
  points.flatMap((point) => {
    const found = value(point)
    return found === undefined || Number.isNaN(found) ? [] : [{ k: point.step, value: found }]
  })

const curves = (
  { prodigy, adam, tried }: Seen,
  points: (run: Run) => { readonly k: number; readonly value: number }[],
) => [
  ...tried.map((run) => curve(run, points(run), true)),
  ...[adam, prodigy].map((run) => curve(run, points(run), false)),
]

/** The loss, each point the mean of the ten turns before it. */
export function lossChart(seen: Seen): Plot.PlotOptions {
  const smooth = (run: Run) => {
    const all = pointsOf(run, ({ loss }) => loss)
    return all.map(({ k }, i) => {
      const some = all.slice(Math.max(0, i - 9), i + 1)
      return { k, value: some.reduce((sum, { value }) => sum + value, 0) / some.length }
    })
  }
  const domain = [0.02, 5] as const
  return {
    ...frame,
    ariaLabel: 'The training loss over the steps',
    x: steps,
    y: {
      ...logarithmic('training loss (nats)', domain),
      ticks: [0.02, 0.1, 1],
      tickFormat: String,
    },
    marks: curves(seen, (run) =>
      smooth(run).map(({ k, value }) => ({
        k,
        value: Math.min(domain[1], Math.max(domain[0], value)),
      })),
    ),
  }
}

/** The accuracy on the test digits. */
export const accuracyChart = (seen: Seen): Plot.PlotOptions => ({
  ...frame,
  ariaLabel: 'The accuracy on the test digits over the steps',
  x: steps,
  y: {
    domain: [0, 100],
    label: 'test digits read rightly (%)',
    labelArrow: 'none',
    ticks: 5,
    grid: true,
  },
  marks: curves(seen, (run) => pointsOf(run, ({ accuracy }) => accuracy && 100 * accuracy)),
})

/** The estimate of the distance. */
export const estimateChart = (seen: Seen): Plot.PlotOptions => ({
  ...frame,
  ariaLabel: "Prodigy's estimate d over the steps",
  x: steps,
  y: logarithmic('d, the step size found', [1e-6, 0.1]),
  marks: [
    curve(
      seen.prodigy,
      pointsOf(seen.prodigy, ({ d }) => d),
      false,
    ),
  ],
})
