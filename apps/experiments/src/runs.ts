// Which optimizers are run: from names on the command line to runs. A learning-rate-free optimizer
// is one run at its defaults; one that needs a learning rate is a run for each rate of a grid.

import { adam, adamW, cosine, dadaptAdam, dog, type Execution, prodigy, sgd } from '@freestep/tfjs'
import type { Optimizer } from '@tensorflow/tfjs-core'
import { InputError, quoted, suggestion } from './errors.ts'
import { rate } from './format.ts'

/** The learning rates that stand for "tuned by hand". */
const GRID = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1]

/** A tfjs optimizer that tells its scalar state, by the papers' symbols, and how its steps run. */
export type Trainer = Optimizer & {
  scalars(): Promise<Readonly<Record<string, number>>>
  readonly execution: Execution | undefined
}

/** How steps are to run. */
export interface Running {
  /** False for operation by operation. */
  readonly fused: boolean
  /**
   * Over so many steps lr falls by a cosine: the learning rate, or the factor 1 of what takes its
   * place.
   */
  readonly steps: number
}

/** One training run to be made. */
export interface Run {
  /** As people call it: "D-Adaptation Adam". */
  readonly optimizer: string
  /** The learning rate, where the user (or the grid) has chosen one. */
  readonly lr?: number
  /** Whether the optimizer finds its own step size. */
  readonly free: boolean
  /**
   * The scalar that is its estimate of the distance from the initial weights to a solution; none if
   * not `free`.
   */
  readonly distance?: string
  create(running: Running): Trainer
}

interface Choice extends Pick<Run, 'free' | 'distance'> {
  readonly label: string
  readonly create: (options: {
    readonly lr: ReturnType<typeof cosine>
    readonly fused: boolean
  }) => Trainer
}

const free = (label: string, distance: string, create: Choice['create']): Choice => ({
  label,
  create,
  free: true,
  distance,
})
const rated = (label: string, create: Choice['create']): Choice => ({ label, create, free: false })

const CHOICES: Record<string, Choice> = {
  prodigy: free('Prodigy', 'd', prodigy),
  dadaptAdam: free('D-Adaptation Adam', 'd', dadaptAdam),
  dog: free('DoG', 'rBar', dog),
  adam: rated('Adam', adam),
  adamW: rated('AdamW', adamW),
  sgd: rated('SGD', sgd),
}

/** The names that `--optimizer` takes. */
export const OPTIMIZERS: readonly string[] = Object.keys(CHOICES)

/** What is compared unless the user says otherwise. */
export const DEFAULT_OPTIMIZERS = 'prodigy,dadaptAdam,dog,adam'

/**
 * The runs that a list such as `prodigy,adam@1e-3` names; a bare `adam` stands for its grid.
 * Doubles are made once.
 */
export function parseRuns(list: string): Run[] {
  const runs = list.split(',').flatMap((word) => parseWord(word.trim()))
  return [...new Map(runs.map((run) => [runName(run), run])).values()]
}

/** A run's name among others: `Prodigy`, `Adam 0.001`. */
export const runName = ({ optimizer, lr }: Run): string =>
  lr === undefined ? optimizer : `${optimizer} ${rate(lr)}`

function parseWord(word: string): Run[] {
  const [name, lr, ...more] = word.split('@')
  const key = OPTIMIZERS.find((candidate) => candidate.toLowerCase() === name!.toLowerCase())
  if (key === undefined) {
    const known = `known are ${OPTIMIZERS.join(', ')}`
    throw new InputError(
      `unknown optimizer ${quoted(name!)}: ${known}${suggestion(name!, OPTIMIZERS)}`,
    )
  }
  const { label: optimizer, create, ...rest } = CHOICES[key]!
  const made =
    (peak: number) =>
    ({ fused, steps }: Running) =>
      create({ fused, lr: cosine({ steps, peak }) })
  const at = (lr: number): Run => ({ ...rest, optimizer, lr, create: made(lr) })
  if (lr === undefined) return rest.free ? [{ ...rest, optimizer, create: made(1) }] : GRID.map(at)
  const value = Number(lr)
  if (more.length > 0 || lr === '' || !(value > 0 && value < Number.POSITIVE_INFINITY)) {
    throw new InputError(
      `--optimizer ${quoted(word)}: a learning rate above 0 must follow the @, as in ${key}@1e-3`,
    )
  }
  return [at(value)]
}
