/**
 * What an option may be. Options mean the same in every algorithm, so their ranges stand here once, by name.
 * Not the defaults: those are in the file of each algorithm.
 */
import { FreestepError, suggest } from './errors.ts'

interface Range {
  readonly says: string
  readonly holds: (value: number) => boolean
}
const nonNegative: Range = { says: 'a finite number ≥ 0', holds: (v) => v >= 0 && v < Infinity }
const positive: Range = { says: 'a finite number > 0', holds: (v) => v > 0 && v < Infinity }
const fraction: Range = { says: 'a number in [0, 1)', holds: (v) => v >= 0 && v < 1 }

const ranges: Readonly<Record<string, Range>> = {
  lr: nonNegative,
  eps: nonNegative,
  weightDecay: nonNegative,
  betas: fraction,
  beta3: fraction,
  momentum: fraction,
  d0: positive,
  dCoef: positive,
  initEta: positive,
  repsRel: positive,
  layerScale: positive,
  growthRate: { says: 'a number ≥ 1 (Infinity for no limit)', holds: (v) => v >= 1 },
  sliceP: { says: 'an integer ≥ 1', holds: (v) => Number.isInteger(v) && v >= 1 },
}
const anyNumber: Range = { says: 'a number', holds: (v) => !Number.isNaN(v) }

/** Refuses a name that the algorithm does not have, and a value that the option cannot take. */
export function checkOptions(algorithm: string, defaults: object, settings: object): void {
  for (const [name, value] of Object.entries(settings)) {
    if (value === undefined) continue
    if (!Object.hasOwn(defaults, name))
      throw new FreestepError(
        'core',
        'unknown-option',
        `${algorithm} has no option "${name}".${suggest(name, Object.keys(defaults))}`,
      )
    checkValue(`${algorithm}: option ${name}`, name, (defaults as Record<string, unknown>)[name], value)
  }
}

function checkValue(what: string, name: string, standard: unknown, value: unknown): void {
  const needed = misfit(name, standard, value)
  if (needed) throw new FreestepError('core', 'bad-option', `${what} is ${show(value)}. Give ${needed}.`)
}

/** What the option needs instead of this value; undefined if it may be so. */
function misfit(name: string, standard: unknown, value: unknown): string | undefined {
  const range = ranges[name] ?? anyNumber
  const fits = (part: unknown) => typeof part === 'number' && range.holds(part)
  if (Array.isArray(standard)) {
    const good = Array.isArray(value) && value.length === standard.length && value.every(fits)
    return good ? undefined : `${standard.length} numbers, each ${range.says}`
  }
  if (typeof standard === 'number' || standard === null) {
    if (fits(value) || (value === null && standard === null)) return undefined
    const fixed = standard === null || name === 'sliceP' || name === 'd0'
    return typeof value === 'function' && !fixed ? undefined : range.says
  }
  return typeof value === typeof standard ? undefined : `a ${typeof standard}`
}

/** The value of a schedule at step k, held to the range of its option. */
export function scheduled(name: string, schedule: (k: number) => number, k: number): number {
  const value = schedule(k)
  const range = ranges[name] ?? anyNumber
  if (typeof value === 'number' && range.holds(value)) return value
  throw new FreestepError(
    'core',
    'bad-option',
    `The schedule of ${name} gave ${show(value)} at step ${k}. It must return ${range.says}.`,
  )
}

const show = (value: unknown) => (typeof value === 'function' ? 'a function' : (JSON.stringify(value) ?? String(value)))
