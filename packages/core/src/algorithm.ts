/**
 * The contract of an algorithm: data plus pure functions over values, written as if all parameters
 * were one vector of R^p. Not an optimizer: it owns no memory and never runs anything.
 * `createOptimizer` gives it parameters and a backend.
 */
import { FreestepError } from './errors.ts'
import type { Declared, Ranges } from './options.ts'
import { checkOptions, overlaid, tableOf } from './settings.ts'
import type { Expr, Scope, Value } from './value.ts'

/** A number, or how it follows the steps: called with k = 0, 1, 2, … once per step. */
export type Schedule = (k: number) => number

/**
 * The first value of a state: a number for every coordinate, or a function of the parameters in the
 * ops, and of their number of coordinates (`(x) => x` keeps a copy of them,
 * `(x, p) => div(norm2(x), Math.sqrt(p))` the size of one).
 */
export type Init = Expr | ((x: Value, p: number) => Expr)

/** One quantity that an algorithm keeps from step to step. */
export interface State {
  readonly scope: Scope
  readonly init: Init
  /**
   * What multiplies all of it at every step, as β₃ does s, where it is to be so too at a step that
   * its tensor sits out: what is behind an estimate goes with the sums it is divided by. Left out:
   * it waits.
   */
  readonly decay?: Expr
  /** The option it is divided by: with another value of it, what is loaded is rescaled. */
  readonly dividedBy?: string
}

/**
 * A state with one number per coordinate, 0 at first unless told otherwise; see {@link State} for
 * `decay`.
 */
export const element = (init: Init = 0, decay?: Expr): State => ({
  scope: 'element',
  init,
  ...(decay !== undefined && { decay }),
})
/** A state with one number per kept coordinate; see the option `sliceP`. */
export const sliced = (init: Init = 0, decay?: Expr): State => ({
  ...element(init, decay),
  scope: 'slice',
})
/** A state with one number per parameter tensor. */
export const perTensor = (init: Init = 0): State => ({ scope: 'tensor', init })
/** A state that is a single number. */
export const scalar = (init: Init = 0): State => ({ scope: 'global', init })

/** A single number where the option is the same for all parameters, else one for each. */
export const scalarLike = (option: Expr, init: Init = 0): State =>
  typeof option !== 'number' && option.scope === 'tensor' ? perTensor(init) : scalar(init)

/** A state that is kept divided by an option, as Prodigy's s by d0: the option is its unit. */
export const dividedBy = (option: string, state: State): State => ({ ...state, dividedBy: option })

/** The states of an algorithm by the paper's symbols. */
export type States = Readonly<Record<string, State>>

/**
 * The options as an algorithm sees them: a number stays a number while it is the same for all
 * parameters and all steps, so that `if (h.weightDecay === 0)` shapes the step; otherwise it is a
 * value (a schedule, or different in parameter groups).
 */
export type Hyper<O> = { readonly [K in keyof O]: HyperOf<O[K]> }
type HyperOf<T> = T extends number
  ? Expr
  : T extends readonly number[]
    ? { readonly [I in keyof T]: Expr }
    : T

/**
 * An option that has to be one plain number: neither a schedule nor different in parameter groups.
 */
export function plain(name: string, option: Expr): number {
  if (typeof option === 'number') return option
  throw new FreestepError(
    'core',
    'bad-option',
    `Option ${name} must be one number for all parameters and steps.`,
  )
}

/**
 * The options as a user gives them: each may be left out, each number may be a {@link Schedule}.
 */
export type Settings<O> = {
  readonly [K in keyof O]?: O[K] | (number extends O[K] ? Schedule : never)
}

/** What core hands to every step. */
export interface Inputs {
  /** The parameters. */
  readonly x: Value
  /** Their gradient (or a subgradient). */
  readonly g: Value
  /**
   * x − x₀, accumulated by core from the updates and not recomputed from rounded parameters; kept
   * only if it is used.
   */
  readonly moved: Value
  /** The value of the objective, given by the caller; required of them only if it is used. */
  readonly loss: Value
  /** p, the number of coordinates of x: a plain number. A state of that name takes its place. */
  readonly p: number
}

/**
 * What a step returns: the update u (core does x += u), and the next value of every state that
 * changes.
 */
export type Outputs<S extends States> = { readonly u: Expr } & { readonly [K in keyof S]?: Expr }

/** The values of the states. */
export type ValuesOf<S extends States> = { readonly [K in keyof S]-?: Value }

/** What a point to evaluate at is made of, whatever states there are by name. */
export type AnyPoint = Pick<Inputs, 'x' | 'moved' | 'p'> & Readonly<Record<string, Expr>>

/** The values of any algorithm: its inputs, and whatever states it has by name. */
export type AnyValues = Inputs & AnyPoint

/** The definition of an algorithm, before options are chosen. */
export interface Definition<O extends object, S extends States> {
  /** The name of its factory, as in the error messages and checkpoints. */
  readonly name: string
  /**
   * Every option with its default, and with its range where that is not all of its type:
   * `{ lr: nonNegative(1), nesterov: false }`.
   */
  readonly defaults: Declared<O>
  /**
   * The ranges of options by name, for defaults that are given plain: those of the definition that
   * this one was made from.
   */
  readonly ranges?: Ranges
  /** Which values it keeps, given its options. */
  state(h: Hyper<O>): S
  /**
   * One step: from the values now to the update and the values next. Reads nothing back, branches
   * only on options.
   */
  step(values: Inputs & ValuesOf<S>, h: Hyper<O>): Outputs<S>
  /** The point to evaluate the model at, where it is not x itself. */
  evaluate?(values: Pick<Inputs, 'x' | 'moved' | 'p'> & ValuesOf<S>, h: Hyper<O>): Expr
}

/**
 * The functions of a definition, see {@link Definition}, where nobody needs to know any more which
 * states it has: it gets values by name.
 */
export interface Functions<O extends object> {
  readonly name: string
  state(h: Hyper<O>): States
  step(values: AnyValues, h: Hyper<O>): Outputs<States>
  evaluate?(values: AnyPoint, h: Hyper<O>): Expr
}

/** A definition whose table of options is taken apart. */
export interface Defined<O extends object> extends Functions<O> {
  /** Every option with its default. */
  readonly defaults: O
  /** Every option with what it may be. */
  readonly ranges: Ranges
}

/** An algorithm with its options: what `createOptimizer` takes and wrappers return. */
export interface Algorithm<O extends object = object> extends Defined<O> {
  /** The defaults overlaid with what the user gave. */
  readonly options: { readonly [K in keyof O]: O[K] | Schedule }
  /** For an algorithm made by a wrapper: which, with what, around what. */
  readonly wrapper?: {
    readonly name: string
    readonly options: Readonly<Record<string, unknown>>
    readonly inner: Algorithm
  }
}

/** The options of an algorithm. */
export type OptionsOf<A> = A extends { readonly defaults: infer O extends object } ? O : never

/** A factory of algorithms: `prodigy({ weightDecay: 0.1 })`. */
export interface AlgorithmFactory<O extends object> {
  (settings?: Settings<O>): Algorithm<O>
  /** What it was made from, to make others of. */
  readonly algorithm: Defined<O>
}

/**
 * Makes the factory of an algorithm. Unknown options and impossible values are refused with a
 * {@link FreestepError} when the factory is called.
 */
export function defineAlgorithm<O extends object, S extends States>(
  definition: Definition<O, S>,
): AlgorithmFactory<O> {
  const { defaults, ranges } = tableOf(definition.defaults, definition.ranges)
  const functions: Functions<O> = definition
  const algorithm: Defined<O> = { ...functions, defaults, ranges }
  const factory = (settings: Settings<O> = {}): Algorithm<O> => {
    checkOptions({ what: definition.name, follows: true }, ranges, settings)
    return { ...algorithm, options: overlaid<Algorithm<O>['options']>(defaults, settings) }
  }
  return Object.assign(factory, { algorithm })
}
