/**
 * The recordings of the authors' own code, and how one of them is run again on a backend and compared. The data, their origin and
 * their format are described in goldens/README.md.
 * Not the tests: layers/trajectories.ts asks for the errors that are measured here.
 */
import {
  type Algorithm,
  averaged,
  FreestepError,
  type Group,
  type MaybePromise,
  type Schedule,
} from '@freestep/core'
import { distance, relativeError } from './numbers.ts'
import { problems } from './problems.ts'
import type { Row } from './row.ts'
import { type Dtype, type Session, type Stack, withSession } from './session.ts'

/** A number in a recording; what JSON cannot say is a string. */
type Recorded = number | 'nan' | 'inf' | '-inf'
type Options = Readonly<Record<string, unknown>>
type Scalars = Readonly<Record<string, unknown>>

/** What a step of a recording holds. */
export interface Recording {
  readonly step: number
  readonly params: readonly (readonly Recorded[])[]
  readonly averaged_params?: readonly (readonly Recorded[])[]
  readonly loss: Recorded
  readonly groups: readonly Scalars[]
  readonly state?: Scalars
  /** How many times a relative change of the gradients comes back as a change of the parameters. */
  readonly amp: Recorded
}

/** One run of the original code. */
export interface Trajectory {
  readonly id: string
  readonly dtype: Dtype
  readonly problem: string
  /** By the original names. */
  readonly options: Options
  readonly param_groups?: readonly Options[]
  readonly lr_schedule?: 'warmup10' | 'cosine60' | 'warmup10_cosine60'
  readonly averager_gamma?: number
  readonly note?: string
  readonly x0: readonly { readonly shape: readonly number[]; readonly values: readonly number[] }[]
  readonly records: readonly Recording[]
}

/** A file of recordings of one optimizer. */
export interface Golden {
  readonly optimizer: string
  readonly source_repo: string
  readonly source_commit: string
  readonly version: string
  readonly trajectories: readonly Trajectory[]
}

/** How a file of recordings is run by the algorithm of a row. */
export interface GoldenFile {
  /** Its name in goldens/, without the ending. */
  readonly file: string
  /** Which trajectories of the file are of this algorithm; all unless told otherwise. */
  takes?(trajectory: Trajectory): boolean
  /** The settings of the row's algorithm, from the recorded options by our names; those themselves unless told otherwise. */
  settings?(options: Readonly<Record<string, unknown>>, trajectory: Trajectory): object
  /** Options whose name here is not the original one in camel case. */
  readonly rename?: Readonly<Record<string, string>>
  /** Original options that say nothing about the numbers. */
  readonly ignored?: readonly string[]
  /** Recorded scalars by their names here. */
  readonly scalars?: Readonly<Record<string, string>>
  /** The original code runs each parameter group by itself. */
  readonly perGroup?: boolean
  /** How many digits the original code loses in float32, as a relative error; it does not show in float64. */
  single?(trajectory: Trajectory): number
  /** Why a trajectory, or one record of it, is not compared. */
  leftOut?(trajectory: Trajectory, record?: Recording): string | false | undefined
}

/** Records that answer to a change of the gradients with a larger one than this say nothing about correctness. */
export const chaotic = 1e5

/** Loads a file of recordings. */
export async function loadGolden(file: string): Promise<Golden> {
  const { files } = await import('./files.ts')
  if (!Object.hasOwn(files, file)) throw new RangeError(`There is no golden file ${file}.`)
  return files[file] as Golden
}

const number = (value: unknown): number =>
  value === 'nan'
    ? NaN
    : value === 'inf'
      ? Infinity
      : value === '-inf'
        ? -Infinity
        : (value as number)
const camel = (name: string) =>
  name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

/** Original options by our names. */
function translate(
  options: Options,
  { rename = {}, ignored = [] }: GoldenFile,
): Record<string, unknown> {
  const kept = Object.entries(options).filter(([name]) => !ignored.includes(name))
  return Object.fromEntries(
    kept.map(([name, value]) => [rename[name] ?? camel(name), value === 'inf' ? Infinity : value]),
  )
}

const schedules: Record<NonNullable<Trajectory['lr_schedule']>, Schedule> = {
  warmup10: (k) => Math.min(1, (k + 1) / 10),
  cosine60: (k) => (1 + Math.cos((Math.PI * k) / 60)) / 2,
  warmup10_cosine60: (k) => (Math.min(1, (k + 1) / 10) * (1 + Math.cos((Math.PI * k) / 60))) / 2,
}

/** The algorithm with the options of a trajectory, and its parameter groups: one per tensor, or none. */
function prepare(
  row: Row,
  golden: GoldenFile,
  trajectory: Trajectory,
): { algorithm: Algorithm; groups: Group<object>[] } {
  const lr = trajectory.lr_schedule && { lr: schedules[trajectory.lr_schedule] }
  const options = { ...translate(trajectory.options, golden), ...lr }
  const algorithm = row.make(golden.settings?.(options, trajectory) ?? options)
  const groups = (trajectory.param_groups ?? []).map((group, i) => ({
    params: [`p${i}`],
    ...translate(group, golden),
  }))
  const gamma = trajectory.averager_gamma
  return { algorithm: gamma === undefined ? algorithm : averaged(algorithm, { gamma }), groups }
}

/**
 * Which tensors sit out step k. The authors' Prodigy and D-Adaptation leave a group untouched while its lr is 0, as here a tensor is
 * without a gradient; lr 0 itself is a step here, in which the moments go on.
 */
const sitsOut = ({ note }: Trajectory, tensor: number, k: number) =>
  note?.startsWith('group 2 lr = 0 for steps 1..20') === true && tensor === 1 && k < 20

/** How far a run was from a recording. */
export interface Outcome {
  /** The largest relative error of the parameters, of any record. */
  readonly params: number
  /** The same of the recorded scalars that the algorithm has too, relative to the largest value of each so far. */
  readonly scalars: number
  /** The largest error over the allowed one; below 1 where all is well. */
  readonly excess: number
  /** Where that was. */
  readonly worst: string
  /** How many records were compared. */
  readonly compared: number
}

/**
 * Runs a trajectory on a backend and compares all records that are not chaotic. In float32 the tolerance grows with the recorded
 * sensitivity, errors count relative to x₀ too, and of the scalars only the row's distance is compared, ten times more loosely.
 *
 * @param tolerance - the relative error allowed
 */
export async function runTrajectory<P, Done extends MaybePromise<void>>(
  stack: Stack<P, Done>,
  row: Row,
  golden: GoldenFile,
  trajectory: Trajectory,
  tolerance: number,
): Promise<Outcome> {
  const problem = problems[trajectory.problem]
  const { algorithm, groups } = prepare(row, golden, trajectory)
  const single = stack.dtype === 'float32'
  const x0 = Object.fromEntries(trajectory.x0.map((tensor, i) => [`p${i}`, tensor]))
  const names = Object.keys(x0)
  const scale = single ? trajectory.x0.map(({ values }) => values) : []

  const splitGroups = golden.perGroup && groups.length > 0
  return withSession(stack, algorithm, x0, { groups, splitGroups }, async (session) => {
    const outcome = { params: 0, scalars: 0, excess: 0, worst: 'nothing', compared: 0 }
    const note = (kind: 'params' | 'scalars', error: number, allowed: number, where: string) => {
      outcome[kind] = Math.max(outcome[kind], error)
      if (error / allowed <= outcome.excess) return
      outcome.excess = error / allowed
      outcome.worst = `${where}: off by ${error.toExponential(1)}, allowed ${allowed.toExponential(1)}`
    }
    const largest: Record<string, number> = {}
    let sensitivity = 1
    let steps = 0
    for (const record of trajectory.records) {
      for (; steps < record.step; steps++)
        if (!(await step(session, problem, names, (i) => sitsOut(trajectory, i, steps)))) {
          note('params', Infinity, tolerance, `the loss is not finite after ${steps} steps`)
          return outcome
        }
      if (!(number(record.amp) < chaotic) || golden.leftOut?.(trajectory, record)) continue
      outcome.compared++
      sensitivity = Math.max(sensitivity, number(record.amp))
      const allowed = single
        ? Math.max(tolerance * sensitivity, golden.single?.(trajectory) ?? 0)
        : tolerance
      const params = await session.params()
      const found = names.map((name) => params[name])
      note(
        'params',
        relativeError(found, record.params.map(list), scale),
        allowed,
        `parameters after ${steps} steps`,
      )
      const average = recordedAverage(record, names.length)
      if (average) {
        const point = await session.evaluated()
        const error = relativeError(
          names.map((name) => point[name]),
          average.map(list),
          scale,
        )
        note('params', error, allowed, `point to evaluate at after ${steps} steps`)
      }
      for (const [name, ours, theirs] of scalarPairs(
        golden,
        record,
        await session.scalars(),
        names,
      )) {
        if (single && name.split('/')[0] !== row.distance) continue
        largest[name] = Math.max(largest[name] ?? 0, Math.abs(theirs))
        const error = distance(ours, theirs)
        note(
          'scalars',
          error && error / largest[name],
          single ? 10 * allowed : allowed,
          `${name} after ${steps} steps`,
        )
      }
    }
    return outcome
  })
}

const list = (values: readonly Recorded[]) => values.map(number)

/** The average beside the parameters, where the original code keeps one: the schedule-free x, or that of an averager. */
function recordedAverage({ averaged_params, state = {} }: Recording, tensors: number) {
  if (averaged_params) return averaged_params
  if (!('x0' in state)) return undefined
  return Array.from({ length: tensors }, (_, i) => state[`x${i}`] as readonly Recorded[])
}

/** A step; false where the run has left the finite numbers, and the algorithm refuses the loss. */
async function step(
  session: Session<unknown, MaybePromise<void>>,
  problem: (typeof problems)[string],
  names: readonly string[],
  without: (tensor: number) => boolean,
): Promise<boolean> {
  const params = await session.params()
  const x = names.map((name) => params[name])
  const gradient = problem.gradient(x).map((g, i) => (without(i) ? undefined : g))
  const loss = problem.loss(x)
  try {
    await session.step(Object.fromEntries(names.map((name, i) => [name, gradient[i]])), loss)
    return true
  } catch (error) {
    if (error instanceof FreestepError && error.code === 'bad-option' && !Number.isFinite(loss))
      return false
    throw error
  }
}

/** Recorded scalars beside ours: [our name, our value, the recorded one]. A few trajectories have recorded parameters alone. */
function scalarPairs(
  { scalars = {} }: GoldenFile,
  { groups, state = {} }: Recording,
  ours: Readonly<Record<string, number>>,
  names: readonly string[],
): [string, number, number][] {
  const pairs: [string, number, number][] = []
  for (const [theirName, name] of Object.entries(scalars)) {
    for (const [key, value] of Object.entries(ours)) {
      const [own, param] = key.split('/')
      if (own !== name) continue
      const i = param === undefined ? 0 : names.indexOf(param)
      const theirs = (groups[i] ?? groups[0])[theirName] ?? state[theirName]
      if (theirs === undefined) continue
      pairs.push([key, value, number(Array.isArray(theirs) ? (theirs[i] ?? theirs[0]) : theirs)])
    }
  }
  return pairs
}
