/**
 * Parameters that sit a step out, because they have no gradient, stay in every sum. An interpreter around that of a backend, in which a
 * sum adds up contributions, one number C for each tensor:
 *
 *     takes part:  C ← Σ a over its coordinates
 *     sits out:    C ← 0 where a is made of the gradient,
 *                  C ← f C else, f being what the states in a are multiplied by at every step (‖s‖₁: β₃; 1 for those that wait)
 *
 * Not about memory: what a tensor that sits out keeps is left alone by engines, but for the C of each sum.
 */
import { div, mul, sqrt, where } from './ops.ts'
import type { Elementwise, Expr, Interpreter, Scope, Value } from './value.ts'

/** What is left of a value at a step that its tensor sits out, as a factor; nothing of what is made of the gradient. */
type Rest = Expr | 'nothing'

/** A value of the interpreter around. */
class Watched implements Value {
  readonly value: Value
  readonly rest: Rest
  /** Of a number per tensor: whether it is right for the tensors that sit out, too. */
  readonly settled: boolean
  readonly in: Interpreter
  constructor(value: Value, rest: Rest, settled: boolean, interpreter: Interpreter) {
    this.value = value
    this.rest = rest
    this.settled = settled
    this.in = interpreter
  }
  get scope(): Scope {
    return this.value.scope
  }
}

/** An expression of the interpreter around as one of the backend's. */
export const bare = (a: Expr): Expr => (a instanceof Watched ? a.value : a)

const restOf = (a: Expr): Rest => (a instanceof Watched ? a.rest : a === 0 ? 'nothing' : 1)

/** The rest of a sum or a choice: what all that is left has in common; where that differs, it counts as it stands. */
function common(...all: readonly Rest[]): Rest {
  const [first = 'nothing', ...others] = all.filter((each) => each !== 'nothing')
  return others.every((each) => each === first) ? first : 1
}
const unless = (rest: Rest, f: (factor: Expr) => Expr): Rest => (rest === 'nothing' ? rest : f(rest))

const rests: Record<Elementwise, (a: Rest, b: Rest, c: Rest) => Rest> = {
  add: (a, b) => common(a, b),
  sub: (a, b) => common(a, b),
  max: (a, b) => common(a, b),
  min: (a, b) => common(a, b),
  where: (_, a, b) => common(a, b),
  mul: (a, b) => (b === 'nothing' ? b : unless(a, (factor) => mul(factor, b))),
  div: (a, b) => unless(a, (factor) => (b === 'nothing' ? 1 : div(factor, b))),
  neg: (a) => a,
  abs: (a) => a,
  sqrt: (a) => unless(a, sqrt),
  sign: (a) => unless(a, () => 1),
  pow: (a) => unless(a, () => 1),
}

/** What a step is watched with. */
export interface Attendance {
  /** A value of the backend in the interpreter around; `rest` says what is left of it, `settled` whether a number per tensor stays right. */
  watch(value: Value, rest: Rest, settled: boolean): Value
  /** The contributions after the step by the names of the states that keep them. */
  readonly contributions: Readonly<Record<string, Expr>>
}

/**
 * Makes the interpreter for one step.
 *
 * @param active - 1 for a tensor that takes part, 0 for one that sits out; the number 1 where all take part
 * @param before - the contributions before the step by name, undefined where no tensor ever sits out
 */
export function attend(active: Expr, before: ((name: string) => Value) | undefined): Attendance {
  const contributions: Record<string, Expr> = {}

  /** A number per tensor, and for those that sit out what they contribute. */
  const contribution = (total: Value, { rest, settled, scope }: Watched): Value => {
    if (!before || (scope === 'tensor' && settled)) return total
    // No coordinate of theirs was added up, so that is 0 already.
    if (rest === 'nothing') return scope === 'tensor' ? (where(active, total, 0) as Value) : total
    const name = `sum.${Object.keys(contributions).length}`
    const next = where(active, total, mul(rest, before(name))) as Value
    contributions[name] = next
    return next
  }

  const interpreter: Interpreter = {
    apply(op, args, scope) {
      const values = args.map(bare)
      const backend = values.find((value) => typeof value !== 'number') as Value
      const [a = 1, b = 1, c = 1] = args.map(restOf)
      const settled = args.every((arg) => !(arg instanceof Watched) || arg.settled)
      const value = backend.in.apply(op, values, scope)
      return watch(value, scope === 'global' ? 1 : rests[op](a, b, c), settled)
    },
    sum(a, to) {
      const watched = a as Watched
      const { value } = watched
      const total = value.scope === 'tensor' ? value : value.in.sum(value, 'tensor')
      const share = contribution(total, watched)
      return to === 'tensor' ? watch(share, watched.rest, true) : watch(share.in.sum(share, 'global'), 1, true)
    },
    slice(a) {
      const { value, rest, settled } = a as Watched
      return watch(value.in.slice(value), rest, settled)
    },
    fresh: (a) => watch((a as Watched).value, 'nothing', false),
  }
  const watch = (value: Value, rest: Rest, settled: boolean) => new Watched(value, rest, settled, interpreter)
  return { watch, contributions }
}
