/**
 * A program: one algorithm with its options resolved for given parameters, as pure functions over
 * named values. It adds what core does around every algorithm: x += u, moved += u where it is
 * mentioned, and that tensors which sit a step out stay in its sums. What a backend runs, eagerly
 * or after compiling. Not tied to memory: the same functions run on tensors, on graph nodes, and in
 * check.ts and absences.ts, which vet them first.
 */
import { active, checkFirstValues, firstHidden, hiddenStates, stepOf } from './absences.ts'
import type { Algorithm, State } from './algorithm.ts'
import { type Checked, check, checkGroups } from './check.ts'
import { type HyperFrom, type Resolved, resolve } from './groups.ts'
import { inputsOf } from './inputs.ts'
import { add, slice, where } from './ops.ts'
import { attend, bare } from './present.ts'
import type { TensorInfo } from './tensor.ts'
import type { Uniform } from './uniforms.ts'
import type { Expr, Scope, Values } from './value.ts'

/** What a backend gets to run. */
export interface Program {
  /** The algorithm's name. */
  readonly name: string
  readonly tensors: readonly TensorInfo[]
  /**
   * The scope of every state, `moved` included where it is used, and those of
   * {@link Program.hidden}.
   */
  readonly states: Readonly<Record<string, Scope>>
  /**
   * The states that core keeps, one number per tensor, for tensors that sit a step out: `sum.0`,
   * `sum.1`, … what each tensor has contributed to a sum last, `decay.s` what a state will be
   * multiplied by when its tensor returns. A checkpoint may be without them.
   */
  readonly hidden: readonly string[]
  /** The states that are kept divided by an option, and by which; see {@link State}. */
  readonly dividedBy: Readonly<Record<string, string>>
  /**
   * Numbers that come with every step: option values that change from step to step or differ
   * between parameters, and `active`, 1 for a tensor that takes part in the step and 0 for one that
   * sits it out.
   */
  readonly uniforms: Readonly<Record<string, Uniform>>
  /** Whether the step takes the loss. */
  readonly usesLoss: boolean
  /**
   * Per parameter, which coordinates a sliced value keeps (every p-th); undefined where nothing is
   * sliced.
   */
  readonly strides: readonly number[] | undefined
  /**
   * Whether each parameter is frozen, its lr being the number 0: it does not move, and nothing kept
   * about it changes.
   */
  readonly frozen: readonly boolean[]
  /**
   * The states before the first step, from `x` and those uniforms that are the same at every step.
   */
  init(values: Values): Record<string, Expr>
  /**
   * From `x`, `g`, states, uniforms (and `loss`): the next `x` and the states that change. A number
   * per tensor is computed for every tensor; what is per coordinate, only for those that take part,
   * and its sum over a tensor that sits out is taken to be 0. Without `active` among the values all
   * tensors take part, which makes a shorter step of the same numbers.
   */
  step(values: Values): Record<string, Expr>
  /**
   * The point to evaluate at, from `x`, the states and uniforms that are the same at every step;
   * undefined where that is x.
   */
  readonly evaluate: ((values: Values) => Expr) | undefined
}

/** What {@link createProgram} may be told. */
export interface ProgramOptions {
  /**
   * False where every tensor takes part in every step: nothing is kept for those that do not.
   * Default: true.
   */
  readonly absences?: boolean
}

/**
 * Prepares an algorithm for parameters with the given options each, and checks that its functions
 * keep the contract.
 */
export function createProgram(
  algorithm: Algorithm,
  tensors: readonly TensorInfo[],
  options: readonly Record<string, unknown>[],
  { absences = true }: ProgramOptions = {},
): Program {
  const resolved = resolve(algorithm, options)
  const h: HyperFrom = (values) => resolved.hyper((name) => values[name])
  const p = tensors.reduce((sum, { size }) => sum + size, 0)
  const { states, usesLoss } = checked(algorithm, resolved, h, p)
  const { hidden, dividedBy } = hiddenStates(algorithm, resolved, { h, p, states, absences })
  const presence: Uniform = {
    scope: 'tensor',
    fixed: undefined,
    at: (_moment, taking) => taking.map(Number),
  }

  return {
    name: algorithm.name,
    tensors,
    states: { ...states, ...Object.fromEntries(hidden.map((name) => [name, 'tensor' as const])) },
    hidden,
    dividedBy,
    uniforms: { ...resolved.uniforms, ...(absences && { [active]: presence }) },
    usesLoss,
    strides: resolved.strides,
    frozen: resolved.frozen,
    init(values) {
      // As in a step, a sum over all is that of the sums over each tensor.
      const { watch } = attend(1, undefined)
      const watched = Object.fromEntries(
        Object.entries(values).map(([name, value]) => [
          name,
          watch(value, { rest: 1, settled: true }),
        ]),
      )
      const first = ([name, { init }]: [string, State]) => [
        name,
        bare(typeof init === 'function' ? init(watched.x, p) : init),
      ]
      return {
        ...('moved' in states && { moved: 0 }),
        ...Object.fromEntries(Object.entries(algorithm.state(h(watched))).map(first)),
        ...firstHidden(hidden),
      }
    },
    step(values) {
      const before = absences ? (name: string) => values[name] : undefined
      const { u, next, hidden } = stepOf(algorithm, h(values), inputsOf(values, p), { before, h })
      const taking = values[active] ?? 1
      // What each tensor has for itself waits with it.
      const waiting = Object.entries(next).map(([name, value]) => [
        name,
        states[name] === 'tensor' ? where(taking, value, values[name]) : value,
      ])
      const moved = 'moved' in states && { moved: add(values.moved, slice(u)) }
      return { x: add(values.x, u), ...moved, ...Object.fromEntries(waiting), ...hidden }
    },
    evaluate: evaluation(algorithm, h, p),
  }
}

/** The point to evaluate at, of an algorithm that says one. */
function evaluation(algorithm: Algorithm, h: HyperFrom, p: number): Program['evaluate'] {
  const { evaluate } = algorithm
  return evaluate && ((values) => evaluate.call(algorithm, inputsOf(values, p), h(values)))
}

/** The check of check.ts; where options are what is wrong, it is these that are named. */
function checked(algorithm: Algorithm, resolved: Resolved, h: HyperFrom, p: number): Checked {
  try {
    return checkGroups(algorithm.name, resolved, (uniforms) =>
      check(algorithm, { uniforms, strides: resolved.strides }, h, p),
    )
  } catch (error) {
    checkFirstValues(algorithm, resolved, h)
    throw error
  }
}
