// What the experiments with networks (4 to 8) have in common: the same weights and batches for
// every method, a schedule on all that take one, Adam over a grid, and three figures for each
// network. What each trains and claims is its own.
import { cosine } from '@freestep/core'
import { startBackend } from '../../backend.ts'
import { integer } from '../../format.ts'
import { curves, overRates } from '../curves.ts'
import {
  type Choices,
  type Figure,
  type Metric,
  type Plan,
  type Run,
  type Scale,
  seedsOf,
  type Trace,
} from '../experiment.ts'
import type { Axis } from '../figures.ts'
import type { Context, Method } from '../methods.ts'
import { type Network, networkTask } from '../problems/network.ts'
import { begin } from '../session.ts'
import { problemsOf } from '../summary.ts'

/** A network to train, once for every method and seed. */
export interface Problem {
  readonly name: string
  network(seed: number): Network
}

/** What is trained, and how long. */
export interface Training {
  readonly problems: readonly Problem[]
  readonly methods: readonly Method[]
  readonly steps: number
  /** Steps of the warm-up before the cosine; 0 for none. */
  readonly warmup: number
  readonly facts: Plan['facts']
  readonly notes: Plan['notes']
}

/** The runs of a training. */
export async function trainingPlan(choices: Choices, training: Training): Promise<Plan> {
  await startBackend('wasm')
  const { problems, methods, steps, warmup, facts, notes } = training
  const runs = problems.flatMap((problem) =>
    seedsOf(choices).flatMap((seed) =>
      methods.map((method) => runOf(problem, method, seed, { steps, warmup })),
    ),
  )
  const schedule = warmup > 0 ? `cosine after a warm-up of ${integer(warmup)} steps` : 'cosine'
  const common = [
    ['steps', integer(steps)],
    ['schedule', `${schedule}, for all but DoG and DoWG`],
    ['backend', 'tfjs wasm, float32'],
  ] as const
  return { runs, facts: [...facts, ...common], notes }
}

/** One run of a network. */
export function runOf(
  { name, network }: Problem,
  method: Method,
  seed: number,
  { steps, warmup }: { steps: number; warmup: number },
): Run {
  const unknown = { D: Number.NaN, largest: Number.NaN, G: 0, fStar: Number.NaN }
  const context: Context = { steps, lr: cosine({ steps, warmup }), warmup: warmup > 0, ...unknown }
  return {
    problem: name,
    method,
    seed,
    steps,
    start: () => begin(networkTask(network(seed), seed), method.create(context), method.distance),
  }
}

/** One of two by scale. */
export const at = <T>(scale: Scale, sizes: Readonly<Record<Scale, T>>): T => sizes[scale]

/** Loss, estimates and tuning of every network. */
export const trainingFigures = (
  traces: readonly Trace[],
  metric: Metric,
  outcome: Omit<Axis, 'label'>,
  loss = 'training loss',
): Figure[] =>
  problemsOf(traces).flatMap((problem) => [
    ...curves(traces, problem, metric, {
      key: 'loss',
      title: 'Loss',
      y: { label: loss, log: true, to: ceiling(traces, problem) },
      caption:
        'Mean of the batch losses since the sample before; bands are the range over the seeds. Grey: Adam over its grid, the best learning rate dark.',
    }),
    ...curves(traces, problem, metric, {
      key: 'd',
      title: 'The estimate d',
      y: { label: 'd', log: true },
      caption:
        'd of Prodigy and D-Adaptation is a distance per coordinate; r̄ of DoG and r of DoWG are in the Euclidean norm.',
      without: ({ free }) => !free,
    }),
    ...overRates(traces, problem, metric, outcome),
  ])

/** Three times the first loss: what is above has diverged. */
function ceiling(traces: readonly Trace[], problem: string): number {
  const first = traces
    .filter((trace) => trace.problem === problem)
    .map(({ series }) => Number(series.loss[0]))
  return 3 * Math.max(...first)
}
