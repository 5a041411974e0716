/**
 * Schedules: how an option follows the steps, counted k = 0, 1, 2, … Any function of k is one; those made here can also be written to
 * JSON and back. Not needed by the learning-rate-free methods, which still profit from an lr that falls at the end.
 *
 * Each rises linearly over `warmup` steps, (k + 1) / warmup of the peak, and reaches its end at `steps`.
 */
import type { Schedule } from './algorithm.ts'
import { FreestepError, suggest } from './errors.ts'

/** A schedule that knows how it was made. */
export interface NamedSchedule extends Schedule {
  /** The factory's name and its options; {@link scheduleFromJSON} makes the schedule again. */
  toJSON(): { readonly schedule: string; readonly options: ScheduleOptions }
}

/** Options of the schedules. */
export interface ScheduleOptions {
  /** How many steps the whole schedule takes, the warm-up included; it stays at its end afterwards. */
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
type Timed = ScheduleOptions & { readonly steps: number }

/** A shape: from the progress in [0, 1] after the warm-up to the part of the way from floor to peak. */
type Shape = (progress: number, options: Required<ScheduleOptions>) => number

const defaults: Required<ScheduleOptions> = { steps: Infinity, warmup: 0, peak: 1, floor: 0, cycles: 1, power: 1, decay: 0 }

function named(name: string, shape: Shape) {
  return (given: ScheduleOptions = {}): NamedSchedule => {
    const options = { ...defaults, ...given }
    const { steps, warmup, peak, floor } = options
    for (const [key, value] of Object.entries(given))
      if (!Object.hasOwn(defaults, key) || !(typeof value === 'number' && value >= 0))
        throw new FreestepError(
          'core',
          'bad-option',
          `${name}: option ${key} is ${value}. Give numbers ≥ 0.${suggest(key, Object.keys(defaults))}`,
        )
    if (steps <= warmup || steps < options.decay + warmup)
      throw new FreestepError(
        'core',
        'bad-option',
        `${name}: ${steps} steps are too few for a warm-up of ${warmup}. Give more steps.`,
      )
    const schedule = (k: number) => {
      if (k < warmup) return (peak * (k + 1)) / warmup
      const progress = steps === Infinity ? 0 : Math.min(1, (k - warmup) / (steps - warmup))
      return floor + (peak - floor) * shape(progress, options)
    }
    return Object.assign(schedule, { toJSON: () => ({ schedule: name, options: given }) })
  }
}

/** The value `peak` at every step after the warm-up. */
export const constantSchedule: (options?: Pick<ScheduleOptions, 'peak' | 'warmup'>) => NamedSchedule = named(
  'constantSchedule',
  () => 1,
)

/** A straight fall from peak to floor. */
export const linear: (options: Timed) => NamedSchedule = named('linear', (t) => 1 - t)

/** Half a cosine from peak to floor: Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983; with `cycles` it restarts. */
export const cosine: (options: Timed) => NamedSchedule = named('cosine', (t, { cycles }) => {
  const turns = t * cycles
  // A restart is at a whole number of turns, which rounding may miss from below.
  const within = t === 1 ? 1 : turns - Math.floor(turns + 1e-9)
  return (1 + Math.cos(Math.PI * within)) / 2
})

/** A fall as the power of what is left of the way. */
export const polynomial: (options: Timed & { readonly power: number }) => NamedSchedule = named(
  'polynomial',
  (t, { power }) => (1 - t) ** power,
)

/** Warm-up, a plateau, and a straight fall over the last `decay` steps: S. Hu et al. 2024, https://arxiv.org/abs/2404.06395. */
export const warmupStableDecay: (options: Timed & { readonly decay: number }) => NamedSchedule = named(
  'warmupStableDecay',
  (t, { steps, warmup, decay }) => (decay === 0 ? 1 : Math.min(1, ((1 - t) * (steps - warmup)) / decay)),
)

const factories: Record<string, (options: never) => NamedSchedule> = {
  constantSchedule,
  linear,
  cosine,
  polynomial,
  warmupStableDecay,
}

/** Makes a schedule from what its `toJSON` gave. */
export function scheduleFromJSON({
  schedule,
  options,
}: {
  readonly schedule: string
  readonly options: ScheduleOptions
}): NamedSchedule {
  const factory = Object.hasOwn(factories, schedule) ? factories[schedule] : undefined
  if (!factory)
    throw new FreestepError(
      'core',
      'bad-option',
      `There is no schedule "${schedule}".${suggest(schedule, Object.keys(factories))}`,
    )
  return factory(options as never)
}
