/**
 * The check of an algorithm before anything runs: its functions are called once on values that are
 * nothing but a scope and a name. It finds out what they use, and refuses what they cannot mean.
 * Not the program itself, which is program.ts.
 */
import type { Algorithm, States } from './algorithm.ts'
import { FreestepError, kindOf } from './errors.ts'
import type { HyperFrom, Resolved } from './groups.ts'
import { Asked, checkExpr, plain, refuse, strictOptions, strictValue } from './strict.ts'
import type { Uniform } from './uniforms.ts'
import type { Interpreter, Scope, Value } from './value.ts'

/**
 * What a check finds out: the states with their scopes, `moved` included where it is used, and
 * whether the loss is.
 */
export interface Checked {
  readonly states: Readonly<Record<string, Scope>>
  readonly usesLoss: boolean
}
type Uniforms = Readonly<Record<string, Uniform>>
type Outputs = { readonly u?: unknown } & Readonly<Record<string, unknown>>

/** The scope checker: an interpreter whose values are a scope, and a name for messages. */
function checker(sliced: boolean): (scope: Scope, name?: string, advice?: string) => Value {
  const interpreter: Interpreter = {
    apply: (_op, _args, scope) => value(scope),
    sum: (_a, to) => value(to),
    slice: (a) => (sliced ? value('slice') : a),
  }
  const value = (scope: Scope, name = 'The result of an operation', advice?: string): Value =>
    strictValue(interpreter, scope === 'slice' && !sliced ? 'element' : scope, name, advice)
  return value
}

const inputs = ['x', 'g', 'moved', 'loss', 'p']
const ofInit =
  ' The first value of a state is a function of x itself: write (x) => …, not ({ x }) => ….'

/**
 * Runs the algorithm's functions once on scopes alone: what they use, and whether what they return
 * fits what they declare.
 *
 * @throws FreestepError `bad-algorithm`, with the algorithm's name
 */
export function check(
  algorithm: Algorithm,
  { uniforms, strides }: Pick<Resolved, 'uniforms' | 'strides'>,
  hyper: HyperFrom,
  p: number,
): Checked {
  const value = checker(strides !== undefined)
  const valuesOf = (scopes: Readonly<Record<string, { readonly scope: Scope }>>) =>
    Object.fromEntries(
      Object.entries(scopes).map(([name, { scope }]) => [name, value(scope, name)]),
    )
  const ofUniforms = valuesOf(uniforms)
  const h = strictOptions(hyper(ofUniforms))
  return naming(algorithm.name, () => {
    const declared = algorithm.state(h)
    checkStates(declared, uniforms)
    const asked = new Asked({
      moved: value('slice', 'moved'),
      loss: value('global', 'loss'),
      ...valuesOf(declared),
    })
    const scopes = Object.fromEntries(
      Object.keys(declared).map((name) => [name, value(declared[name].scope).scope]),
    )
    const values = asked.beside({
      p,
      x: value('element', 'x'),
      g: value('element', 'g'),
      ...ofUniforms,
    })

    const x = value('element', 'x', ofInit)
    for (const [name, { init }] of Object.entries(declared))
      checkScope(
        `the first value of ${name}`,
        typeof init === 'function' ? init(x, p) : init,
        scopes[name],
      )
    const known = [...inputs, ...Object.keys(scopes)]
    checkOutputs(
      asked.explaining(() => algorithm.step(values, h), known),
      scopes,
    )
    if (algorithm.evaluate) checkExpr('the point to evaluate at', algorithm.evaluate(values, h))
    asked.checkMistaken(Object.keys(scopes))
    const moved: Record<string, Scope> = asked.found.has('moved')
      ? { moved: value('slice').scope }
      : {}
    return { states: { ...moved, ...scopes }, usesLoss: asked.found.has('loss') }
  })
}

/** Has every complaint begin with the algorithm's name. */
function naming<R>(name: string, f: () => R): R {
  try {
    return f()
  } catch (error) {
    if (!(error instanceof FreestepError && error.code === 'bad-algorithm')) throw error
    throw refuse(plain(error).startsWith(`${name}: `) ? plain(error) : `${name}: ${plain(error)}`)
  }
}

function checkStates(declared: States, uniforms: Uniforms): void {
  for (const [name, state] of Object.entries(declared)) {
    if (typeof state !== 'object' || state === null || !('scope' in state))
      throw refuse(
        `state ${name} is ${kindOf(state)}. Declare it by element(), perTensor() or scalar().`,
      )
    if (['x', 'g', 'moved', 'loss'].includes(name))
      throw refuse(`there is an input ${name}, so no state can have that name. Choose another.`)
    if (Object.hasOwn(uniforms, name))
      throw new FreestepError(
        'core',
        'bad-option',
        `Option ${name} has the name of a state, so it cannot follow a schedule or differ between groups. Give one number.`,
      )
  }
}

function checkScope(what: string, expr: unknown, scope: Scope): void {
  checkExpr(what, expr)
  if (typeof expr !== 'number' && expr.scope !== scope)
    throw refuse(
      `${what} has scope ${expr.scope} where ${scope} is declared. Declare it so, or sum it.`,
    )
}

function checkOutputs(outputs: Outputs | undefined, scopes: Readonly<Record<string, Scope>>): void {
  const { u, ...next } = outputs ?? {}
  if (u === undefined) throw refuse('the step returned no u. Return the update as u.')
  checkExpr('u', u)
  if (typeof u !== 'number' && u.scope === 'slice')
    throw refuse('u is sliced. Return an update for every coordinate.')
  for (const [name, expr] of Object.entries(next)) {
    if (!Object.hasOwn(scopes, name))
      throw refuse(`the step returned ${name}, which is no state. Declare it in state().`)
    checkScope(`the next value of ${name}`, expr, scopes[name])
  }
}

/**
 * Runs a check; where it fails because of options that differ between groups, it names them. Which
 * they are is found by letting each differ alone.
 */
export function checkGroups(
  algorithm: string,
  { uniforms }: { readonly uniforms: Uniforms },
  check: (uniforms: Uniforms) => Checked,
) {
  try {
    return check(uniforms)
  } catch (error) {
    const labels = Object.keys(uniforms).filter((label) => uniforms[label].scope === 'tensor')
    const passes = (differing: string | undefined) => {
      try {
        check(
          Object.fromEntries(
            Object.entries(uniforms).map(([name, each]) => [
              name,
              name === differing ? each : shared(each),
            ]),
          ),
        )
        return true
      } catch {
        return false
      }
    }
    if (!labels.length || !passes(undefined)) throw error
    const culprits = labels
      .filter((label) => !passes(label))
      .map((label) => label.replace(/\[\d+\]$/, ''))
    if (!culprits.length) throw error
    const names = [...new Set(culprits)]
    throw new FreestepError(
      'core',
      'bad-option',
      `${algorithm}: option${names.length > 1 ? 's' : ''} ${names.join(', ')} cannot differ between groups, since what it sets is shared ` +
        'by all parameters. Give all groups one value, or use splitGroups: true, where each group has its own.',
    )
  }
}
const shared = (uniform: Uniform): Uniform => ({ ...uniform, scope: 'global' })
