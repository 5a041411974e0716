/**
 * Options as they are given: held to what is declared (options.ts), by name, type and range, and
 * completed by the defaults. How a value that is none is refused, stands here.
 */
import { FreestepError, type FreestepErrorCode, kindOf, suggest } from './errors.ts'
import {
  bounds,
  type Declared,
  finite,
  fixed,
  integer,
  list,
  nonNegative,
  numbers,
  Option,
  orNull,
  outside,
  type Range,
  type Ranges,
} from './options.ts'

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
  const holds = (range: Range, value: unknown) =>
    range.holds(value) || (follows && range.follows && isSchedule(value))
  for (const [name, value] of Object.entries(settings)) {
    if (value === undefined) continue
    const range = Object.hasOwn(ranges, name) ? ranges[name] : undefined
    if (!range)
      throw refuse(
        unknown,
        `${what} has no option "${name}".${suggest(name, Object.keys(ranges)) || ' It has none.'}`,
      )
    if (!holds(range, value))
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
