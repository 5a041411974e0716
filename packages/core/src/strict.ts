/**
 * What the functions of an algorithm are given while they are checked: values that tell their
 * author what went wrong with them, and tables that know what they do not have. Not what steps run
 * on: by then everything was found to be right.
 */
import { FreestepError, kindOf, suggest } from './errors.ts'
import type { Expr, Interpreter, Scope, Value } from './value.ts'

/** The error of an algorithm that cannot be. */
export const refuse = (message: string): FreestepError =>
  new FreestepError('core', 'bad-algorithm', message)

/** A value of a name that refuses to be taken for a number or for something with parts. */
export function strictValue(
  interpreter: Interpreter,
  scope: Scope,
  name: string,
  advice = '',
): Value {
  const asNumber = () => {
    throw refuse(
      `${name} is a value, not a number (an option is one where it follows a schedule or differs between groups), so JavaScript's ` +
        'operators do not work on it. Write neg(a), mul(a, 2), sub(a, b), and where(sub(a, 2), b, c) for a > 2 ? b : c.',
    )
  }
  const parts = { scope, in: interpreter, [Symbol.toPrimitive]: asNumber, toJSON: undefined }
  return new Proxy(parts, {
    get(target, part) {
      if (Object.hasOwn(target, part) || typeof part === 'symbol') return Reflect.get(target, part)
      throw refuse(
        `${name} is a value and has no ${part}.${advice || ' It is used as a whole, by the operations.'}`,
      )
    },
  })
}

/** Options that refuse a name that is none. */
export function strictOptions<H extends object>(options: H): H {
  const known = Object.keys(options)
  return withFallback(options, (name) => {
    throw refuse(
      `There is no option "${name}".${suggest(name, known) || ' The algorithm has none.'} Declare it in defaults.`,
    )
  })
}

/**
 * Inputs and states, with a record of the names that were asked for: those that are there, and
 * those that are not.
 */
export class Asked<N extends Readonly<Record<string, Value>>> {
  readonly found = new Set<string>()
  private readonly missed = new Set<string>()
  private readonly noted: N

  /** @param noted - what is recorded when it is read */
  constructor(noted: N) {
    this.noted = noted
  }

  /**
   * These values and the noted ones; a name that is not there is undefined, as a state may be left
   * out.
   */
  beside<V extends Readonly<Record<string, Expr>>>(values: V): V & N {
    const note = (name: string): PropertyDescriptor => ({
      enumerable: true,
      configurable: true,
      get: () => {
        this.found.add(name)
        return this.noted[name]
      },
    })
    const noting = Object.fromEntries(Object.keys(this.noted).map((name) => [name, note(name)]))
    const both = Object.defineProperties({ ...values }, noting) as V & N
    return withFallback(both, (name) => {
      this.missed.add(name)
    })
  }

  /** Runs f; of an operand that is undefined it says what it may have been meant for. */
  explaining<R>(f: () => R, known: readonly string[]): R {
    try {
      return f()
    } catch (error) {
      const name = [...this.missed].at(-1)
      const explained =
        error instanceof FreestepError &&
        error.code === 'bad-algorithm' &&
        /is undefined/.test(error.message)
      if (!explained || name === undefined) throw error
      throw refuse(`${plain(error)} There is no input or state "${name}".${suggest(name, known)}`)
    }
  }

  /**
   * Refuses a name that is not there, where a state of nearly the same is there and was never read.
   */
  checkMistaken(states: readonly string[]): void {
    const unread = states.filter((state) => !this.found.has(state) && state.length >= 4)
    for (const name of this.missed) {
      const meant =
        name.length >= 4 && unread.find((state) => suggest(name, [state]).includes('mean'))
      if (meant) throw refuse(`the step reads ${name}, which is no state. Did you mean "${meant}"?`)
    }
  }
}

/** The message of an error without the place it came from. */
export const plain = ({ message }: Error): string => message.replace('[freestep/core] ', '')

/** Refuses what is neither a value nor a number. */
export function checkExpr(what: string, expr: unknown): asserts expr is Expr {
  if (expr === undefined)
    throw refuse(`${what} is undefined. Return a value or leave the name out.`)
  const isNumber = typeof expr === 'number' && !Number.isNaN(expr)
  if (!isNumber && !(typeof expr === 'object' && expr !== null && 'in' in expr && 'scope' in expr))
    throw refuse(`${what} is ${kindOf(expr)}. Return a value or a number.`)
}

/** The object, and what to do about a name that it does not have; getters stay unread. */
function withFallback<T extends object>(object: T, missing: (name: string) => void): T {
  const fallback = new Proxy(Object.prototype, {
    get(target, name, receiver) {
      if (typeof name === 'string' && !(name in target) && name !== 'toJSON' && name !== 'then')
        missing(name)
      return Reflect.get(target, name, receiver)
    },
  })
  return Object.create(fallback, Object.getOwnPropertyDescriptors(object))
}
