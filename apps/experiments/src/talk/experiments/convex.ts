// Experiment 3: logistic regression, full batch and stochastic: every learning-rate-free method
// against Adam over a grid, the estimates d against the true distance, and the theorems' bounds at
// every step.
import { cosine } from '@freestep/core'
import { figure, integer } from '../../format.ts'
import { batchAt } from '../../random.ts'
import { aside, curves, overRates } from '../curves.ts'
import {
  type Choices,
  type Experiment,
  type Metric,
  type Plan,
  type Run,
  seedsOf,
  type Trace,
} from '../experiment.ts'
import { adamGrid, type Method, methods } from '../methods.ts'
import { THEOREMS } from '../problems/bounds.ts'
import type { Convex } from '../problems/convex.ts'
import { contextOf, convexTask } from '../problems/convexTask.ts'
import { drawSparse, logistic, readSparse } from '../problems/logistic.ts'
import { begin } from '../session.ts'
import { gapOf, rowNamed, rowsOf } from '../summary.ts'
import { written } from '../table.ts'
import { besideAdam, fromAll, most } from '../verdict.ts'

const STEPS = { full: { whole: 4_000, rows: 20_000 }, quick: { whole: 600, rows: 2_000 } }
const ROWS = { full: 4_000, quick: 1_000 }
const GRID = { full: [1e-4, 1e-3, 1e-2, 1e-1, 1, 10], quick: [1e-3, 1e-2, 1e-1, 1] }
const BATCH = 32
const FULL = 'full batch'
const STOCHASTIC = 'stochastic'
const metric: Metric = {
  key: 'gap',
  label: 'f − f*',
  better: 'lower',
  gap: 'ratio',
  format: figure,
}

/** What the talk's figures show. */
const accuracy: Metric = {
  key: 'wrong',
  label: 'rows in the wrong class, %',
  better: 'lower',
  gap: 'difference',
  format: (value) => value.toFixed(2),
}

async function plan(choices: Choices): Promise<Plan> {
  const { scale, seed, data: path } = choices
  const data = path === undefined ? drawSparse(ROWS[scale]) : await readSparse(path)
  const ridge = 1 / data.count
  const problem = logistic(data, ridge)
  const { D, largest } = contextOf(problem, 0, 1)
  const all: readonly Method[] = [...Object.values(methods), ...adamGrid(GRID[scale])]
  const whole = all.map((method) => wholeRun(method, problem, seed, STEPS[scale].whole))
  const rowwise = seedsOf(choices).flatMap((seed) =>
    all.map((method) => rowRun(method, problem, seed, STEPS[scale].rows)),
  )
  const facts = [
    [
      'data',
      `${data.name}, ${integer(data.count)} rows, ${integer(data.features)} features (one of them constant)`,
    ],
    ['function', `logistic loss + ${figure(ridge)} / 2 ‖x‖², started at 0`],
    [
      'solution',
      `f* = ${problem.fStar.toPrecision(8)} by Newton’s method; D = ‖x₀ − x*‖ = ${figure(D)}, ‖x₀ − x*‖∞ = ${figure(largest)}`,
    ],
    [
      FULL,
      `${integer(STEPS[scale].whole)} steps, no schedule; nothing is random, so there is one run of each method`,
    ],
    [
      STOCHASTIC,
      `${integer(STEPS[scale].rows)} steps of ${BATCH} rows; Adam and the Adam-like with a cosine schedule`,
    ],
    ['backend', 'cpu, float64'],
  ] as const
  return { runs: [...whole, ...rowwise], facts, notes: [] }
}

function wholeRun(method: Method, problem: Convex, seed: number, steps: number): Run {
  const context = contextOf(problem, steps, 1)
  const { bound, below } = THEOREMS[method.name] ?? {}
  const options = { at: 'evaluated', bound, below: below?.(context) } as const
  return {
    problem: FULL,
    method,
    seed,
    steps,
    start: async () =>
      begin(await convexTask(problem, options), method.create(context), method.distance),
  }
}

/** A run on a few rows at a time, with a cosine schedule. */
function rowRun(method: Method, problem: Convex, seed: number, steps: number): Run {
  const context = contextOf(problem, steps, cosine({ steps }))
  const rows = (k: number) => batchAt(problem.rows ?? 0, BATCH, seed, k)
  return {
    problem: STOCHASTIC,
    method,
    seed,
    steps,
    start: async () =>
      begin(
        await convexTask(problem, { at: 'evaluated', rows }),
        method.create(context),
        method.distance,
      ),
  }
}

function figures(traces: readonly Trace[]) {
  const far = (key: string) => most(traces, key)
  const levels = [
    { label: 'D = ‖x₀ − x*‖', y: far('D') },
    { label: '‖x₀ − x*‖∞', y: far('largest') },
  ]
  const isForm = ({ method }: { method: string }) => / (DA|GD)\b|^Do/.test(method)
  const gap = { key: 'gap', y: { label: 'f − f*', log: true, from: 1e-13, to: 10 } }
  return [FULL, STOCHASTIC].flatMap((problem) => {
    const theory = curves(traces, problem, metric, {
      ...gap,
      bound: 'bound',
      title: 'The forms of the theory',
      name: 'theory',
      y: { ...gap.y, to: 1e3 },
      caption:
        'f − f* at the point that each method says to evaluate at. Dashed: what its theorem promises.',
      without: (row) => !isForm(row),
    })
    const practice = curves(traces, problem, metric, {
      ...gap,
      title: 'The forms for deep networks',
      name: 'practice',
      caption: 'Grey: Adam over its grid, the best learning rate dark.',
      without: (row) => row.free && isForm(row),
    })
    const estimates = curves(traces, problem, metric, {
      key: 'd',
      title: 'The estimate d',
      levels,
      y: { label: 'd', log: true },
      caption: 'd, or r̄ for DoG and DoWG, beside the true distance in both norms.',
      without: ({ free }) => !free,
    })
    const rates = overRates(traces, problem, metric, { log: true })
    return problem === FULL
      ? [...theory, ...aside(practice), ...estimates, ...aside(rates)]
      : [...aside(theory), ...practice, ...aside(estimates), ...rates]
  })
}

function verdicts(traces: readonly Trace[]) {
  const held = traces.filter(({ final }) => typeof final.gapOverBound === 'number')
  const estimates = traces.filter(({ final }) => typeof final.dOverD === 'number')
  const list = estimates.map(({ method, final }) => `${method} ${Number(final.dOverD).toFixed(3)}`)
  const full = rowsOf(traces, FULL, metric)
  const stochastic = traces.filter(({ problem }) => problem === STOCHASTIC)
  const pair = (rows: typeof full, a: string, b: string) => {
    const [one, other] = [rowNamed(rows, a), rowNamed(rows, b)]
    return one && other
      ? [
          {
            ratio: gapOf(metric, one, other),
            text: `${a} ${written(one, metric)}, ${b} ${written(other, metric)}`,
          },
        ]
      : []
  }
  const faster = [
    ...pair(full, 'Prodigy GD', 'D-Adaptation DA').map((each) => ({
      ...each,
      text: `full batch: ${each.text}`,
    })),
    ...pair(full, 'Prodigy DA', 'D-Adaptation DA').map((each) => ({
      ...each,
      text: `full batch: ${each.text}`,
    })),
    ...pair(rowsOf(traces, STOCHASTIC, metric), 'Prodigy', 'D-Adaptation Adam').map((each) => ({
      ...each,
      text: `stochastic: ${each.text}`,
    })),
  ]
  return [
    {
      claim:
        'd̂ ≤ ‖x₀ − x*‖ at every step (2 D for D-Adaptation SGD, whose estimate has a factor 2; in ℓ∞ for Prodigy).',
      verdict: fromAll([most(estimates, 'dOverD') <= 1 + 1e-9]),
      because: `Largest d̂ over the bound, over all steps of the full batch: ${list.join(', ')}.`,
    },
    {
      claim: 'The bounds on f − f* hold at every step.',
      verdict: fromAll([most(held, 'gapOverBound') <= 1 + 1e-9 && most(held, 'gOverG') <= 1]),
      because: `Largest quotient of the best f − f* and the bound: ${held.map(({ method, final }) => `${method} ${figure(Number(final.gapOverBound))}`).join(', ')}; ‖g‖ is at most ${figure(most(held, 'gOverG'))} G.`,
    },
    ...['D-Adaptation Adam', 'Prodigy', 'DoG'].flatMap((name) => [
      {
        claim: `In training accuracy ${name} is as good as Adam with its best learning rate.`,
        ...besideAdam(stochastic, accuracy, name, 0.5),
      },
      { claim: `${name} is as good in f − f*, too.`, ...besideAdam(stochastic, metric, name, 2) },
    ]),
    {
      claim: 'Prodigy is faster than D-Adaptation.',
      verdict: fromAll(faster.map(({ ratio }) => ratio < 1)),
      because: `f − f* at the end, ${faster.map(({ text }) => text).join('; ')}.`,
    },
  ]
}

/** The experiment. */
export const convex: Experiment = {
  name: 'convex',
  title: 'Logistic regression: estimates, bounds and Adam',
  about:
    'The talk’s convex experiments: logistic regression on LIBSVM data, on which f* and D are known exactly. All forms of D-Adaptation and Prodigy, DoG and DoWG ' +
    'at their defaults, against Adam at every learning rate of a grid.',
  takesData: true,
  metric,
  plan,
  figures,
  verdicts,
}
