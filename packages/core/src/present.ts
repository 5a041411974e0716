/**
 * Parameters that sit a step out, because they have no gradient, stay in every sum. An interpreter
 * around that of a backend, in which a sum adds up contributions, one number C for each tensor:
 *
 *     takes part:  C ← Σ a over its coordinates
 *     sits out:    C ← 0 where a is made of the gradient,
 *                  C ← f C else, f being what the states in a are multiplied by at every step (‖s‖₁: β₃; 1 for those that wait)
 *
 * Not about memory: what a tensor that sits out keeps is left alone by engines, but for the C of
 * each sum.
 */
import { div, mul, sqrt, where } from './ops.ts'
import type { Elementwise, Expr, Interpreter, Scope, Value } from './value.ts'

/**
 * What is left of a value at a step that its tensor sits out, as a factor; nothing of what is made
 * of the gradient. What is the same for all coordinates, a number or an option, is fixed (or zero),
 * and takes the rest of what it meets.
 */
type Rest = Expr | 'nothing' | 'fixed' | 'zero'

/** What is known of a value. */
export interface Facts {
  readonly rest: Rest
  /** Of a number per tensor: whether it is right for the tensors that sit out, too. */
  readonly settled: boolean
  /** The option that it is divided by, as a state may be; see {@link State}. */
  readonly dividedBy?: string
}

/** A value of the interpreter around. */
class Watched implements Value, Facts {
  readonly value: Value
  readonly rest: Rest
  readonly settled: boolean
  readonly dividedBy?: string
  readonly in: Interpreter
  constructor(value: Value, { rest, settled, dividedBy }: Facts, interpreter: Interpreter) {
    this.value = value
    this.rest = rest
    this.settled = settled
    this.dividedBy = dividedBy
    this.in = interpreter
  }
  get scope(): Scope {
    return this.value.scope
  }
}

/** An expression of the interpreter around as one of the backend's. */
export const bare = (a: Expr): Expr => (a instanceof Watched ? a.value : a)

function restOf(a: Expr): Rest {
  if (a instanceof Watched) return a.rest
  return a === 0 ? 'zero' : 'fixed'
}

const isFactor = (rest: Rest): rest is Expr => typeof rest !== 'string'

/**
 * The rest of a sum or a choice: what all states in it have in common; where that differs, it
 * counts as it stands. Without a state it is made of the gradient, if that is in it.
 */
function common(...all: readonly Rest[]): Rest {
  const states = all.filter(isFactor)
  const [first] = states
  if (first === undefined)
    return (['nothing', 'fixed'] as const).find((kind) => all.includes(kind)) ?? 'zero'
  return states.every((each) => each === first) && !all.includes('fixed') ? first : 1
}

/** The rest of a choice between numbers is that of the condition. */
function chosen(condition: Rest, a: Rest, b: Rest): Rest {
  const rest = common(a, b)
  if (rest !== 'fixed') return rest
  return isFactor(condition) ? 1 : condition
}

function product(a: Rest, b: Rest): Rest {
  const kind = (['nothing', 'zero'] as const).find((each) => each === a || each === b)
  if (kind) return kind
  if (isFactor(a) && isFactor(b)) return mul(a, b)
  return isFactor(a) ? a : b
}
function inverse(b: Rest): Rest {
  if (b === 'zero') return 'fixed'
  return isFactor(b) ? div(1, b) : b
}
const unless = (rest: Rest, f: (factor: Expr) => Expr): Rest => (isFactor(rest) ? f(rest) : rest)

const rests: Record<Elementwise, (a: Rest, b: Rest, c: Rest) => Rest> = {
  add: (a, b) => common(a, b),
  sub: (a, b) => common(a, b),
  max: (a, b) => common(a, b),
  min: (a, b) => common(a, b),
  where: chosen,
  mul: product,
  div: (a, b) => product(a, inverse(b)),
  neg: (a) => a,
  abs: (a) => a,
  sqrt: (a) => unless(a, sqrt),
  sign: (a) => unless(a, () => 1),
  pow: (a) => unless(a, () => 1),
}

/** The option that the result of an operation is divided by, where one of its operands is. */
function divisor(op: Elementwise, args: readonly Expr[]): string | undefined {
  const divided = args.filter(
    (arg): arg is Watched => arg instanceof Watched && arg.dividedBy !== undefined,
  )
  const isLinear =
    (op !== 'mul' && op !== 'div') ||
    (divided.length === 1 && !(op === 'div' && divided[0] === args[1]))
  return isLinear ? divided[0]?.dividedBy : undefined
}

/** What a step is watched with. */
export interface Attendance {
  /** A value of the backend in the interpreter around. */
  watch(value: Value, facts: Facts): Value
  /** The contributions after the step by the names of the states that keep them. */
  readonly contributions: Readonly<Record<string, Expr>>
  /** The options that they are divided by. */
  readonly divisors: Readonly<Record<string, string>>
  /** A number kept for a tensor that sits out, unless a part of the step did not happen. */
  held(next: Expr, before: Value): Expr
}

/**
 * Makes the interpreter for one step.
 *
 * @param active - 1 for a tensor that takes part, 0 for one that sits out; the number 1 where all
 * take part
 * @param before - the contributions before the step by name, undefined where no tensor ever sits
 * out
 */
export function attend(active: Expr, before: ((name: string) => Value) | undefined): Attendance {
  const contributions: Record<string, Expr> = {}
  const divisors: Record<string, string> = {}
  let happened: Expr = 1
  const held = (next: Expr, previous: Value) => where(happened, next, previous)

  /** A number per tensor, and for those that sit out what they contribute. */
  const contribution = (total: Value, { rest, settled, scope, dividedBy }: Watched): Value => {
    if (!before || (scope === 'tensor' && settled)) return total
    // No coordinate of theirs was added up, so that is 0 already.
    if (rest === 'nothing') return scope === 'tensor' ? (where(active, total, 0) as Value) : total
    const name = `sum.${Object.keys(contributions).length}`
    const next = where(active, total, mul(isFactor(rest) ? rest : 1, before(name))) as Value
    contributions[name] = next
    if (dividedBy !== undefined) divisors[name] = dividedBy
    return next
  }

  const interpreter: Interpreter = {
    apply(op, args, scope) {
      const values = args.map(bare)
      const backend = values.find((value) => typeof value !== 'number') as Value
      const [a = 1, b = 1, c = 1] = args.map(restOf)
      const settled = args.every((arg) => !(arg instanceof Watched) || arg.settled)
      const value = backend.in.apply(op, values, scope)
      const rest = scope === 'global' ? 'fixed' : rests[op](a, b, c)
      return watch(value, { rest, settled, dividedBy: divisor(op, args) })
    },
    sum(a, to) {
      const watched = a as Watched
      const { value, rest, dividedBy } = watched
      const total = value.scope === 'tensor' ? value : value.in.sum(value, 'tensor')
      const share = contribution(total, watched)
      if (to === 'tensor') return watch(share, { rest, settled: true, dividedBy })
      return watch(share.in.sum(share, 'global'), { rest: 'fixed', settled: true, dividedBy })
    },
    slice(a) {
      const watched = a as Watched
      return watch(watched.value.in.slice(watched.value), watched)
    },
    fresh: (a) => watch((a as Watched).value, { rest: 'nothing', settled: false }),
    happening(part) {
      const earlier = Object.keys(contributions).length
      const condition = part()
      happened = bare(condition)
      for (const name of Object.keys(contributions).slice(earlier))
        if (before) contributions[name] = held(contributions[name], before(name))
      return condition
    },
  }
  const watch = (value: Value, facts: Facts) => new Watched(value, facts, interpreter)
  return { watch, contributions, divisors, held }
}
