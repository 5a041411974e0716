/**
 * A program: one algorithm with its options resolved for given parameters, as pure functions over named values. It adds what core does
 * around every algorithm: x += u, moved += u where it is mentioned, and that tensors which sit a step out stay in its sums. What a backend
 * runs, eagerly or after compiling.
 * Not tied to memory: the same functions run on tensors, on graph nodes, and on the scope checker below, which vets them first.
 */
import type { Algorithm, Hyper, State, States } from './algorithm.ts'
import { FreestepError } from './errors.ts'
import { type Resolved, resolve, type TensorInfo, type Uniform } from './groups.ts'
import { add, mul, slice, where } from './ops.ts'
import { attend, bare } from './present.ts'
import type { Expr, Interpreter, Scope, Value } from './value.ts'

/** Values by name: `x`, `g`, `loss`, every state, every uniform. */
export type Values = Readonly<Record<string, Value>>

/** What a backend gets to run. */
export interface Program {
  /** The algorithm's name. */
  readonly name: string
  readonly tensors: readonly TensorInfo[]
  /** The scope of every state, `moved` included where it is used, and those of {@link Program.hidden}. */
  readonly states: Readonly<Record<string, Scope>>
  /**
   * The states that core keeps, one number per tensor, for tensors that sit a step out: `sum.0`, `sum.1`, … what each tensor has
   * contributed to a sum last, `decay.s` what a state will be multiplied by when its tensor returns. A checkpoint may be without them.
   */
  readonly hidden: readonly string[]
  /** The states that are kept divided by an option, and by which; see {@link State}. */
  readonly dividedBy: Readonly<Record<string, string>>
  /**
   * Numbers that come with every step: option values that change from step to step or differ between parameters, and `active`, 1 for a tensor
   * that takes part in the step and 0 for one that sits it out.
   */
  readonly uniforms: Readonly<Record<string, Uniform>>
  /** Whether the step takes the loss. */
  readonly usesLoss: boolean
  /** Per parameter, which coordinates a sliced value keeps (every p-th); undefined where nothing is sliced. */
  readonly strides: readonly number[] | undefined
  /** Whether each parameter is frozen, its lr being the number 0: it does not move, and nothing kept about it changes. */
  readonly frozen: readonly boolean[]
  /** The states before the first step, from `x` and those uniforms that are the same at every step. */
  init(values: Values): Record<string, Expr>
  /**
   * From `x`, `g`, states, uniforms (and `loss`): the next `x` and the states that change. A number per tensor is computed for every tensor;
   * what is per coordinate, only for those that take part, and its sum over a tensor that sits out is taken to be 0. Without `active` among
   * the values all tensors take part, which makes a shorter step of the same numbers.
   */
  step(values: Values): Record<string, Expr>
  /** The point to evaluate at, from `x`, the states and uniforms that are the same at every step; undefined where that is x. */
  readonly evaluate: ((values: Values) => Expr) | undefined
}

/** What {@link createProgram} may be told. */
export interface ProgramOptions {
  /** False where every tensor takes part in every step: nothing is kept for those that do not. Default: true. */
  readonly absences?: boolean
}

/** The uniform that says which tensors take part. */
const active = 'active'

/** Prepares an algorithm for parameters with the given options each, and checks that its functions keep the contract. */
export function createProgram(
  algorithm: Algorithm,
  tensors: readonly TensorInfo[],
  options: readonly Record<string, unknown>[],
  { absences = true }: ProgramOptions = {},
): Program {
  const resolved = resolve(algorithm.name, options)
  const h = (values: Values): Hyper<object> => resolved.hyper((name) => values[name])
  const { states, hidden, dividedBy, usesLoss } = check(algorithm, resolved, h, absences)
  const presence: Uniform = { scope: 'tensor', fixed: undefined, at: (_moment, taking) => taking.map(Number) }

  return {
    name: algorithm.name,
    tensors,
    states,
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
        Object.entries(values).map(([name, value]) => [name, watch(value, { rest: 1, settled: true })]),
      )
      const first = ([name, { init }]: [string, State]) => [name, bare(typeof init === 'function' ? init(watched.x) : init)]
      return {
        ...('moved' in states && { moved: 0 }),
        ...Object.fromEntries(Object.entries(algorithm.state(h(watched))).map(first)),
        ...Object.fromEntries(hidden.map((name) => [name, name.startsWith(decayOf('')) ? 1 : 0])),
      }
    },
    step(values) {
      const { u, next, hidden } = stepOf(algorithm, h, values, absences ? (name) => values[name] : undefined)
      const taking = values[active] ?? 1
      // What each tensor has for itself waits with it.
      const waiting = Object.entries(next).map(([name, value]) => [
        name,
        states[name] === 'tensor' ? where(taking, value, values[name]) : value,
      ])
      const moved = 'moved' in states && { moved: add(values.moved, slice(u)) }
      return { x: add(values.x, u), ...moved, ...Object.fromEntries(waiting), ...hidden }
    },
    evaluate: algorithm.evaluate && ((values) => algorithm.evaluate?.(values as never, h(values)) as Expr),
  }
}

const decayOf = (state: string) => `decay.${state}`

/** What an algorithm's step gives: the update, the next values of its own states, and of those that core keeps. */
interface Stepped {
  readonly u: Expr
  readonly next: Readonly<Record<string, Expr>>
  readonly hidden: Readonly<Record<string, Expr>>
  /** The options that some of these are divided by. */
  readonly divisors: Readonly<Record<string, string>>
}

/**
 * An algorithm's step on values of a backend, watched for tensors that sit it out; `before` gives the hidden states before the step, and is
 * left out where no tensor ever does.
 */
function stepOf(
  algorithm: Algorithm,
  h: (values: Values) => Hyper<object>,
  values: Values,
  before: ((name: string) => Value) | undefined,
): Stepped {
  const states: States = algorithm.state(h(values))
  const taking: Expr = values[active] ?? 1
  const { watch, contributions, divisors, held } = attend(taking, before)
  /** A value of the backend as the algorithm is given it. */
  const given = (name: string): Value => {
    const { scope, decay, dividedBy } = states[name] ?? {}
    const value = before && decay !== undefined ? (mul(before(decayOf(name)), values[name]) as Value) : values[name]
    return watch(value, { rest: name === 'g' ? 'nothing' : (decay ?? 1), settled: scope !== 'tensor', dividedBy })
  }
  // Looked up only when the algorithm asks, since that is what makes core keep `moved`, and callers owe the loss.
  const properties = Object.keys(values).map((name) => [name, { enumerable: true, get: () => given(name) }])
  const watched = Object.defineProperties({}, Object.fromEntries(properties)) as Values
  const { u, ...next } = algorithm.step(watched as never, h(watched)) as { u: Expr } & Record<string, Expr>
  const bared = Object.entries(next).map(([name, value]) => [name, value && bare(value)])
  const decays: Record<string, Expr> = {}
  if (before)
    for (const [name, { decay }] of Object.entries(states)) {
      if (decay === undefined) continue
      const previous = before(decayOf(name))
      decays[decayOf(name)] = where(taking, 1, held(mul(decay, previous), previous))
    }
  return { u: bare(u), next: Object.fromEntries(bared), hidden: { ...decays, ...contributions }, divisors }
}

/** A value of the scope checker: nothing but a scope, and the schedule that it depends on, if it does on one. */
interface Checked extends Value {
  readonly follows: string | undefined
}

/** The scope checker: an interpreter whose values are {@link Checked}. */
function checker(sliced: boolean): (scope: Scope, follows?: string) => Checked {
  const interpreter: Interpreter = {
    apply: (_op, args, scope) =>
      value(
        scope,
        args.map((arg) => (arg as Partial<Checked>).follows).find((name) => name !== undefined),
      ),
    sum: (a, to) => value(to, (a as Checked).follows),
    slice: (a) => (sliced ? value('slice', (a as Checked).follows) : a),
  }
  const value = (scope: Scope, follows?: string): Checked => ({
    scope: scope === 'slice' && !sliced ? 'element' : scope,
    in: interpreter,
    follows,
  })
  return value
}

/** Runs the algorithm's functions once on scopes alone: what they use, and whether what they return fits what they declare. */
function check(algorithm: Algorithm, { uniforms, strides }: Resolved, h: (values: Values) => Hyper<object>, absences: boolean) {
  const value = checker(strides !== undefined)
  const scopes = Object.fromEntries(
    Object.entries(uniforms).map(([name, { scope, fixed }]) => [name, value(scope, fixed ? undefined : name)]),
  )
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
  const expectFixed = (what: string, expr: Expr) => {
    const { follows } = expr as Partial<Checked>
    if (follows === undefined) return
    const message = `${algorithm.name}: ${what} depends on the option ${follows}, so that cannot be a schedule. Give a number.`
    throw new FreestepError('core', 'bad-option', message)
  }
  const refuse = (message: string) => new FreestepError('core', 'bad-algorithm', `${algorithm.name}: ${message}`)

  for (const [name, { init }] of Object.entries(declared)) {
    const first = typeof init === 'function' ? init(values.x) : init
    expectFixed(`the first value of ${name}`, first)
    expectScope(`the first value of ${name}`, first, states[name])
  }
  const { u, next, hidden, divisors } = stepOf(algorithm, h, values, absences ? () => value('tensor') : undefined)
  if (u === undefined) throw refuse('the step returned no u. Return the update as u.')
  if (typeof u !== 'number' && u.scope === 'slice') throw refuse('u is sliced. Return an update for every coordinate.')
  for (const [name, expr] of Object.entries(next)) {
    if (!Object.hasOwn(states, name)) throw refuse(`the step returned ${name}, which is no state. Declare it in state().`)
    expectScope(`the next value of ${name}`, expr, states[name])
  }
  if (algorithm.evaluate) expectFixed('the point to evaluate at', algorithm.evaluate(values as never, h(values)))
  const units = Object.entries(declared).flatMap(([name, { dividedBy }]) => (dividedBy ? [[name, dividedBy]] : []))
  const names = Object.keys(hidden)
  const all: Record<string, Scope> = {
    ...(used.has('moved') && { moved: value('slice').scope }),
    ...states,
    ...Object.fromEntries(names.map((name) => [name, 'tensor'])),
  }
  return {
    states: all,
    hidden: names,
    dividedBy: { ...(Object.fromEntries(units) as Record<string, string>), ...divisors },
    usesLoss: used.has('loss'),
  }
}
