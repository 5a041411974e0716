/**
 * Options: what an algorithm, a wrapper, a schedule or a backend lets one choose. Each is declared
 * once, with its default and its range,
 *
 *     const defaults: Declared<SgdOptions> = { lr: nonNegative(1e-3), momentum: fraction(0), nesterov: false }
 *
 * Who declares options stands in the file that has them; what a range is, stands here; how that
 * which is given is held to it, in settings.ts.
 */

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
/** Whether a value is a number that float32 cannot reckon with. */
export const outside = (value: unknown) =>
  Number.isFinite(value) &&
  value !== 0 &&
  !(Math.abs(value as number) >= least && Math.abs(value as number) <= most)
/** What to say of one. */
export const bounds =
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
