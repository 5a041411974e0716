// Experiment 1: on |x| + 0.5001 (x − 1)² the length of a subgradient says nothing about how far
// there is to go; steps of a length that does not depend on it are as good as those that know the
// Lipschitz constant.
import { normalizedGradient, subgradient } from '@freestep/core'
import { figure, integer } from '../../format.ts'
import { aside, curves } from '../curves.ts'
import {
  type Choices,
  type Experiment,
  type Metric,
  type Plan,
  seedsOf,
  type Trace,
} from '../experiment.ts'
import { drawDots, type Line } from '../figures.ts'
import type { Method } from '../methods.ts'
import { type Bound, subgradientBound } from '../problems/bounds.ts'
import { KINK_REACH, kink } from '../problems/convex.ts'
import { contextOf, convexTask } from '../problems/convexTask.ts'
import { begin } from '../session.ts'
import { rowNamed, rowsOf } from '../summary.ts'
import { fromAll, most } from '../verdict.ts'

const STEPS = { full: 20_000, quick: 2_000 }
const SCALES = [1, 1e-3, 1e3]
/** What the methods are told of ‖x₀ − x*‖, which is less than that for every start. */
const D = KINK_REACH
/** What counts as solved. */
const ENOUGH = 1e-6
const metric: Metric = {
  key: 'reached',
  label: 'steps until f − f* ≤ 10⁻⁶',
  better: 'lower',
  gap: 'ratio',
  absent: 'never',
  format: (value) => integer(Math.round(value)),
}

interface Held extends Method {
  readonly bound?: Bound
}

const methods: readonly Held[] = [
  {
    name: 'normalized, D / √k',
    free: true,
    create: ({ D }) => normalizedGradient({ D }),
    bound: subgradientBound(1),
  },
  {
    name: 'subgradient, D / (G √k)',
    free: true,
    create: ({ D, G }) => subgradient({ D, G }),
    bound: subgradientBound(1),
  },
  ...[1e-3, 1e-2, 1e-1, 1, 10].map((lr) => ({
    name: 'subgradient, γ / √k',
    lr,
    free: false,
    create: () => subgradient({ lr: (k: number) => lr / Math.sqrt(k + 1) }),
  })),
]

async function plan(choices: Choices): Promise<Plan> {
  const steps = STEPS[choices.scale]
  const runs = seedsOf(choices).flatMap((seed) =>
    SCALES.flatMap((c) =>
      methods.map((method) => ({
        problem: name(c),
        method,
        seed,
        steps,
        start: () => start(method, seed, steps, c),
      })),
    ),
  )
  const facts = [
    ['function', 'c (|x| + 0.5001 (x − 1)²), least at x* = 0.0002'],
    [
      'start',
      `uniform in [−5, 5), by the seed; the methods are told D = ${figure(D)}, which no start exceeds`,
    ],
    ['steps', integer(steps)],
    ['backend', 'cpu, float64'],
  ] as const
  return { runs, facts, notes: [] }
}

const name = (c: number) => (c === 1 ? 'f' : `${c} f`)

/**
 * The problem c f: the same function in other units. The outcome is measured in those of f, so that
 * it can be compared.
 */
async function start(method: Held, seed: number, steps: number, c: number) {
  const problem = kink(seed)
  const scaled = {
    ...problem,
    f(x: ArrayLike<number>, g?: Float64Array) {
      const value = problem.f(x, g)
      if (g) g[0] *= c
      return value
    },
  }
  const context = { ...contextOf(problem, steps, 1), D, G: c * problem.G }
  return begin(
    await convexTask(scaled, {
      at: 'best',
      path: true,
      enough: ENOUGH,
      reach: D,
      bound: method.bound,
    }),
    method.create(context),
    method.distance,
  )
}

function figures(traces: readonly Trace[]) {
  const seen = ['normalized, D / √k', 'subgradient, D / (G √k)']
  const lines = seen.map((method): Line => {
    const all = traces.filter((trace) => trace.problem === 'f' && trace.method === method)
    const points = all.flatMap(({ series }) =>
      series.value.flatMap((gap, i) => {
        const x = series.gradient[i]
        return gap === null || x === null ? [] : [{ x, y: gap, low: gap, high: gap }]
      }),
    )
    return { method, role: 'free', label: method, points }
  })
  return [
    {
      name: 'gradient',
      title: 'The length of the subgradient and the way to go',
      caption:
        'Each dot is a step: at one and the same ‖g‖ the value is anywhere between far off and solved.',
      svg: drawDots(
        lines,
        { label: '‖g‖', log: true, from: 1e-6 },
        { label: 'f(x) − f*', log: true, from: 1e-12 },
      ),
    },
    ...SCALES.flatMap((c) => {
      const shown = curves(traces, name(c), metric, {
        key: 'gap',
        bound: 'bound',
        title: 'The best f − f* so far',
        y: { label: 'best f − f*', log: true, from: 1e-12 },
        caption:
          'Dashed: what the theorem promises. Grey: the subgradient method with γ / √k over its grid, the best one dark.',
      })
      return c === 1 ? shown : aside(shown)
    }),
  ]
}

function verdicts(traces: readonly Trace[]) {
  const free = (problem: string) => rowNamed(rowsOf(traces, problem, metric), 'normalized, D / √k')
  const outcomes = SCALES.map((c) => free(name(c))?.value.mean ?? Number.NaN)
  const bounded = traces.filter(({ final }) => typeof final.gapOverBound === 'number')
  const held = most(bounded, 'gapOverBound')
  const near = traces
    .filter(({ problem, method }) => problem === 'f' && method === 'normalized, D / √k')
    .flatMap(({ series }) =>
      series.gradient.filter((g, i) => g !== null && (series.value[i] ?? 1) < 0.1),
    )
    .map(Number)
  const [least, largest] = [Math.min(...near), Math.max(...near)]
  return [
    {
      claim: 'Of a function that is not smooth, ‖g‖ is no measure of how far there is to go.',
      verdict: fromAll([largest / least > 100]),
      because: `Among the sampled steps of the normalized method with f − f* < 0.1, ‖g‖ is anywhere between ${figure(least)} and ${figure(largest)}.`,
    },
    {
      claim:
        'The normalized gradient method needs D, but no Lipschitz constant: it does the same for c f.',
      verdict: fromAll([Math.max(...outcomes) / Math.min(...outcomes) < 1.001]),
      because: `Steps for c = ${SCALES.join(', ')}: ${outcomes.map(metric.format).join(', ')}.`,
    },
    {
      claim: 'Both methods keep to D G (1 + Σ 1/k) / (2 Σ 1/√k).',
      verdict: fromAll([held <= 1]),
      because: `The largest quotient of the best f − f* and the bound over all steps of ${bounded.length} runs: ${figure(held)}.`,
    },
  ]
}

/** The experiment. */
export const normalization: Experiment = {
  name: 'normalization',
  title: 'Why ‖g‖ is meaningless: normalized gradients',
  about:
    'The talk’s first example is |x| + 0.5001 (x − 1)²: right of the solution the slope is 0.0002, left of it 2. The subgradient method, which ' +
    'steps by γ g and must know how large g gets, against the normalized one, which steps by γ g / ‖g‖.',
  metric,
  plan,
  figures,
  verdicts,
}
