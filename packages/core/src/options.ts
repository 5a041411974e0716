/**
 * What an option may be. Options mean the same in every algorithm, so their ranges stand here once, by name.
 * Not the defaults: those are in the file of each algorithm.
 */
import { FreestepError, suggest } from './errors.ts'

interface Range {
  readonly says: string
  readonly holds: (value: number) => boolean
}
const finite: Range = { says: 'a finite number', holds: Number.isFinite }
const nonNegative: Range = { says: 'a finite number ≥ 0', holds: (v) => v >= 0 && v < Infinity }
const positive: Range = { says: 'a finite number > 0', holds: (v) => v > 0 && v < Infinity }
const limit: Range = { says: 'a number > 0 (Infinity for no limit)', holds: (v) => v > 0 }
const fraction: Range = { says: 'a number in [0, 1)', holds: (v) => v >= 0 && v < 1 }
const natural: Range = { says: 'an integer ≥ 0', holds: (v) => Number.isInteger(v) && v >= 0 }
const count: Range = { says: 'an integer ≥ 1', holds: (v) => Number.isInteger(v) && v >= 1 }
const anyNumber: Range = { says: 'a number', holds: (v) => !Number.isNaN(v) }

const ranges: Readonly<Record<string, Range>> = {
  ...{ lr: nonNegative, eps: nonNegative, weightDecay: nonNegative, weightDecayAtY: nonNegative, lrDecay: nonNegative },
  ...{ gamma: nonNegative, G: nonNegative, initialAccumulatorValue: nonNegative },
  ...{ betas: fraction, beta: fraction, beta3: fraction, momentum: fraction, dampening: fraction },
  ...{ d0: positive, dCoef: positive, D: positive, initEta: positive, repsRel: positive, layerScale: positive, sInit: positive },
  ...{
    alpha: positive,
    c: positive,
    p: positive,
    q: positive,
    initStepSize: positive,
    nBatchesPerEpoch: positive,
    max: positive,
  },
  ...{ dLimit: limit, lrMax: limit, etaMax: limit },
  ...{ fOpt: finite, fstar: finite, lb: finite, lrMin: finite },
  ...{ sliceP: count, numBetas: count, weightLrPower: natural, r: natural },
  growthRate: { says: 'a number ≥ 1 (Infinity for no limit)', holds: (v) => v >= 1 },
  adaptSteps: { says: 'an integer ≥ 0 (Infinity for no end)', holds: (v) => v === Infinity || natural.holds(v) },
}

const choices: Readonly<Record<string, readonly string[]>> = {
  compat: ['paper', 'prodigyopt'],
  form: ['v3', 'preprint'],
  option: ['I', 'II'],
  adaptFlag: ['smooth_iter', 'constant'],
}

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
  const allowed = choices[name]
  if (allowed) return allowed.includes(value as string) ? undefined : `one of "${allowed.join('", "')}"`
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
