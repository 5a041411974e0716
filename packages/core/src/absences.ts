/**
 * A step for parameters some of which may sit it out: an algorithm's own step, watched by
 * present.ts, and the states that core keeps for it, one number per tensor:
 *
 *     sum.0, sum.1, …   what each tensor has contributed to a sum last
 *     decay.s           what a state s, which decays, will be multiplied by when its tensor returns
 *
 * Not the interpreter that sees to the sums, which is in present.ts.
 */
import type { Algorithm, AnyValues, Hyper, States } from './algorithm.ts'
import { FreestepError } from './errors.ts'
import type { HyperFrom, Resolved } from './groups.ts'
import { inputsOf } from './inputs.ts'
import { mul, where } from './ops.ts'
import { attend, bare } from './present.ts'
import type { Expr, Interpreter, Scope, Value, Values } from './value.ts'

/** The uniform that says which tensors take part. */
export const active = 'active'

const decayOf = (state: string) => `decay.${state}`

/** The first values of the states that core keeps. */
export const firstHidden = (hidden: readonly string[]): Record<string, number> =>
  Object.fromEntries(hidden.map((name) => [name, name.startsWith(decayOf('')) ? 1 : 0]))

/**
 * What an algorithm's step gives: the update, the next values of its own states, and of those that
 * core keeps.
 */
interface Stepped {
  readonly u: Expr
  readonly next: Readonly<Record<string, Expr>>
  readonly hidden: Readonly<Record<string, Expr>>
  /** The options that some of these are divided by. */
  readonly divisors: Readonly<Record<string, string>>
}

/** What a step is taken with. */
interface Taken {
  /** The hidden states before the step; left out where no tensor ever sits out. */
  readonly before: ((name: string) => Value) | undefined
  readonly h: HyperFrom
}

/** An algorithm's step on values of a backend, watched for tensors that sit it out. */
export function stepOf(
  algorithm: Algorithm,
  own: Hyper<object>,
  values: AnyValues,
  { before, h }: Taken,
): Stepped {
  const states: States = algorithm.state(own)
  const taking: Expr = values[active] ?? 1
  const { watch, contributions, divisors, held } = attend(taking, before)
  /** A value of the backend as the algorithm is given it; numbers, which p is, stay as they are. */
  const given = (name: string): Expr => {
    const { scope, decay, dividedBy } = states[name] ?? {}
    const value =
      before && decay !== undefined ? mul(before(decayOf(name)), values[name]) : values[name]
    if (typeof value === 'number') return value
    return watch(value, {
      rest: name === 'g' ? 'nothing' : (decay ?? 1),
      settled: scope !== 'tensor',
      dividedBy,
    })
  }
  // Looked up only when the algorithm asks, since that is what makes core keep `moved`, and callers
  // owe the loss.
  const properties = Object.keys(values).map((name) => [
    name,
    { enumerable: true, get: () => given(name) },
  ])
  const watched = Object.defineProperties({}, Object.fromEntries(properties)) as AnyValues
  const { u, ...next } = algorithm.step(watched, h(watched))
  const bared = Object.entries(next).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, bare(value)]],
  )
  const decays: Record<string, Expr> = {}
  if (before)
    for (const [name, { decay }] of Object.entries(states)) {
      if (decay === undefined) continue
      const previous = before(decayOf(name))
      decays[decayOf(name)] = where(taking, 1, held(mul(decay, previous), previous))
    }
  return {
    u: bare(u),
    next: Object.fromEntries(bared),
    hidden: { ...decays, ...contributions },
    divisors,
  }
}

/** A value that is nothing but a scope, and the schedule that it depends on, if it does on one. */
interface Shadow extends Value {
  readonly follows: string | undefined
}
const followed = (a: Expr): string | undefined =>
  typeof a === 'number' ? undefined : (a as Shadow).follows

/** Makes shadows. */
function shadows(sliced: boolean): (scope: Scope, follows?: string) => Shadow {
  const interpreter: Interpreter = {
    apply: (_op, args, scope) =>
      shadow(
        scope,
        args.map(followed).find((name) => name !== undefined),
      ),
    sum: (a, to) => shadow(to, followed(a)),
    slice: (a) => (sliced ? shadow('slice', followed(a)) : a),
  }
  const shadow = (scope: Scope, follows?: string): Shadow => ({ scope, in: interpreter, follows })
  return shadow
}

const shadowsOf = (uniforms: Resolved['uniforms'], shadow: ReturnType<typeof shadows>): Values =>
  Object.fromEntries(
    Object.entries(uniforms).map(([name, { scope, fixed }]) => [
      name,
      shadow(scope, fixed ? undefined : name),
    ]),
  )

function checkFixed({ name }: Algorithm, what: string, expr: Expr): void {
  const follows = followed(expr)
  if (follows === undefined) return
  const message = `${name}: ${what} depends on the option ${follows}, so that cannot be a schedule. Give a number.`
  throw new FreestepError('core', 'bad-option', message)
}

/**
 * Refuses options that are first values themselves and follow a schedule, of an algorithm that was
 * found to be wrong.
 */
export function checkFirstValues(
  algorithm: Algorithm,
  { uniforms }: Resolved,
  h: Known['h'],
): void {
  const declared = Object.entries(algorithm.state(h(shadowsOf(uniforms, shadows(true)))))
  for (const [name, { init }] of declared)
    if (typeof init === 'object') checkFixed(algorithm, `the first value of ${name}`, init)
}

/** What is known of an algorithm that was checked. */
interface Known {
  readonly h: HyperFrom
  readonly p: number
  readonly states: Readonly<Record<string, Scope>>
  readonly absences: boolean
}

/**
 * The states that core keeps for an algorithm, and the options that states are divided by.
 *
 * @throws FreestepError `bad-option` where a schedule would have to be asked before the first step,
 * or beside the steps
 */
export function hiddenStates(
  algorithm: Algorithm,
  { uniforms, strides }: Resolved,
  { h, p, states, absences }: Known,
): { readonly hidden: readonly string[]; readonly dividedBy: Readonly<Record<string, string>> } {
  const shadow = shadows(strides !== undefined)
  const scopes: Record<string, Scope> = { ...states, x: 'element', g: 'element', loss: 'global' }
  const values: Values = {
    ...Object.fromEntries(Object.entries(scopes).map(([name, scope]) => [name, shadow(scope)])),
    ...shadowsOf(uniforms, shadow),
  }
  const expectFixed = (what: string, expr: Expr) => checkFixed(algorithm, what, expr)
  const declared = algorithm.state(h(values))
  const dividedBy: Record<string, string> = {}
  for (const [name, { init, dividedBy: option }] of Object.entries(declared)) {
    expectFixed(`the first value of ${name}`, typeof init === 'function' ? init(values.x, p) : init)
    if (option !== undefined) dividedBy[name] = option
  }
  const all = inputsOf(values, p)
  if (algorithm.evaluate)
    expectFixed('the point to evaluate at', algorithm.evaluate(all, h(values)))
  const before = absences ? () => shadow('tensor') : undefined
  const { hidden, divisors } = stepOf(algorithm, h(values), all, { before, h })
  return { hidden: Object.keys(hidden), dividedBy: { ...dividedBy, ...divisors } }
}
