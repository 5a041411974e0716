/** The charts of the front page: estimates that grow before the reader's eyes, and what a search for a learning rate looks like. */
import * as Plot from '@observablehq/plot'
import { logarithmic, power } from './descent/charts.ts'
import type { Trace } from './descent/descend.ts'

/** A run of the first chart. */
export interface Growing extends Pick<Trace, 'd'> {
  readonly label: string
  readonly color: string
}

const frame = { marginLeft: 46, marginBottom: 34, marginTop: 24, marginRight: 12 }

/** The estimates up to step `at`, under the distance that they estimate. */
export function growth(runs: readonly Growing[], distance: number, last: number, at: number): Plot.PlotOptions {
  const points = ({ d }: Growing) => d.slice(0, at + 1).map((value, k) => ({ k, value: value ?? 0 }))
  return {
    ...frame,
    ariaLabel: 'Estimates of the distance to the solution growing over the steps, up to the distance itself',
    x: { domain: [0, last], label: 'step k', labelArrow: 'none', ticks: 5 },
    y: logarithmic('estimate of the distance', [3e-7, 40]),
    marks: [
      Plot.ruleY([distance], { stroke: 'var(--vp-c-text-2)', strokeDasharray: '5 4' }),
      Plot.text([distance], {
        ...{ y: (y: number) => y, text: () => '‖x₀ − x*‖', frameAnchor: 'left', textAnchor: 'start', dx: 6, dy: -9 },
        ...{ fill: 'var(--vp-c-text-2)', fontSize: 13 },
      }),
      ...runs.flatMap((run) => {
        const line = points(run)
        return [
          Plot.line(line, { x: 'k', y: 'value', stroke: run.color, strokeWidth: 2.2, ariaLabel: () => run.label }),
          Plot.dot(line.slice(-1), { x: 'k', y: 'value', fill: run.color, r: 4 }),
        ]
      }),
    ],
  }
}

/** The accuracy of Adam over learning rates, and of the others beside it. */
export function search(
  runs: readonly { readonly optimizer: string; readonly rate: number | undefined; readonly accuracy: number }[],
): Plot.PlotOptions {
  const rated = runs.filter(({ rate }) => rate !== undefined)
  const free = runs.filter(({ rate }) => rate === undefined)
  return {
    ...frame,
    marginTop: 30,
    ariaLabel: 'Test accuracy of Adam at learning rates from 1e-5 to 1, and of Prodigy, DoG and D-Adaptation, which have none',
    x: {
      type: 'log',
      label: 'learning rate',
      labelArrow: 'none',
      ticks: rated.map(({ rate }) => rate),
      tickFormat: power,
      inset: 14,
    },
    y: { domain: [0, 100], label: 'test digits read rightly (%)', labelArrow: 'none', ticks: 5, grid: true },
    marks: [
      Plot.line(rated, { x: 'rate', y: 'accuracy', stroke: 'var(--series-3)', strokeWidth: 2 }),
      Plot.dot(rated, { x: 'rate', y: 'accuracy', fill: 'var(--series-3)', r: 4 }),
      Plot.ruleY(
        free.filter(({ optimizer }) => optimizer === 'Prodigy'),
        { y: 'accuracy', stroke: 'var(--series-1)', strokeWidth: 2.2 },
      ),
    ],
  }
}
