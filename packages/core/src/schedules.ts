/**
 * Schedules: how an option follows the steps, counted k = 0, 1, 2, … Any function of k is one;
 * those made here can also be written to JSON and back. Not needed by the learning-rate-free
 * methods, which still profit from an lr that falls at the end.
 *
 * Each rises linearly over `warmup` steps, (k + 1) / warmup of the peak, and reaches its end at
 * `steps`.
 */
import type { Schedule } from './algorithm.ts'
import { FreestepError, kindOf, suggest } from './errors.ts'
import { type Declared, integer, natural, nonNegative, positive, required } from './options.ts'
import { chooseOptions } from './settings.ts'

/** A schedule that knows how it was made. */
export interface NamedSchedule extends Schedule {
  /** The factory's name and its options; {@link scheduleFromJSON} makes the schedule again. */
  toJSON(): { readonly schedule: string; readonly options: ScheduleOptions }
}

/** Options of the schedules. */
export interface ScheduleOptions {
  /**
   * How many steps the whole schedule takes, the warm-up included; it stays at its end afterwards.
   */
  readonly steps?: number
  /** How many steps the rise at the start takes. */
  readonly warmup?: number
  /** The highest value. */
  readonly peak?: number
  /** The value at the end. */
  readonly floor?: number
  /** cosine: how many times it falls, each time from the peak. */
  readonly cycles?: number
  /** polynomial: the exponent of the fall. */
  readonly power?: number
  /** warmupStableDecay: how many steps the fall at the end takes. */
  readonly decay?: number
}
type Timed<K extends keyof ScheduleOptions = never> = Pick<
  ScheduleOptions,
  'warmup' | 'peak' | 'floor' | 'cycles'
> &
  Required<Pick<ScheduleOptions, 'steps' | K>>

/**
 * A shape: from the progress in [0, 1] after the warm-up to the part of the way from floor to peak.
 */
type Shape = (progress: number, options: Required<ScheduleOptions>) => number

const count = integer(1, Infinity)
const rise = { warmup: natural(0), peak: nonNegative(1) }
const fall = { ...rise, steps: required(count), floor: nonNegative(0) }
/** What a schedule is that does not say otherwise. */
const still: Required<ScheduleOptions> = {
  steps: Infinity,
  warmup: 0,
  peak: 1,
  floor: 0,
  cycles: 1,
  power: 1,
  decay: 0,
}

function named<G extends ScheduleOptions>(
  name: string,
  declared: Declared<ScheduleOptions>,
  shape: Shape,
) {
  return (given?: G): NamedSchedule => {
    const options = {
      ...still,
      ...chooseOptions({ what: name, unknown: 'bad-option' }, declared, given),
    }
    const wrong = contradiction(options)
    if (wrong) throw new FreestepError('core', 'bad-option', `${name}: ${wrong}`)
    const { steps, warmup, peak, floor } = options
    const schedule = (k: number) => {
      if (k < warmup) return (peak * (k + 1)) / warmup
      const progress = steps === Infinity ? 0 : Math.min(1, (k - warmup) / (steps - warmup))
      return floor + (peak - floor) * shape(progress, options)
    }
    return Object.assign(schedule, { toJSON: () => ({ schedule: name, options: { ...given } }) })
  }
}

/** What is wrong with options that are right one by one. */
function contradiction({
  steps,
  warmup,
  decay,
  peak,
  floor,
  cycles,
}: Required<ScheduleOptions>): string | undefined {
  if (steps <= warmup)
    return `${steps} steps are too few for a warm-up of ${warmup}. Give more steps, or a shorter warm-up.`
  if (steps < warmup + decay)
    return (
      `a decay of ${decay} steps${warmup ? ` after a warm-up of ${warmup}` : ''} does not fit into ${steps} steps. ` +
      'Give more steps, or a shorter decay.'
    )
  if (floor > peak && steps < Infinity)
    return `the floor ${floor} is above the peak ${peak}. Give a lower floor.`
  if (cycles > steps - warmup)
    return `${cycles} cycles are more than the ${steps - warmup} steps after the warm-up. Give fewer.`
  return undefined
}

/** The value `peak` at every step after the warm-up. */
export const constantSchedule: (
  options?: Pick<ScheduleOptions, 'peak' | 'warmup'>,
) => NamedSchedule = named('constantSchedule', rise, () => 1)

/** A straight fall from peak to floor. */
export const linear: (options: Omit<Timed, 'cycles'>) => NamedSchedule = named(
  'linear',
  fall,
  (t) => 1 - t,
)

/**
 * Half a cosine from peak to floor: Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983;
 * with `cycles` it restarts.
 */
export const cosine: (options: Timed) => NamedSchedule = named(
  'cosine',
  { ...fall, cycles: count(1) },
  (t, { cycles }) => {
    const turns = t * cycles
    // A restart is at a whole number of turns, which rounding may miss from below.
    const within = t === 1 ? 1 : turns - Math.floor(turns + 1e-9)
    return (1 + Math.cos(Math.PI * within)) / 2
  },
)

/** A fall as the power of what is left of the way. */
export const polynomial: (options: Omit<Timed<'power'>, 'cycles'>) => NamedSchedule = named(
  'polynomial',
  { ...fall, power: required(positive) },
  (t, { power }) => (1 - t) ** power,
)

/**
 * Warm-up, a plateau, and a straight fall over the last `decay` steps: S. Hu et al. 2024,
 * https://arxiv.org/abs/2404.06395.
 */
export const warmupStableDecay: (options: Omit<Timed<'decay'>, 'cycles'>) => NamedSchedule = named(
  'warmupStableDecay',
  { ...fall, decay: required(natural) },
  (t, { steps, warmup, decay }) =>
    decay === 0 ? 1 : Math.min(1, ((1 - t) * (steps - warmup)) / decay),
)

/** Any of the factories: which options it needs, it says itself when it is called. */
interface Factories {
  [name: string]: { call(options: ScheduleOptions): NamedSchedule }['call']
}
const factories: Factories = {
  constantSchedule,
  linear,
  cosine,
  polynomial,
  warmupStableDecay,
}

/**
 * Makes a schedule from what its `toJSON` gave.
 *
 * @throws FreestepError `bad-option` or `unknown-option` for anything else
 */
export function scheduleFromJSON(json: {
  readonly schedule: string
  readonly options: ScheduleOptions
}): NamedSchedule {
  const { schedule, options } = Object(json) as Partial<typeof json>
  if (typeof schedule !== 'string')
    throw new FreestepError(
      'core',
      'bad-option',
      `${kindOf(json)} is no schedule. Give { schedule, options }.`,
    )
  const factory = Object.hasOwn(factories, schedule) ? factories[schedule] : undefined
  if (!factory)
    throw new FreestepError(
      'core',
      'bad-option',
      `There is no schedule "${schedule}".${suggest(schedule, Object.keys(factories))}`,
    )
  return factory(options ?? {})
}
