/**
 * A run as data, for a seed: an algorithm in wrappers, tensors of which some join late, groups, and
 * what happens at each step. Nothing is executed here. What gradients are is in objective.ts.
 */
import { type Chance, chance } from '@freestep/conformance'
import { algorithms, type Choice, evaluates, mayBeZero, type Setting, wrappers } from './options.ts'

export type Settings = Readonly<Record<string, Setting>>

/** A tensor. */
export interface Tensor {
  readonly name: string
  readonly size: number
  readonly single: boolean
  /** The step before which it joins. */
  readonly from: number
}

/** What happens at a step. */
export interface Step {
  /** The tensors without gradient. */
  readonly absent: readonly string[]
  /** The tensors whose gradient is zero. */
  readonly zero: readonly string[]
  /** A coordinate of a gradient that is not finite. */
  readonly lost?: { readonly tensor: string; readonly at: number; readonly value: number }
  /** Whether everything is saved and loaded into a new optimizer before it. */
  readonly reload: boolean
}

/** A run. */
export interface Run {
  readonly seed: number
  readonly algorithm: string
  readonly options: Settings
  /** From the inside out. */
  readonly wrappers: readonly {
    readonly name: string
    readonly options: Readonly<Record<string, number>>
  }[]
  readonly tensors: readonly Tensor[]
  readonly groups: readonly { readonly params: readonly string[]; readonly options: Settings }[]
  readonly splitGroups: boolean
  /** The scale of gradients, and how far the solution is. */
  readonly gradients: number
  readonly distance: number
  readonly steps: readonly Step[]
}

/** A schedule out of an option's numbers, with zeros where it may be zero. */
function schedule({ pick, below }: Chance, name: string, values: readonly Setting[]): Setting {
  const numbers = values.filter(
    (value): value is number => typeof value === 'number' && value < Number.POSITIVE_INFINITY,
  )
  const pool = mayBeZero.has(name) ? [...numbers, 0] : numbers
  return { schedule: Array.from({ length: 2 + below(4) }, () => pick(pool)) }
}

function setting(random: Chance, name: string, { values, schedule: scheduled }: Choice): Setting {
  return scheduled && !random.below(4) ? schedule(random, name, values) : random.pick(values)
}

/** Settings for some of the options; groups only for those that they may have. */
function settings(random: Chance, algorithm: string, inGroups: boolean): Settings {
  const entries = Object.entries(algorithms[algorithm]).filter(
    ([, { group }]) => group || !inGroups,
  )
  const chosen = entries.filter(() => random.below(inGroups ? 3 : 2) === 0)
  return Object.fromEntries(
    chosen.map(([name, choice]) => [
      name,
      setting(
        random,
        name,
        inGroups && choice.inGroups ? { ...choice, values: choice.inGroups } : choice,
      ),
    ]),
  )
}

function around(random: Chance, algorithm: string): Run['wrappers'] {
  // Mechanic takes the updates out of what has a point of its own to evaluate at, so it goes
  // inside.
  const names = Object.keys(wrappers).filter(
    (name) => random.below(5) === 0 && !(name === 'mechanic' && evaluates.has(algorithm)),
  )
  const inside = (name: string) =>
    name === 'mechanic' && (names.includes('averaged') || names.includes('scheduleFree')) ? -2 : 0
  const order = names
    .map((name) => ({ name, at: random.draw() + inside(name) }))
    .sort((a, b) => a.at - b.at)
  return order.map(({ name }) => ({
    name,
    options: Object.fromEntries(
      Object.entries(wrappers[name]).map(([option, values]) => [option, random.pick(values)]),
    ),
  }))
}

function tensors({ below, pick }: Chance, steps: number): Tensor[] {
  const precision = pick(['single', 'double', 'mixed'])
  const sizes = below(8) ? [0, 1, 3, 1, 3, 10] : [0, 1, 3, 2047, 2049, 5000]
  return Array.from({ length: 1 + below(4) }, (_, i) => ({
    name: `t${i}`,
    size: i ? pick(sizes) : pick(sizes) || 3,
    single: precision === 'mixed' ? below(2) === 0 : precision === 'single',
    from: i && !below(4) ? 1 + below(steps - 1) : 0,
  })).sort((a, b) => a.from - b.from)
}

/** Which tensors sit steps out: some now and then, some in turn, some for a long time. */
function absences(
  { below, pick }: Chance,
  all: readonly Tensor[],
  steps: number,
): (tensor: number, k: number) => boolean {
  const kinds = all.map(() => pick(['never', 'never', 'random', 'turns', 'long']))
  const phase = all.map(() => below(2))
  const begin = all.map(() => below(steps))
  const random = all.map(() => Array.from({ length: steps }, () => below(3) === 0))
  return (i, k) =>
    ({
      never: false,
      random: random[i][k],
      turns: k % 2 === phase[i],
      long: k >= begin[i] && k < begin[i] + steps / 2,
    })[kinds[i] as 'never']
}

/**
 * Settings of a group in which all betas but the first are those of all, where one estimate is
 * behind all tensors.
 */
function sharing(algorithm: string, all: Settings, own: Settings): Settings {
  const { betas } = algorithms[algorithm]
  if (!betas?.inGroups || !('betas' in own)) return own
  const [first] = own.betas as readonly number[]
  const [, ...rest] = (all.betas ?? betas.values[0]) as readonly number[]
  return { ...own, betas: [first, ...rest] }
}

/** The run of a seed. */
export function runOf(seed: number): Run {
  const random = chance(seed)
  const { below, pick } = random
  const length = 3 + below(7)
  const algorithm = pick(Object.keys(algorithms))
  const all = tensors(random, length)
  const sits = absences(random, all, length)
  const reload = below(3) ? undefined : 1 + below(length - 1)
  const steps = Array.from({ length }, (_, k): Step => {
    const there = all.filter(({ from }) => from <= k)
    const absent = there.filter(({ name }) =>
      sits(
        all.findIndex((each) => each.name === name),
        k,
      ),
    )
    const taking = there.filter((tensor) => !absent.includes(tensor))
    const kept = pick(there)
    const large = (taking.length ? taking : [kept]).filter(({ size }) => size > 0)
    const lost = below(12) === 0 && large.length ? pick(large) : undefined
    return {
      // Somebody takes part.
      absent: (taking.length ? absent : absent.filter((tensor) => tensor !== kept)).map(
        ({ name }) => name,
      ),
      zero: there.filter(() => below(10) === 0).map(({ name }) => name),
      ...(lost && {
        lost: {
          tensor: lost.name,
          at: below(lost.size),
          value: pick([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]),
        },
      }),
      reload: k === reload,
    }
  })
  const groups = Array.from({ length: pick([0, 0, 1, 2]) }, () => ({
    params: all.filter(() => below(2)).map(({ name }) => name),
    options: { ...settings(random, algorithm, true), ...(below(8) ? {} : { lr: 0 }) },
  }))
  const wrapped = around(random, algorithm)
  const options = settings(random, algorithm, false)
  // The tuner needs all of x − x₀. And where ε is a number, a lost coordinate takes its x along;
  // where it is a value, x stays.
  const unfit = new Set([
    ...(wrapped.some(({ name }) => name === 'mechanic') ? ['sliceP'] : []),
    ...(steps.some(({ lost }) => lost) ? ['eps'] : []),
  ])
  const whole = (each: Settings): Settings =>
    Object.fromEntries(Object.entries(each).filter(([name]) => !unfit.has(name)))
  return {
    seed,
    algorithm,
    options: whole(options),
    wrappers: wrapped,
    tensors: all,
    groups: groups.map(({ params, options: own }) => ({
      params,
      options: whole(sharing(algorithm, options, own)),
    })),
    splitGroups: groups.length > 0 && below(4) === 0,
    gradients: pick([1, 1, 1e-3, 30]),
    distance: pick([1, 10, 0.1]),
    steps,
  }
}
