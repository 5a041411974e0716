/**
 * The methods that the playground can run: every algorithm of core, found by itself, with the
 * little that has to be known of some to run them on a problem whose solution is known. Not the
 * algorithms.
 */
import * as core from '@freestep/cpu'
import { distances, type Problem } from './problems.ts'

/** An algorithm to run: which, and its learning rate if it needs one. */
export interface Choice {
  readonly name: string
  readonly lr?: number
}

/** What is the same for all methods of a run. */
export interface Circumstances {
  readonly problem: Problem
  readonly start: readonly number[]
  readonly steps: number
  /** Whether lr falls to 0 along a cosine. */
  readonly falling: boolean
}

type Factory = core.AlgorithmFactory<{ lr?: number }>

const factories = Object.fromEntries(
  Object.entries(core as Record<string, unknown>).filter((entry): entry is [string, Factory] => {
    const [, value] = entry
    return typeof value === 'function' && 'algorithm' in value
  }),
)

/** Those that need a learning rate, with the one to begin with. */
export const baselines: Readonly<Record<string, number>> = {
  adagrad: 1,
  adagradNorm: 1,
  adam: 0.1,
  adamW: 0.1,
  sgd: 0.01,
  subgradient: 0.1,
}

/** Those that measure the distance coordinate by coordinate. */
const coordinatewise = new Set([
  'prodigy',
  'dadaptAdam',
  'dadaptAdagrad',
  'dadaptAdan',
  'dadaptLion',
])

/** The norm in which a method measures the distance. */
export const normOf = (name: string): 'l2' | 'max' => (coordinatewise.has(name) ? 'max' : 'l2')

/** The names of all methods: those without a learning rate first. */
export const methodNames: readonly string[] = Object.keys(factories).sort(
  (a, b) =>
    Number(a in baselines) - Number(b in baselines) ||
    Number(b === 'prodigy') - Number(a === 'prodigy') ||
    a.localeCompare(b),
)

const toldDistance = (name: string) =>
  'D' in factories[name].algorithm.defaults && !(name in baselines)

/** What a method is told here that is not known elsewhere, if anything. */
export function toldOf(name: string): string | undefined {
  const { defaults } = factories[name].algorithm
  if ('fOpt' in defaults || 'lb' in defaults) return 'f*'
  return toldDistance(name) ? '‖x₀ − x*‖' : undefined
}

/** The algorithm of a choice. */
export function algorithmOf(
  { name, lr }: Choice,
  { problem, start, steps, falling }: Circumstances,
): core.Algorithm {
  const factory = factories[name]
  const { defaults } = factory.algorithm
  const peak = name in baselines ? (lr ?? baselines[name]) : (defaults.lr ?? 1)
  const known: Record<string, unknown> = {
    ...(falling && 'lr' in defaults && { lr: core.cosine({ steps, peak }) }),
    ...(!falling && name in baselines && { lr: peak }),
    ...('fOpt' in defaults && { fOpt: problem.f(problem.solution) }),
    ...('lb' in defaults && { lb: problem.f(problem.solution) }),
    ...(toldDistance(name) && { D: distances(problem, start).l2 }),
  }
  return factory(known as { lr?: number })
}

/** How a choice is written: `prodigy`, `adam 0.1`. */
export const labelOf = ({ name, lr }: Choice): string =>
  name in baselines ? `${name} ${lr ?? baselines[name]}` : name
