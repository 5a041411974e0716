/**
 * A program: one algorithm with its options resolved for given parameters, as pure functions over named values. It adds what core does
 * around every algorithm: x += u, and moved += u where it is mentioned. What a backend runs, eagerly or after compiling.
 * Not tied to memory: the same functions run on tensors, on graph nodes, and on the scope checker below, which vets them first.
 */
import type { Algorithm, Hyper, State } from './algorithm.ts'
import { FreestepError } from './errors.ts'
import { type Resolved, resolve, type TensorInfo, type Uniform } from './groups.ts'
import { add, slice } from './ops.ts'
import type { Expr, Interpreter, Scope, Value } from './value.ts'

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
  const { states, usesLoss } = check(algorithm, resolved, h)

  return {
    name: algorithm.name,
    tensors,
    states,
    uniforms: resolved.uniforms,
    usesLoss,
    strides: resolved.strides,
    frozen: resolved.frozen,
    init(values) {
      const first = ([name, { init }]: [string, State]) => [name, typeof init === 'function' ? init(values.x) : init]
      return {
        ...('moved' in states && { moved: 0 }),
        ...Object.fromEntries(Object.entries(algorithm.state(h(values))).map(first)),
      }
    },
    step(values) {
      const { u, ...next } = algorithm.step(values as never, h(values)) as { u: Expr } & Record<string, Expr>
      const moved = values.moved && { moved: add(values.moved, slice(u)) }
      return { x: add(values.x, u), ...moved, ...next }
    },
    evaluate: algorithm.evaluate && ((values) => algorithm.evaluate?.(values as never, h(values)) as Expr),
  }
}

/** The scope checker: an interpreter whose values are nothing but a scope. */
function checker(sliced: boolean): { interpreter: Interpreter; value: (scope: Scope) => Value } {
  const interpreter: Interpreter = {
    apply: (_op, _args, scope) => value(scope),
    sum: (_a, to) => value(to),
    slice: (a) => (sliced ? value('slice') : a),
  }
  const value = (scope: Scope): Value => ({ scope: scope === 'slice' && !sliced ? 'element' : scope, in: interpreter })
  return { interpreter, value }
}

/** Runs the algorithm's functions once on scopes alone: what they use, and whether what they return fits what they declare. */
function check(algorithm: Algorithm, { uniforms, strides }: Resolved, h: (values: Values) => Hyper<object>) {
  const { value } = checker(strides !== undefined)
  const scopes = Object.fromEntries(Object.entries(uniforms).map(([name, { scope }]) => [name, value(scope)]))
  const declared = algorithm.state(h(scopes))
  const states = Object.fromEntries(Object.entries(declared).map(([name, { scope }]) => [name, value(scope).scope]))

  const used = new Set<string>()
  const noting = (name: string, scope: Scope) => ({
    enumerable: true,
    get() {
      used.add(name)
      return value(scope)
    },
  })
  const inputs = Object.defineProperties(
    { x: value('element'), g: value('element'), ...scopes },
    { moved: noting('moved', 'slice'), loss: noting('loss', 'global') },
  )
  const stateValues = Object.fromEntries(Object.entries(states).map(([name, scope]) => [name, value(scope)]))
  const values = Object.defineProperties(inputs, Object.getOwnPropertyDescriptors(stateValues)) as unknown as Values

  const expectScope = (what: string, expr: Expr | undefined, scope: Scope) => {
    if (expr === undefined) throw refuse(`${what} is undefined. Return a value or leave the name out.`)
    if (typeof expr === 'number' || expr.scope === scope) return
    throw refuse(
      `${what} has scope ${expr.scope} where ${scope} is declared. Declare it so, or sum it; if an option differs between groups here, ` +
        'give all groups one value or use splitGroups.',
    )
  }
  const refuse = (message: string) => new FreestepError('core', 'bad-algorithm', `${algorithm.name}: ${message}`)

  for (const [name, { init }] of Object.entries(declared))
    expectScope(`the first value of ${name}`, typeof init === 'function' ? init(values.x) : init, states[name])
  const { u, ...next } = algorithm.step(values as never, h(values)) as { u: Expr } & Record<string, Expr>
  if (u === undefined) throw refuse('the step returned no u. Return the update as u.')
  if (typeof u !== 'number' && u.scope === 'slice') throw refuse('u is sliced. Return an update for every coordinate.')
  for (const [name, expr] of Object.entries(next)) {
    if (!Object.hasOwn(states, name)) throw refuse(`the step returned ${name}, which is no state. Declare it in state().`)
    expectScope(`the next value of ${name}`, expr, states[name])
  }
  if (algorithm.evaluate) algorithm.evaluate(values as never, h(values))
  return { states: { ...(used.has('moved') && { moved: value('slice').scope }), ...states }, usesLoss: used.has('loss') }
}
