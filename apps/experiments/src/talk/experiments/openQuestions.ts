// Experiment 9: the open questions of the talk's last slide, tried out on the problems of
// experiments 3, 4 and 7: letting d fall, a d for each tensor or coordinate, other weights.
import { averaged, cdowg, cosine, ldog, prodigyGd, type Schedule } from '@freestep/core'
import { startBackend } from '../../backend.ts'
import { figure, integer } from '../../format.ts'
import { batchAt } from '../../random.ts'
import { aside, curves, overRates } from '../curves.ts'
import {
  type Choices,
  type Experiment,
  type Metric,
  type Numbers,
  type Plan,
  type Run,
  seedsOf,
  type Trace,
  type Verdict,
} from '../experiment.ts'
import { adamGrid, type Method, methods } from '../methods.ts'
import type { Convex } from '../problems/convex.ts'
import { contextOf, convexTask } from '../problems/convexTask.ts'
import { drawSparse, logistic } from '../problems/logistic.ts'
import type { Network } from '../problems/network.ts'
import { begin, type Task } from '../session.ts'
import { rowNamed, rowsOf } from '../summary.ts'
import { prodigyVariant, type VariantOptions } from '../variants/prodigyVariant.ts'
import { at, type Problem, runOf } from './training.ts'
import { visionProblem } from './vision.ts'
import { vitProblem } from './vit.ts'

const metric: Metric = {
  key: 'outcome',
  label: 'f − f*, or test error in %',
  better: 'lower',
  gap: 'ratio',
  format: figure,
}
const THEORY = 'logistic regression, full batch'
const STOCHASTIC = 'logistic regression, stochastic'
const BATCH = 32

const variant = (name: string, options: Partial<VariantOptions>): Method => ({
  name,
  free: true,
  ...(options.per !== 'coordinate' && { distance: { scalar: 'd' } }),
  create: ({ lr, warmup }) =>
    prodigyVariant({ ...options, lr: lr as Schedule | 1, safeguardWarmup: warmup }),
})

/** The questions, and what is tried for each. */
const QUESTIONS = {
  'May d fall?': [0, 0.99, 0.999].map((fall) =>
    variant(fall === 0 ? 'd falls to d̂' : `d falls by ${fall}`, { fall }),
  ),
  'A d of its own for each tensor, or each coordinate?': [
    variant('d per tensor', { per: 'tensor' }),
    variant('d per coordinate', { per: 'coordinate' }),
    { name: 'LDoG', free: true, create: () => averaged(ldog()) },
    { name: 'CDoWG', free: true, create: () => cdowg() },
  ],
  'Other weights than d²?': [1, 3, 4].map((power) =>
    variant(`weights d${['', '', '²', '³', '⁴'][power]}`, { power }),
  ),
} satisfies Record<string, Method[]>

/** Where there is one tensor only, these are no different. */
const PER_TENSOR = ['d per tensor', 'LDoG']

/** λ_k of Prodigy GD, whose theory allows any. */
const LAMBDAS: readonly Method[] = [
  { ...methods.prodigyGd, name: 'Prodigy GD', create: ({ G }) => prodigyGd({ G }) },
  {
    ...methods.prodigyGd,
    name: 'Prodigy GD, λ = √k',
    create: ({ G }) => prodigyGd({ G, lr: (k) => Math.sqrt(k + 1) }),
  },
  {
    ...methods.prodigyGd,
    name: 'Prodigy GD, λ = k',
    create: ({ G }) => prodigyGd({ G, lr: (k) => k + 1 }),
  },
]
const BASE: readonly Method[] = [
  methods.prodigy,
  methods.dadaptAdam,
  methods.dog,
  methods.dowg,
  ...Object.values(QUESTIONS).flat(),
]

async function plan(choices: Choices): Promise<Plan> {
  await startBackend('wasm')
  const { scale, seed: first } = choices
  const data = drawSparse(at(scale, { full: 4_000, quick: 500 }))
  const problem = logistic(data, 1 / data.count)
  const steps = at(scale, {
    full: { theory: 4_000, stochastic: 20_000, vision: 300, vit: 300 },
    quick: { theory: 500, stochastic: 1_000, vision: 12, vit: 12 },
  })
  const [vision, vit] = [await visionProblem(scale, 'VGG-like'), await vitProblem(scale)]
  const onLogistic = [
    ...BASE.filter(({ name }) => !PER_TENSOR.includes(name)),
    ...adamGrid([1e-3, 1e-2, 1e-1, 1]),
  ]
  const onNetworks = [
    ...BASE,
    ...adamGrid(at(scale, { full: [1e-3, 3e-3, 1e-2, 3e-2], quick: [1e-3, 1e-2] })),
  ]
  /** All methods on one problem, for every seed. */
  const each = (all: readonly Method[], run: (method: Method, seed: number) => Run) =>
    seedsOf(choices).flatMap((seed) => all.map((method) => run(method, seed)))
  const runs = [
    ...LAMBDAS.map((method) => theoryRun(method, problem, first, steps.theory)),
    ...each(onLogistic, (method, seed) => stochasticRun(method, problem, seed, steps.stochastic)),
    ...each(onNetworks, (method, seed) =>
      networkRun(vision.problem, method, seed, { steps: steps.vision, warmup: 0 }),
    ),
    ...each(onNetworks, (method, seed) =>
      networkRun(vit.problem, method, seed, {
        steps: steps.vit,
        warmup: Math.round(steps.vit / 10),
      }),
    ),
  ]
  const facts = [
    [THEORY, `as in convex; ${integer(steps.theory)} steps, weights λ_k of Prodigy GD`],
    [
      STOCHASTIC,
      `as in convex, ${integer(data.count)} rows; ${integer(steps.stochastic)} steps of ${BATCH} rows, cosine`,
    ],
    [vision.problem.name, `as in vision; ${integer(steps.vision)} steps, cosine`],
    [vit.problem.name, `as in vit; ${integer(steps.vit)} steps, warm-up and cosine`],
    [
      'variants',
      'Prodigy with one choice changed; experimental, without theorems, in apps/experiments/src/talk/variants',
    ],
  ] as const
  return { runs, facts, notes: vision.notes }
}

function theoryRun(method: Method, problem: Convex, seed: number, steps: number): Run {
  return {
    problem: THEORY,
    method,
    seed,
    steps,
    start: async () =>
      begin(
        outcome(await convexTask(problem, { at: 'evaluated' })),
        method.create(contextOf(problem, steps, 1)),
        method.distance,
      ),
  }
}

function stochasticRun(method: Method, problem: Convex, seed: number, steps: number): Run {
  const rows = (k: number) => batchAt(problem.rows ?? 0, BATCH, seed, k)
  const context = contextOf(problem, steps, cosine({ steps }))
  return {
    problem: STOCHASTIC,
    method,
    seed,
    steps,
    start: async () =>
      begin(
        outcome(await convexTask(problem, { at: 'evaluated', rows })),
        method.create(context),
        method.distance,
      ),
  }
}

/** The same task with its gap as the outcome. */
const outcome = <P>(task: Task<P>): Task<P> => ({
  ...task,
  measure(moment) {
    const { gap, loss }: Numbers = task.measure(moment)
    return { outcome: gap, ...(loss !== undefined && { loss }) }
  },
})

/**
 * A network with its test error as the outcome; 0 has no quotient, so it counts as half a row of
 * 5,000.
 */
function networkRun(
  { name, network }: Problem,
  method: Method,
  seed: number,
  length: { steps: number; warmup: number },
): Run {
  const judged = (given: number): Network => {
    const each = network(given)
    return { ...each, test: (params) => ({ outcome: Math.max(each.test(params).error, 0.01) }) }
  }
  return runOf({ name, network: judged }, method, seed, length)
}

function figures(traces: readonly Trace[]) {
  return [...new Set(traces.map(({ problem }) => problem))].flatMap((problem) => {
    const key = problem === THEORY || problem === STOCHASTIC ? 'outcome' : 'loss'
    return [
      ...curves(traces, problem, metric, {
        key,
        title: key === 'loss' ? 'Training loss' : 'f − f*',
        y: { label: key === 'loss' ? 'loss' : 'f − f*', log: true, to: 10 },
        caption: 'Grey: Adam, the best learning rate dark.',
        without: ({ method }) => method === 'DoG' || method === 'DoWG',
      }),
      ...curves(traces, problem, metric, {
        key: 'd',
        title: 'The estimate d',
        y: { label: 'd', log: true },
        caption: 'd; where each tensor has its own, their geometric mean.',
        without: ({ free, method }) => !free || /Do/.test(method),
      }),
      ...aside(overRates(traces, problem, metric, { log: true })),
    ]
  })
}

function verdicts(traces: readonly Trace[]): Verdict[] {
  const against = (
    names: readonly { name: string }[],
    problems: readonly string[],
    base: (name: string) => string,
  ) =>
    names.map(({ name }) => {
      const list = problems.flatMap((problem) => {
        const rows = rowsOf(traces, problem, metric)
        const [row, reference] = [rowNamed(rows, name), rowNamed(rows, base(name))]
        if (!row || !reference) return []
        if (row.diverged > 0) return [`diverges on ${problem}`]
        return [`× ${figure(row.value.mean / reference.value.mean)} on ${problem}`]
      })
      return `${name}: ${list.join(', ')}`
    })
  const problems = [...new Set(traces.map(({ problem }) => problem))].filter(
    (problem) => problem !== THEORY,
  )
  const relative = (name: string) => ({ LDoG: 'DoG', CDoWG: 'DoWG' })[name] ?? 'Prodigy'
  const tried = Object.entries(QUESTIONS).map(([claim, variants]): Verdict => {
    const lines = against(variants, problems, relative)
    return {
      claim,
      verdict: 'found',
      because: `Outcome beside Prodigy’s (LDoG beside DoG, CDoWG beside DoWG), below 1 is better. ${lines.join('. ')}.`,
    }
  })
  const lambdas = against(LAMBDAS.slice(1), [THEORY], () => 'Prodigy GD')
  return [
    ...tried,
    {
      claim: 'Which λ_k in the theory?',
      verdict: 'found',
      because: `f − f* beside λ = 1. ${lambdas.join('. ')}.`,
    },
  ]
}

/** The experiment. */
export const openQuestions: Experiment = {
  name: 'open-questions',
  title: 'The open questions of the last slide',
  about:
    'May d fall? Should each tensor, or each coordinate, have its own? Are there better weights than d²? Each is Prodigy with one choice changed, an experiment of ' +
    'ours without a theorem, on logistic regression, on the network like VGG and on the vision transformer.',
  metric,
  plan,
  figures,
  verdicts,
}
