// Experiment 2: the methods before, on convex functions that are not smooth: each needs D = ‖x₀ −
// x*‖, or f*. What happens when D is wrong by up to three powers of ten, and what the
// learning-rate-free methods do instead.
import { adagrad, adagradNorm, normalizedGradient, polyak, sps, subgradient } from '@freestep/core'
import { figure, integer } from '../../format.ts'
import { uniforms } from '../../random.ts'
import { curves, overRates } from '../curves.ts'
import {
  type Choices,
  type Experiment,
  type Metric,
  type Plan,
  type Run,
  seedsOf,
  type Trace,
} from '../experiment.ts'
import { type Context, type Method, methods } from '../methods.ts'
import {
  adagradNormBound,
  type Bound,
  polyakBound,
  subgradientBound,
  THEOREMS,
} from '../problems/bounds.ts'
import { absolute, type Convex, maxAffine } from '../problems/convex.ts'
import { contextOf, convexTask } from '../problems/convexTask.ts'
import { begin } from '../session.ts'
import { bestOf, type Row, rowNamed } from '../summary.ts'
import { allRows, fromAll, most } from '../verdict.ts'

const STEPS = { full: 10_000, quick: 2_000 }
const FACTORS = { full: [1e-3, 1e-2, 1e-1, 1, 10, 100, 1e3], quick: [1e-3, 1, 1e3] }
const D = 10
const metric: Metric = {
  key: 'gap',
  label: 'best f − f*',
  better: 'lower',
  gap: 'ratio',
  format: figure,
}
const RATE = 'D taken as so many D'

interface Held extends Method {
  readonly bound?: (context: Context) => Bound
  /** Takes one row at a time. */
  readonly rowwise?: true
}

/** The methods that need D, each given c D. */
const tuned = (c: number): Held[] => {
  const given = { lr: c, free: false }
  return [
    {
      ...given,
      name: 'subgradient, D / (G √k)',
      create: ({ D, G }) => subgradient({ D: c * D, G }),
      bound: () => subgradientBound(c),
    },
    {
      ...given,
      name: 'normalized, D / √k',
      create: ({ D }) => normalizedGradient({ D: c * D }),
      bound: () => subgradientBound(c),
    },
    {
      ...given,
      name: 'AdaGrad-Norm, D',
      create: ({ D }) => adagradNorm({ lr: c * D }),
      bound: ({ D }) => adagradNormBound(c * D),
    },
    { ...given, name: 'AdaGrad, D∞', create: ({ largest }) => adagrad({ lr: c * largest }) },
  ]
}

/** Those that need f*, and those that need neither. */
const others: readonly Held[] = [
  {
    name: 'Polyak, f*',
    free: true,
    create: ({ fStar }) => polyak({ fOpt: fStar }),
    bound: () => polyakBound,
  },
  { name: 'Polyak, f* − 1', free: true, create: ({ fStar }) => polyak({ fOpt: fStar - 1 }) },
  {
    name: 'SPS, row by row, fᵢ* = 0',
    free: true,
    rowwise: true,
    create: () => sps({ adaptFlag: 'constant', c: 1 }),
  },
  ...[methods.dualAveraging, methods.prodigyGd, methods.prodigyDa, methods.dog],
]

const problems = [absolute, maxAffine]

async function plan(choices: Choices): Promise<Plan> {
  const steps = STEPS[choices.scale]
  const all = [...FACTORS[choices.scale].flatMap(tuned), ...others]
  const runs = problems.flatMap((make) =>
    seedsOf(choices).flatMap((seed) => {
      const problem = make(seed, D)
      return all
        .filter(({ rowwise }) => !rowwise || problem.row)
        .map((method) => runOf(method, problem, seed, steps))
    }),
  )
  const facts = [
    [
      'functions',
      'of 20 variables: mean absolute error with outliers, maximum of planes; x* known by construction',
    ],
    ['distance', `D = ‖x₀ − x*‖ = ${D}`],
    ['steps', integer(steps)],
    ['backend', 'cpu, float64'],
  ] as const
  return { runs, facts, notes: [] }
}

function runOf(
  { bound, rowwise, ...method }: Held,
  problem: Convex,
  seed: number,
  steps: number,
): Run {
  const context = contextOf(problem, steps, 1)
  const theorem = THEOREMS[method.name]
  const rows = rowwise && ((k: number) => Int32Array.of(rowAt(problem, seed, k)))
  const held = { bound: bound?.(context) ?? theorem?.bound, below: theorem?.below?.(context) }
  return {
    problem: problem.name,
    method,
    seed,
    steps,
    brief: method.lr !== undefined && method.lr !== 1,
    start: async () =>
      begin(
        await convexTask(problem, { at: 'best', ...(rows && { rows }), ...held }),
        method.create(context),
        method.distance,
      ),
  }
}

/**
 * The row of step k: a draw that depends on the seed and k alone, so that a run can go on anywhere.
 */
const rowAt = ({ rows = 1 }: Convex, seed: number, k: number) =>
  Math.floor(rows * uniforms(seed * 1_000_003 + k)())

const shows = (row: Row) => row.lr === undefined || row.lr === 1

function figures(traces: readonly Trace[]) {
  return [...new Set(traces.map(({ problem }) => problem))].flatMap((problem) => [
    ...overRates(traces, problem, metric, { log: true, from: 1e-5 }, RATE),
    ...curves(traces, problem, metric, {
      key: 'gap',
      bound: 'bound',
      title: 'With the right D',
      y: { label: 'best f − f*', log: true, from: 1e-5 },
      caption:
        'Dashed: what the theorems promise. Methods that need D are shown with the right one.',
      without: (row) => !shows(row),
    }),
  ])
}

function verdicts(traces: readonly Trace[]) {
  const judged = allRows(traces, metric)
  const needing = [
    ...new Set(traces.filter(({ lr }) => lr !== undefined).map(({ method }) => method)),
  ]
  const losses = judged.flatMap(({ rows }) =>
    needing.map((method) => {
      const at = (c: number) => rowNamed(rows, `${method} ${c}`)?.value.mean ?? Number.NaN
      return Math.min(at(1e-3), at(1e3)) / at(1)
    }),
  )
  const free = judged.flatMap(({ problem, rows }) => {
    const best = bestOf(rows, metric, 'AdaGrad-Norm, D')
    const all = ['Prodigy GD', 'Prodigy DA', 'D-Adaptation DA', 'DoG'].map((name) =>
      rowNamed(rows, name),
    )
    return best
      ? all.flatMap((row) =>
          row ? [{ problem, row, ratio: row.value.mean / best.value.mean }] : [],
        )
      : []
  })
  const bounded = traces.filter(({ final }) => typeof final.gapOverBound === 'number')
  const estimated = traces.filter(({ final }) => typeof final.dOverD === 'number')
  const wrong = judged.map(
    ({ rows }) =>
      (rowNamed(rows, 'Polyak, f* − 1')?.value.mean ?? 0) /
      (rowNamed(rows, 'Polyak, f*')?.value.mean ?? 1),
  )
  return [
    {
      claim: 'Every classical method needs to know D: with D wrong by 10³ it fails.',
      verdict: fromAll(losses.map((loss) => loss > 10)),
      because: `Measure: with D too large or too small by 1000, whichever is better, the best f − f* is more than 10 times that with the right D. The quotients are ${figure(Math.min(...losses))} to ${figure(Math.max(...losses))} over ${needing.length} methods and ${judged.length} functions.`,
    },
    {
      claim: 'Polyak’s step size needs no D, but the exact f*.',
      verdict: fromAll(wrong.map((each) => each > 10)),
      because: `With f* − 1 in the place of f* the best f − f* is ${wrong.map((each) => figure(each)).join(', ')} times as large.`,
    },
    {
      claim:
        'The learning-rate-free methods, knowing nothing of D, come close to AdaGrad-Norm with the best D of the grid.',
      verdict: fromAll(free.map(({ ratio }) => ratio < 10)),
      because: `Measure: no more than 10 times its best f − f*. ${free.map(({ problem, row, ratio }) => `${row.label}, ${problem}: × ${figure(ratio)}`).join('; ')}.`,
    },
    {
      claim: 'The bounds of the theorems hold at every step.',
      verdict: fromAll([most(bounded, 'gapOverBound') <= 1 && most(bounded, 'gOverG') <= 1 + 1e-9]),
      because: `The largest quotient of the best f − f* and its bound over all steps of ${bounded.length} runs is ${figure(most(bounded, 'gapOverBound'))}.`,
    },
    {
      claim:
        'd̂ ≤ D = ‖x₀ − x*‖ at every step, for D-Adaptation and Prodigy in the forms of the theory.',
      verdict: fromAll([most(estimated, 'dOverD') <= 1 + 1e-9]),
      because: `The largest d̂ / D over all steps of ${estimated.length} runs is ${most(estimated, 'dOverD').toFixed(4)}.`,
    },
  ]
}

/** The experiment. */
export const prehistory: Experiment = {
  name: 'prehistory',
  title: 'Before: methods that must know D, or f*',
  about:
    'Subgradient descent with the step D / (G √k), normalized gradients, AdaGrad-Norm and AdaGrad, each told a D that is right or wrong by up to ' +
    'three powers of ten; Polyak’s and the stochastic Polyak step size, which are told f*; and the learning-rate-free methods of the theory, which are told neither.',
  metric,
  rate: RATE,
  plan,
  figures,
  verdicts,
}
