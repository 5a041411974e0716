/**
 * A part of the parameters: what has an engine of its own. With `splitGroups` there is one for each
 * group, else one of all. Types, how
 * a part is started and its numbers are read; not what an optimizer does with it.
 */
import type { Backend, Engine } from './backend.ts'
import { FreestepError } from './errors.ts'
import type { MaybePromise } from './later.ts'
import type { Program } from './program.ts'
import type { TensorInfo } from './tensor.ts'

/**
 * A part of the parameters that is a vector of its own: all of them, or one group with
 * `splitGroups`.
 */
export interface Part<P, Done extends MaybePromise<void>> {
  /** Its parameters among all. */
  readonly indices: readonly number[]
  /** The options of each. */
  readonly options: readonly Readonly<Record<string, unknown>>[]
  readonly program: Program
  /** The caller's own tensors. */
  readonly params: readonly P[]
  readonly engine: Engine<P, Done>
}

/** A part that is not running yet. */
export interface Unstarted<P, Done extends MaybePromise<void>>
  extends Omit<Part<P, Done>, 'engine'> {
  start(): MaybePromise<Engine<P, Done>>
}

/** Parameters with their names, in order; a record would sort names that are numbers. */
export type Entries<P> = readonly (readonly [name: string, param: P])[]

/** Parameters, and the parts of them that run. */
export interface Started<P, Done extends MaybePromise<void>> {
  readonly tensors: readonly TensorInfo[]
  readonly parts: readonly Part<P, Done>[]
}

/** Parameters, and the parts that they make. */
export interface Prepared<P, Done extends MaybePromise<void>> {
  readonly tensors: readonly TensorInfo[]
  readonly parts: readonly Unstarted<P, Done>[]
}

/** The engine of a part, from a backend that starts without waiting. */
export function startNow<P, Done extends MaybePromise<void>>(
  part: Unstarted<P, Done>,
  { name }: Pick<Backend<P, Done>, 'name'>,
): Engine<P, Done> {
  const engine = part.start()
  if (!(engine instanceof Promise)) return engine
  throw new FreestepError(
    'core',
    'unsupported',
    `${name} starts asynchronously. Use "await createOptimizer(…)".`,
  )
}

/** The single numbers of all parts, read from their engines; see `Optimizer.scalars`. */
export async function scalarsOf<P, Done extends MaybePromise<void>>({
  tensors,
  parts,
}: Started<P, Done>): Promise<Record<string, number>> {
  // All reads start before one is waited for, so that they show one moment.
  const single = parts.flatMap(({ indices, program, engine }) =>
    Object.entries(program.states)
      .filter(
        ([state, scope]) =>
          (scope === 'global' || scope === 'tensor') && !program.hidden.includes(state),
      )
      .map(([state, scope]) => ({ indices, state, scope, reading: engine.read(state) })),
  )
  const read = await Promise.all(single.map(({ reading }) => reading))
  const all: Record<string, number> = {}
  for (const [n, { indices, state, scope }] of single.entries()) {
    const numbers = read[n]
    if (scope === 'global' && parts.length === 1) all[state] = numbers[0][0]
    else
      for (const [j, i] of indices.entries())
        all[`${state}/${tensors[i].name}`] = numbers[scope === 'global' ? 0 : j][0]
  }
  return all
}
