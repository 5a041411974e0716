/**
 * A program: one algorithm with its options resolved for given parameters, as pure functions over named values. It adds what core does
 * around every algorithm: x += u, and moved += u where it is mentioned. What a backend runs, eagerly or after compiling.
 * Not tied to memory: the same functions run on tensors, on graph nodes, and in check.ts, which vets them first.
 */
import type { Algorithm, Hyper, State } from './algorithm.ts'
import { check, checkGroups } from './check.ts'
import { resolve, type TensorInfo, type Uniform } from './groups.ts'
import { add, slice } from './ops.ts'
import type { Expr, Scope, Value } from './value.ts'
import { withInputs } from './wrappers/wrap.ts'

/** Values by name: `x`, `g`, `loss`, every state, every uniform. */
export type Values = Readonly<Record<string, Value>>

/** What a backend gets to run. */
export interface Program {
  /** The algorithm's name. */
  readonly name: string
  readonly tensors: readonly TensorInfo[]
  /** The scope of every state, `moved` included where it is used. */
  readonly states: Readonly<Record<string, Scope>>
  /** Numbers that come with every step: option values that change from step to step or differ between parameters. */
  readonly uniforms: Readonly<Record<string, Uniform>>
  /** Whether the step takes the loss. */
  readonly usesLoss: boolean
  /** Per parameter, which coordinates a sliced value keeps (every p-th); undefined where nothing is sliced. */
  readonly strides: readonly number[] | undefined
  /** Whether each parameter is frozen at step k: it does not move, and nothing kept about it changes. */
  frozen(k: number): readonly boolean[]
  /** The states before the first step, from `x` and the uniforms at k = 0. */
  init(values: Values): Record<string, Expr>
  /** From `x`, `g`, states, uniforms (and `loss`): the next `x` and the states that change. */
  step(values: Values): Record<string, Expr>
  /** The point to evaluate at, from `x` and the states; undefined where that is x. */
  readonly evaluate: ((values: Values) => Expr) | undefined
}

/** Prepares an algorithm for parameters with the given options each, and checks that its functions keep the contract. */
export function createProgram(
  algorithm: Algorithm,
  tensors: readonly TensorInfo[],
  options: readonly Record<string, unknown>[],
): Program {
  const resolved = resolve(algorithm, options)
  const h = (values: Values): Hyper<object> => resolved.hyper((name) => values[name])
  const p = tensors.reduce((sum, { size }) => sum + size, 0)
  const { states, usesLoss } = checkGroups(algorithm.name, resolved, (uniforms) =>
    check(algorithm, { uniforms, strides: resolved.strides }, h, p),
  )

  return {
    name: algorithm.name,
    tensors,
    states,
    uniforms: resolved.uniforms,
    usesLoss,
    strides: resolved.strides,
    frozen: resolved.frozen,
    init(values) {
      const first = ([name, { init }]: [string, State]) => [name, typeof init === 'function' ? init(values.x, p) : init]
      return {
        ...('moved' in states && { moved: 0 }),
        ...Object.fromEntries(Object.entries(algorithm.state(h(values))).map(first)),
      }
    },
    step(values) {
      const { u, ...next } = algorithm.step(withInputs({ p }, values) as never, h(values)) as { u: Expr } & Record<string, Expr>
      const moved = values.moved && { moved: add(values.moved, slice(u)) }
      return { x: add(values.x, u), ...moved, ...next }
    },
    evaluate: algorithm.evaluate && ((values) => algorithm.evaluate?.(withInputs({ p }, values) as never, h(values)) as Expr),
  }
}
