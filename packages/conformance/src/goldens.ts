/**
 * The recordings of the authors' own code, and how one of them is run again on a backend and compared. The data, their origin and
 * their format are described in goldens/README.md.
 * Not the tests: layers/3-trajectories.ts asks for the errors that are measured here.
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
import type {
  Golden,
  GoldenFile,
  Recorded,
  RecordedOptions,
  Recording,
  Trajectory,
} from './recording.ts'
import type { Row } from './row.ts'
import { type Session, type Stack, withSession } from './session.ts'

/** Records that answer to a change of the gradients with a larger one than this say nothing about correctness. */
export const chaotic = 1e5

/** Loads a file of recordings. */
export async function loadGolden(file: string): Promise<Golden> {
  const { files } = await import('./files.ts')
  if (!Object.hasOwn(files, file)) throw new RangeError(`There is no golden file ${file}.`)
  return files[file] as Golden
}

const inWords: Readonly<Record<string, number>> = { nan: NaN, inf: Infinity, '-inf': -Infinity }
const number = (value: unknown): number =>
  typeof value === 'string' ? inWords[value] : (value as number)
const camel = (name: string) =>
  name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

/** Original options by our names. */
function translate(
  options: RecordedOptions,
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

/** What a run is compared by. */
interface Compared {
  readonly row: Row
  readonly golden: GoldenFile
  readonly trajectory: Trajectory
  /** The relative error allowed. */
  readonly tolerance: number
  /** Whether it runs in float32. */
  readonly single: boolean
  /** The parameters, in the order of the recording. */
  readonly names: readonly string[]
}

/** What is allowed and was found in a run, as it goes on. */
class Comparison {
  readonly outcome = { params: 0, scalars: 0, excess: 0, worst: 'nothing', compared: 0 }
  private readonly by: Compared
  private readonly largest: Record<string, number> = {}
  private sensitivity = 1

  constructor(by: Compared) {
    this.by = by
  }

  /** An error beside the allowed one. */
  note(kind: 'params' | 'scalars', error: number, allowed: number, where: string): void {
    const { outcome } = this
    outcome[kind] = Math.max(outcome[kind], error)
    if (error / allowed <= outcome.excess) return
    outcome.excess = error / allowed
    outcome.worst = `${where}: off by ${error.toExponential(1)}, allowed ${allowed.toExponential(1)}`
  }

  /** All that was recorded after some steps, unless it says nothing about correctness. */
  async record(session: Session<unknown, MaybePromise<void>>, record: Recording): Promise<void> {
    const { golden, trajectory, single, names } = this.by
    if (!(number(record.amp) < chaotic) || golden.leftOut?.(trajectory, record)) return
    this.outcome.compared++
    const allowed = this.allowed(record)
    const when = `after ${record.step} steps`
    const params = this.off(await session.params(), record.params)
    this.note('params', params, allowed, `parameters ${when}`)
    const average = recordedAverage(record, names.length)
    if (average) {
      const error = this.off(await session.evaluated(), average)
      this.note('params', error, allowed, `point to evaluate at ${when}`)
    }
    const pairs = scalarPairs(golden, record, await session.scalars(), names)
    this.scalars(pairs, single ? 10 * allowed : allowed, when)
  }

  private allowed(record: Recording): number {
    const { golden, trajectory, tolerance, single } = this.by
    this.sensitivity = Math.max(this.sensitivity, number(record.amp))
    if (!single) return tolerance
    return Math.max(tolerance * this.sensitivity, golden.single?.(trajectory) ?? 0)
  }

  private off(found: Readonly<Record<string, readonly number[]>>, wanted: Recording['params']) {
    const { names, single, trajectory } = this.by
    return relativeError(
      names.map((name) => found[name]),
      wanted.map(list),
      single ? trajectory.x0.map(({ values }) => values) : [],
    )
  }

  /** Scalars beside the recorded ones, relative to the largest value that each had so far. */
  private scalars(pairs: readonly Pair[], allowed: number, when: string): void {
    const { single, row } = this.by
    for (const [name, ours, theirs] of pairs) {
      if (single && name.split('/')[0] !== row.distance) continue
      const largest = Math.max(this.largest[name] ?? 0, Math.abs(theirs))
      this.largest[name] = largest
      const error = distance(ours, theirs)
      this.note('scalars', error && error / largest, allowed, `${name} ${when}`)
    }
  }
}

/**
 * Runs a trajectory on a backend and compares all records that are not chaotic. In float32 the
 * tolerance grows with the recorded sensitivity, errors count relative to x₀ too, and of the
 * scalars only the row's distance is compared, ten times more loosely.
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
  const x0 = Object.fromEntries(trajectory.x0.map((tensor, i) => [`p${i}`, tensor]))
  const names = Object.keys(x0)
  const single = stack.dtype === 'float32'

  const splitGroups = golden.perGroup && groups.length > 0
  return withSession(stack, algorithm, x0, { groups, splitGroups }, async (session) => {
    const comparison = new Comparison({ row, golden, trajectory, tolerance, single, names })
    let steps = 0
    for (const record of trajectory.records) {
      for (; steps < record.step; steps++)
        if (!(await step(session, problem, names, (i) => sitsOut(trajectory, i, steps)))) {
          const where = `the loss is not finite after ${steps} steps`
          comparison.note('params', Infinity, tolerance, where)
          return comparison.outcome
        }
      await comparison.record(session, record)
    }
    return comparison.outcome
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

type Pair = readonly [name: string, ours: number, theirs: number]

/** Recorded scalars beside ours: [our name, our value, the recorded one]. A few trajectories have recorded parameters alone. */
function scalarPairs(
  { scalars = {} }: GoldenFile,
  { groups, state = {} }: Recording,
  ours: Readonly<Record<string, number>>,
  names: readonly string[],
): Pair[] {
  const theirs = (theirName: string, i: number): unknown => {
    const found = (groups[i] ?? groups[0])[theirName] ?? state[theirName]
    return Array.isArray(found) ? (found[i] ?? found[0]) : found
  }
  return Object.entries(ours).flatMap(([key, value]) => {
    const [own, param] = key.split('/')
    const i = param === undefined ? 0 : names.indexOf(param)
    return Object.entries(scalars)
      .filter(([theirName, name]) => name === own && theirs(theirName, i) !== undefined)
      .map(([theirName]): Pair => [key, value, number(theirs(theirName, i))])
  })
}
