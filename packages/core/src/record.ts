/**
 * The options of a run as a checkpoint records them: JSON that a reader of the file understands,
 * and that `load` compares with the optimizer's own. Not a way to make the algorithm again: a
 * function is written as "a function", unless it is a schedule of freestep.
 *
 *     { "lr": 1, "d0": 1e-6, …, "averaged(prodigy)": { "gamma": 8 }, "parameters": { "bias": { "weightDecay": 0 } } }
 *
 * First the algorithm's own options, then those of each wrapper by the name that the algorithm has
 * with it, then what groups say of single parameters; with `splitGroups` also the `parts`, the
 * names of each.
 */
import type { Algorithm } from './algorithm.ts'
import { FreestepError } from './errors.ts'

type Options = Readonly<Record<string, unknown>>

/** Whose options: the algorithm, every parameter with its own, and which parameters make a part. */
export interface Recorded {
  readonly algorithm: Algorithm
  readonly parameters: readonly { readonly name: string; readonly options: Options }[]
  readonly parts: readonly (readonly string[])[]
}

/**
 * What the next steps may have otherwise than those that made the states: the step size, and the
 * limits set to it. Every other option says what the numbers of some state are.
 */
const free = new Set([
  'lr',
  'growthRate',
  'dLimit',
  'adaptSteps',
  'lrMin',
  'lrMax',
  'etaMax',
  'max',
])

const text = (value: unknown): string =>
  JSON.stringify(value, (_key, each: unknown) => {
    if (typeof each === 'function') return 'a function'
    return typeof each === 'number' && !Number.isFinite(each) ? String(each) : each
  })

function algorithmOptions({ name, options, wrapper }: Algorithm): Options {
  return wrapper ? { ...algorithmOptions(wrapper.inner), [name]: wrapper.options } : { ...options }
}

/** An algorithm's options as JSON, those of its wrappers included. */
export const optionsText = (algorithm: Algorithm): string => text(algorithmOptions(algorithm))

/** All options of a run as JSON. */
export function recordText({ algorithm, parameters, parts }: Recorded): string {
  const common = algorithm.options as Options
  const own = parameters.flatMap(({ name, options }): [string, Options][] => {
    const others = Object.entries(options).filter(
      ([option, value]) => !Object.is(value, common[option]),
    )
    return others.length ? [[name, Object.fromEntries(others)]] : []
  })
  const record = { ...algorithmOptions(algorithm), parameters: Object.fromEntries(own) }
  return text(parts.length > 1 ? { ...record, parts } : record)
}

/** The options in a checkpoint; of files that say less, what they say. */
export class SavedOptions {
  private readonly all: Options
  /**
   * What groups said of parameters; undefined where that was not written down, as by others or
   * before it was.
   */
  private readonly own: Options | undefined

  /** @throws FreestepError `bad-checkpoint` if it is not the text of a record */
  constructor(json: string) {
    const record = parsed(json)
    if (!record)
      throw refuse(
        'The options of the checkpoint are no JSON record. Give one that save() or fromSafetensors made.',
      )
    this.all = record
    this.own = isRecord(record.parameters) ? record.parameters : undefined
  }

  /** An option of a parameter; undefined where the file does not say. */
  option(name: string, parameter: string): unknown {
    const own = this.own && Object.hasOwn(this.own, parameter) ? this.own[parameter] : undefined
    return isRecord(own) && Object.hasOwn(own, name) ? own[name] : entry(this.all, name)
  }

  /**
   * Refuses where parameters were parted otherwise, so that a number of a part would be another
   * one's.
   */
  checkParts(parts: Recorded['parts']): void {
    const saved = this.all.parts
    if (!Array.isArray(saved) || parts.length < 2) return
    const sorted = (lists: readonly unknown[]) =>
      lists.map((names) => (Array.isArray(names) ? [...names].sort() : names))
    if (text(sorted(saved)) === text(sorted(parts))) return
    throw refuse(
      'The checkpoint was made with splitGroups and other groups. Create the optimizer with those it was made with.',
    )
  }

  /** Refuses where an option that says what states are is another here. */
  check({ algorithm, parameters }: Recorded): void {
    const common = algorithm.options as Options
    if (!this.own) compare(common, (name) => entry(this.all, name))
    else
      for (const { name: parameter, options } of parameters)
        compare(options, (name) => this.option(name, parameter), ` for ${parameter}`)
    for (const { name: wrapped, wrapper } of wrappersOf(algorithm)) {
      const saved = entry(this.all, wrapped)
      if (wrapper && isRecord(saved))
        compare(wrapper.options, (name) => entry(saved, name), ` in ${wrapped}`)
    }
  }
}

/** Refuses the first of our options that was saved otherwise. */
function compare(ours: Options, savedOf: (name: string) => unknown, where = ''): void {
  for (const [name, value] of Object.entries(ours)) {
    const saved = savedOf(name)
    if (free.has(name) || saved === undefined || same(saved, JSON.parse(text(value)))) continue
    throw refuse(
      `The checkpoint was made with ${name} ${text(saved)}${where}, and this optimizer has ${text(value)}. ` +
        "Create it with the same options, or call load(checkpoint, { options: 'ours' }) to go on with its own.",
    )
  }
}

/** The algorithm and every one inside it that is made by a wrapper. */
const wrappersOf = (algorithm: Algorithm): Algorithm[] =>
  algorithm.wrapper ? [algorithm, ...wrappersOf(algorithm.wrapper.inner)] : []

const refuse = (message: string) => new FreestepError('core', 'bad-checkpoint', message)

const isRecord = (value: unknown): value is Options =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const entry = (record: Options, name: string) =>
  Object.hasOwn(record, name) ? record[name] : undefined

function parsed(json: unknown): Options | undefined {
  try {
    const value: unknown = typeof json === 'string' ? JSON.parse(json) : undefined
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Whether two values of JSON are the same, in whatever order their names come. */
function same(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b
  const names = Object.keys(a)
  if (Array.isArray(a) !== Array.isArray(b) || names.length !== Object.keys(b).length) return false
  return names.every(
    (name) => Object.hasOwn(b, name) && same((a as Options)[name], (b as Options)[name]),
  )
}
