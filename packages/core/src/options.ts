/**
 * Options: what an algorithm, a wrapper, a schedule or a backend lets one choose. Each is declared
 * once, with its default and its range,
 *
 *     const defaults: Declared<SgdOptions> = { lr: nonNegative(1e-3), momentum: fraction(0), nesterov: false }
 *
 * and whatever is given is held to that, by name, type and range. Who declares options stands in
 * the file that has them; what a range is, and how a value that is none is refused, stands here.
 */
import { FreestepError, type FreestepErrorCode, kindOf, suggest } from './errors.ts'

/** What an option may be. */
export interface Range {
  /** In words, as after "Give". */
  readonly says: string
  /** Whether a value is such. */
  holds(value: unknown): boolean
  /** Whether a function of k may stand in its place, each of whose values is such. */
  readonly follows: boolean
  /** Whether it has to be given. */
  readonly needed?: boolean
}

/** An option as it is declared: its default, and what it may be. */
export class Option<T> {
  readonly standard: T
  readonly range: Range
  constructor(standard: T, range: Range) {
    this.standard = standard
    this.range = range
  }
}

/**
 * A table of options. A plain default stands for its type: any finite number, true or false, as
 * many numbers.
 */
export type Declared<O> = { readonly [K in keyof O]: O[K] | Option<O[K]> }

/** The ranges of a table of options, by name. */
export type Ranges = Readonly<Record<string, Range>>

/** An option of any other kind, a device or a function, with what is there if it is left out. */
export const given = <T>(
  says: string,
  holds: (value: unknown) => boolean,
  standard: T,
): Option<T> => new Option(standard, { says, holds, follows: false })

/** The same without a default. */
export const needed = <T>(says: string, holds: (value: unknown) => boolean): Option<T> =>
  new Option(undefined as T, { says, holds, follows: false, needed: true })

/** An object with these members, whoever made it: a device, a library. */
export const having =
  (...members: readonly string[]) =>
  (value: unknown): boolean =>
    typeof value === 'object' && value !== null && members.every((member) => member in value)

/** A kind of numbers: makes an option of a default. */
export interface Numbered extends Range {
  (standard: number): Option<number>
}

/** A kind of numbers that options may be. */
export function numbers(says: string, holds: (value: number) => boolean): Numbered {
  const range: Range = {
    says,
    holds: (value) => typeof value === 'number' && holds(value),
    follows: true,
  }
  return Object.assign((standard: number) => new Option(standard, range), range)
}

// Between these bounds products of two options stay within float32, the narrowest precision that
// anything is kept in.
const least = 1e-30
const most = 1e30
const outside = (value: unknown) =>
  Number.isFinite(value) &&
  value !== 0 &&
  !(Math.abs(value as number) >= least && Math.abs(value as number) <= most)
const bounds =
  ' Its size has to be between 1e-30 and 1e30, so that float32 can hold what is computed with it.'

/** From 0 to 1e30. */
export const nonNegative: Numbered = numbers('a finite number ≥ 0', (v) => v >= 0 && v <= most)
/** Above 0: from 1e-30 to 1e30. */
export const positive: Numbered = numbers('a finite number > 0', (v) => v >= least && v <= most)
/** 0, or from 1e-30 to 1e30: an ε that single precision would lose is none. */
export const epsilon: Numbered = numbers(
  'a finite number ≥ 0',
  (v) => v === 0 || (v >= least && v <= most),
)
/** Of any sign, at most 1e30 in absolute value. */
export const finite: Numbered = numbers('a finite number', (v) => Math.abs(v) <= most)
/** In [0, 1), as decay rates are. */
export const fraction: Numbered = numbers('a number in [0, 1)', (v) => v >= 0 && v < 1)
/** In (0, 1). */
export const inside: Numbered = numbers(
  'a number strictly between 0 and 1',
  (v) => v >= least && v < 1,
)
/** Above 0, or Infinity where there is none. */
export const limit: Numbered = numbers(
  'a number > 0 (Infinity for no limit)',
  (v) => (v >= least && v <= most) || v === Infinity,
)
/** From 1 on, or Infinity where nothing is limited. */
export const growth: Numbered = numbers(
  'a number ≥ 1 (Infinity for no limit)',
  (v) => (v >= 1 && v <= most) || v === Infinity,
)
/** How often: 0, 1, 2, … */
export const natural: Numbered = numbers('an integer ≥ 0', (v) => Number.isSafeInteger(v) && v >= 0)
/** How many steps: 0, 1, 2, …, or Infinity where there is no end. */
export const stepCount: Numbered = numbers(
  'an integer ≥ 0 (Infinity for no end)',
  (v) => v === Infinity || (Number.isSafeInteger(v) && v >= 0),
)
/** An integer with bounds. */
export const integer = (from: number, to: number): Numbered =>
  numbers(
    to === Infinity ? `an integer ≥ ${from}` : `an integer from ${from} to ${to}`,
    (v) => Number.isSafeInteger(v) && v >= from && v <= to,
  )

/** A number that has no default. */
export const required = ({ says, holds }: Numbered): Option<number> =>
  new Option(Number.NaN, { says, holds, follows: false, needed: true })

/** One number for all steps: no schedule. */
export const fixed = <T>({ standard, range }: Option<T>): Option<T> =>
  new Option(standard, { ...range, follows: false })

/** A number, or null, the default. */
export const orNull = ({ says, holds }: Numbered): Option<number | null> =>
  new Option<number | null>(null, {
    says: `${says}, or null`,
    holds: (v) => v === null || holds(v),
    follows: false,
  })

/** A list of as many numbers as the default has. */
export function list<T extends readonly number[]>(
  range: Range,
  ...standard: T
): Option<{ readonly [I in keyof T]: number }>
export function list(range: Range, ...standard: number[]): Option<readonly number[]> {
  const holds = (value: unknown) =>
    Array.isArray(value) &&
    value.length === standard.length &&
    value.every((each) => range.holds(each))
  return new Option(standard, {
    says: `${standard.length} numbers, each ${range.says}`,
    holds,
    follows: false,
  })
}

/** One of some words, the first of which is the default; undefined there leaves the choice open. */
export function oneOf<const T extends string | undefined>(standard: T, ...others: T[]): Option<T> {
  const words = [standard, ...others].filter((word) => word !== undefined)
  const says = `${words.length > 1 ? 'one of ' : ''}"${words.join('", "')}"`
  return new Option<T>(standard, {
    says,
    holds: (value) => words.some((word) => word === value),
    follows: false,
  })
}

/** What stands for a plain default. */
function rangeLike(standard: unknown): Range {
  const plain = Number.isFinite(standard) ? numbers('a finite number', Number.isFinite) : anyNumber
  if (typeof standard === 'number') return plain
  if (Array.isArray(standard)) return list(finite, ...(standard as number[])).range
  if (standard === null) return orNull(anyNumber).range
  const type = typeof standard
  return { says: kindsOf(type), holds: (value) => typeof value === type, follows: false }
}
const anyNumber = numbers('a number', (v) => !Number.isNaN(v))
const kindsOf = (type: string) => `${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`

// The two that core itself reads mean the same wherever they are, however they are declared.
const core: Ranges = { lr: nonNegative(1).range, sliceP: fixed(integer(1, Infinity)(1)).range }

/**
 * The defaults and ranges of a table, where a plain default takes the range that is known of its
 * name.
 */
export function tableOf<O extends object>(
  declared: Declared<O>,
  known: Ranges = {},
): { defaults: O; ranges: Ranges } {
  const entries = Object.entries(declared)
  const standard = ([name, option]: [string, unknown]) => [
    name,
    option instanceof Option ? option.standard : option,
  ]
  const range = ([name, option]: [string, unknown]) => [
    name,
    option instanceof Option ? option.range : (known[name] ?? core[name] ?? rangeLike(option)),
  ]
  return {
    defaults: Object.fromEntries(entries.map(standard)) as O,
    ranges: Object.fromEntries(entries.map(range)),
  }
}

/** Who asks for options. */
export interface Asker {
  /** Its name in messages. */
  readonly what: string
  /** The package that it is of; default: core. */
  readonly place?: string
  /** Whether numbers may follow the steps, as those of an algorithm may. */
  readonly follows?: boolean
  /** The code of the error about a name that is not declared; default: unknown-option. */
  readonly unknown?: FreestepErrorCode
}

/**
 * Refuses what is no set of options, a name that is not declared, and a value that the option
 * cannot take.
 */
export function checkOptions(asker: Asker, ranges: Ranges, settings: unknown): void {
  const { what, place = 'core', follows = false, unknown = 'unknown-option' } = asker
  const refuse = (code: FreestepErrorCode, message: string) =>
    new FreestepError(place, code, message)
  if (!isRecord(settings))
    throw refuse(
      'bad-option',
      `${what} takes options by name, such as ${exampleOf(ranges)}. It got ${kindOf(settings)}.`,
    )
  for (const [name, value] of Object.entries(settings)) {
    if (value === undefined) continue
    const range = Object.hasOwn(ranges, name) ? ranges[name] : undefined
    if (!range)
      throw refuse(
        unknown,
        `${what} has no option "${name}".${suggest(name, Object.keys(ranges)) || ' It has none.'}`,
      )
    if (!(range.holds(value) || (follows && range.follows && isSchedule(value))))
      throw refuse(
        'bad-option',
        `${what}: option ${name} is ${kindOf(value)}. Give ${range.says}.${outside(value) ? bounds : ''}`,
      )
  }
}

/** Whether a value is a set of options: an object, and nothing else that happens to be one. */
const isRecord = (value: unknown): value is object =>
  typeof value === 'object' &&
  Object.prototype.toString.call(value) === '[object Object]' &&
  !isAlgorithm(value)

/** Whether a value is an algorithm with its options. */
export const isAlgorithm = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  'step' in value &&
  'state' in value &&
  'options' in value

/** A function of k; a factory that was not called is none. */
const isSchedule = (value: unknown) => typeof value === 'function' && !('algorithm' in value)

const exampleOf = (ranges: Ranges) => `{ ${Object.keys(ranges)[0] ?? ''}: … }`

/**
 * The options of something that declares them: those given, and else the defaults.
 *
 * @throws FreestepError `unknown-option` or `bad-option`, which names the option and says what it
 * may be
 */
export function chooseOptions<O extends object>(
  asker: Asker,
  declared: Declared<O>,
  settings: unknown = {},
): O {
  const { defaults, ranges } = tableOf(declared)
  checkOptions(asker, ranges, settings)
  const given = Object.entries(settings as object).filter(([, value]) => value !== undefined)
  const missing = Object.keys(ranges).find(
    (name) => ranges[name].needed && !given.some(([other]) => other === name),
  )
  if (missing === undefined) return { ...defaults, ...Object.fromEntries(given) }
  throw new FreestepError(
    asker.place ?? 'core',
    'bad-option',
    `${asker.what}: option ${missing} is missing. Give ${ranges[missing].says}.`,
  )
}

/** The defaults overlaid with what was given; undefined is as if left out. */
export const overlaid = <O extends object>(defaults: O, settings: object): O => ({
  ...defaults,
  ...Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)),
})

/** The value of a schedule at step k, held to the range of its option. */
export function scheduled(
  name: string,
  range: Range,
  schedule: (k: number) => number,
  k: number,
): number {
  const value = schedule(k)
  if (range.holds(value)) return value
  throw new FreestepError(
    'core',
    'bad-option',
    `The schedule of ${name} gave ${kindOf(value)} at step ${k}. It must return ${range.says}.${outside(value) ? bounds : ''}`,
  )
}
