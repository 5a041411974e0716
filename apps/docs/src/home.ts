/**
 * The charts of the front page: estimates that grow before the reader's eyes, and what a search for
 * a learning rate looks like.
 */
import * as Plot from '@observablehq/plot'
import { logarithmic, power } from './descent/charts.ts'
import { descend, type Trace } from './descent/descend.ts'
import { distances, problemOf } from './descent/problems.ts'

/** A run of the first chart. */
export interface Growing extends Pick<Trace, 'd'> {
  readonly label: string
  readonly color: string
}

/** What the first chart shows: estimates, and the distance that they estimate. */
export interface Growth {
  readonly runs: readonly Growing[]
  readonly distance: number
}

/** Runs the methods of the first chart. */
export async function grow(
  methods: readonly { name: string; label: string; color: string }[],
  steps: number,
): Promise<Growth> {
  const problem = problemOf('kink')
  const circumstances = { problem, start: problem.start, steps, falling: false }
  const runs = methods.map(async ({ name, label, color }) => ({
    label,
    color,
    d: (await descend({ name }, circumstances)).d,
  }))
  return { runs: await Promise.all(runs), distance: distances(problem, problem.start).l2 }
}

/** How far an estimate came, in per cent of the distance. */
export const reached = ({ d }: Growing, distance: number): number =>
  Math.round((100 * (d.at(-1) ?? 0)) / distance)

const frame = { marginLeft: 46, marginBottom: 34, marginTop: 24, marginRight: 12 }

/** The estimates up to step `at`, under the distance that they estimate. */
export function growth(
  runs: readonly Growing[],
  distance: number,
  last: number,
  at: number,
): Plot.PlotOptions {
  const points = ({ d }: Growing) =>
    d.slice(0, at + 1).map((value, k) => ({ k, value: value ?? 0 }))
  return {
    ...frame,
    ariaLabel:
      'Estimates of the distance to the solution growing over the steps, up to its order of magnitude',
    x: { domain: [0, last], label: 'step k', labelArrow: 'none', ticks: 5 },
    y: logarithmic('estimate of the distance', [3e-7, 40]),
    marks: [
      Plot.ruleY([distance], { stroke: 'var(--vp-c-text-2)', strokeDasharray: '5 4' }),
      Plot.text([distance], {
        y: (y: number) => y,
        text: () => '‖x₀ − x*‖',
        frameAnchor: 'left',
        textAnchor: 'start',
        dx: 6,
        dy: -9,
        fill: 'var(--vp-c-text-2)',
        fontSize: 13,
      }),
      ...runs.flatMap((run) => {
        const line = points(run)
        return [
          Plot.line(line, {
            x: 'k',
            y: 'value',
            stroke: run.color,
            strokeWidth: 2.2,
            ariaLabel: () => run.label,
          }),
          Plot.dot(line.slice(-1), { x: 'k', y: 'value', fill: run.color, r: 4 }),
        ]
      }),
    ],
  }
}

/** The accuracy of Adam over learning rates, and of the others beside it. */
export function search(
  runs: readonly {
    readonly optimizer: string
    readonly rate: number | undefined
    readonly accuracy: number
  }[],
): Plot.PlotOptions {
  const rated = runs.filter(({ rate }) => rate !== undefined)
  const free = runs.filter(({ rate }) => rate === undefined)
  return {
    ...frame,
    marginTop: 30,
    ariaLabel:
      'Test accuracy of Adam at learning rates from 1e-5 to 1, and of Prodigy, DoG and D-Adaptation, which have none',
    x: {
      type: 'log',
      label: 'learning rate',
      labelArrow: 'none',
      ticks: rated.map(({ rate }) => rate),
      tickFormat: power,
      inset: 14,
    },
    y: {
      domain: [0, 100],
      label: 'test digits read rightly (%)',
      labelArrow: 'none',
      ticks: 5,
      grid: true,
    },
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
