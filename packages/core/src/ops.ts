/**
 * The operations, as free functions over values and plain numbers, and the few that derive from
 * them. Thirteen serve nearly all algorithms: constant, add, sub, mul, div, max, min, neg, abs,
 * sqrt, sign, where, sum. Two are there for one algorithm each, which cannot be written without
 * them: slice (Prodigy's sliceP) and pow (AdamG). Not an implementation of tensors: numbers are
 * folded here, everything else goes to the interpreter of its operands.
 *
 * Semantics, the same on every backend:
 * - Arithmetic is IEEE 754, rounded once per operation to the precision of the elements; scalars
 *   (global and tensor scope) may be kept in a higher precision and are rounded to that of the
 *   elements where they meet them.
 * - `x / 0` is ±Infinity for x ≠ 0. `0 / 0` is not defined (some GPU libraries return 1): use
 *   {@link ratio} where it can occur.
 * - `max` and `min` give NaN if an operand is NaN, where the language of the device knows NaN at
 *   all.
 * - `sign(0)` is 0; the sign of NaN is not defined. `sqrt` of a negative number is NaN.
 * - `pow(a, c)` takes a ≥ 0 and a constant exponent c > 0; a device may compute it to a few units
 *   in the last place.
 * - `where(c, a, b)` is a where c > 0 and b elsewhere, so NaN selects b; what is not selected never
 *   leaks.
 * - `sum` passes over what is not finite.
 */
import { FreestepError, kindOf } from './errors.ts'
import { type Elementwise, type Expr, type Value, widest } from './value.ts'

/**
 * The elementwise operations on the host's own numbers: the reference for every other
 * implementation.
 */
export const host: Record<Elementwise, (...args: number[]) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  max: (a, b) => Math.max(a, b),
  min: (a, b) => Math.min(a, b),
  neg: (a) => -a,
  abs: (a) => Math.abs(a),
  sqrt: (a) => Math.sqrt(a),
  pow: (a, c) => a ** c,
  sign: (a) => Math.sign(a),
  where: (c, a, b) => (c > 0 ? a : b),
}

const isValue = (a: Expr): a is Value => typeof a === 'object' && a !== null && 'in' in a

/** Refuses operands that are no values and no numbers, or a number that makes everything NaN. */
function checkOperands(op: Elementwise | 'sum' | 'slice', args: readonly Expr[]): void {
  const some = args.some(isValue)
  for (const [i, arg] of args.entries())
    if (!(typeof arg === 'number' ? op === 'where' || !some || !Number.isNaN(arg) : isValue(arg)))
      throw new FreestepError(
        'core',
        'bad-algorithm',
        `${op}: operand ${i + 1} is ${kindOf(arg)}. Give values of the step, and numbers.`,
      )
}

function apply(op: Elementwise, args: readonly Expr[]): Expr {
  checkOperands(op, args)
  const value = args.find(isValue)
  if (!value) return host[op](...(args as number[]))
  const scope = widest(args)
  if (scope) return value.in.apply(op, args, scope)
  throw new FreestepError(
    'core',
    'bad-algorithm',
    `${op} mixes a sliced and a whole value. Pass the whole one through slice().`,
  )
}

/** a + b + … */
export const add = (a: Expr, ...rest: Expr[]): Expr =>
  rest.reduce<Expr>((sum, b) => apply('add', [sum, b]), a)

/** a − b */
export const sub = (a: Expr, b: Expr): Expr => apply('sub', [a, b])

/** a · b · … ; a factor that is the number 1 costs nothing. */
export const mul = (a: Expr, ...rest: Expr[]): Expr =>
  rest.reduce<Expr>((product, b) => {
    if (product !== 1 && b !== 1) return apply('mul', [product, b])
    checkOperands('mul', [product, b])
    return product === 1 ? b : product
  }, a)

/** a / b; see {@link ratio} where both may be 0. A divisor that is the number 1 costs nothing. */
export function div(a: Expr, b: Expr): Expr {
  if (b !== 1) return apply('div', [a, b])
  checkOperands('div', [a, b])
  return a
}

/** The larger of two. */
export const max = (a: Expr, b: Expr): Expr => apply('max', [a, b])

/** The smaller of two. */
export const min = (a: Expr, b: Expr): Expr => apply('min', [a, b])

/** −a */
export const neg = (a: Expr): Expr => apply('neg', [a])

/** |a| */
export const abs = (a: Expr): Expr => apply('abs', [a])

/** √a */
export const sqrt = (a: Expr): Expr => apply('sqrt', [a])

/** aᶜ for a ≥ 0 and a number c > 0. */
export const pow = (a: Expr, c: number): Expr => apply('pow', [a, c])

/** −1, 0 or 1 */
export const sign = (a: Expr): Expr => apply('sign', [a])

/** a where c > 0, b elsewhere. */
export function where(c: Expr, a: Expr, b: Expr): Expr {
  if (typeof c !== 'number') return apply('where', [c, a, b])
  return c > 0 ? a : b
}

/**
 * Σ a over all coordinates (`global`), or over the coordinates of each tensor (`tensor`). The sum
 * of tensor-scoped values adds one number per tensor; what is narrower than asked for already is
 * returned as it is.
 *
 * A coordinate at which a is not finite counts as zero: it is lost, and nothing else is. In a step,
 * a tensor without gradient stays in every sum, with what it contributed last (see present.ts).
 */
export function sum(a: Expr, to: 'tensor' | 'global' = 'global'): Expr {
  checkOperands('sum', [a])
  if (!isValue(a) || a.scope === 'global' || a.scope === to) return a
  return a.in.sum(a, to)
}

/**
 * Every p-th coordinate of each tensor, p being the option `sliceP`; the identity on scalars and
 * where p = 1.
 */
export function slice(a: Expr): Expr {
  checkOperands('slice', [a])
  return isValue(a) && a.scope === 'element' ? a.in.slice(a) : a
}

/**
 * The value itself, marked as made anew at every step, as a gradient is (Lion's direction, a
 * gradient with decay): a tensor that sits a step out has none, so sums count 0 for it, where for a
 * state they count what it last was.
 */
export const fresh = (a: Expr): Expr => (isValue(a) && a.in.fresh ? a.in.fresh(a) : a)

/**
 * Runs a part of a step that happens only where the value that it returns is > 0, and returns that.
 * What becomes of u and the states there is up to the caller; what core keeps for tensors that sit
 * a step out stays as it was. For wrappers that undo a step.
 */
export const happening = (values: { readonly g: Value }, part: () => Expr): Expr =>
  values.g.in.happening?.(part) ?? part()

/** a² */
export const square = (a: Expr): Expr => mul(a, a)

/** ⟨a, b⟩ */
export const dot = (a: Expr, b: Expr, to?: 'tensor' | 'global'): Expr => sum(mul(a, b), to)

/** ‖a‖₁ */
export const norm1 = (a: Expr, to?: 'tensor' | 'global'): Expr => sum(abs(a), to)

/** ‖a‖₂, for |a| between 1e-19 and 1e19 in single precision: see {@link wideNorm2}. */
export const norm2 = (a: Expr, to?: 'tensor' | 'global'): Expr => sqrt(sum(square(a), to))

/**
 * ‖a‖₂ for |a| between 1e-37 and 1e31. Squares of single precision end at 1e-38 and 1e38, so they
 * are added up twice, of a made smaller and of a made larger, and the norm is the first where that
 * is above 4. There |a| counts as 2⁻²³ at least, which changes nothing up to 10⁹ coordinates and
 * keeps the squares from becoming subnormal, which processors are slow with. After J. L. Blue, "A
 * Portable Fortran Program to Find the Euclidean Norm of a Vector", 1978,
 * https://doi.org/10.1145/355769.355771, without its branches.
 */
export function wideNorm2(a: Expr): Expr {
  const scaled = (by: number, b: Expr) => div(norm2(mul(by, b)), by)
  const large = scaled(2 ** -40, max(abs(a), 2 ** -23))
  return where(sub(large, 4), large, scaled(2 ** 61, a))
}

/**
 * β m + (1 − β) g, an exponential moving average. `ema(β, c, 1)` from c = 0 is 1 − βᵏ, the bias
 * correction, without cancellation.
 */
export const ema = (beta: Expr, m: Expr, g: Expr): Expr => add(mul(beta, m), mul(sub(1, beta), g))

/** a + t (b − a) */
export const lerp = (a: Expr, b: Expr, t: Expr): Expr => add(a, mul(t, sub(b, a)))

/**
 * a / b, and 0 where b is 0: the papers' convention 0/0 = 0. For b ≥ 0, as norms and sums of
 * squares are.
 */
export const ratio = (a: Expr, b: Expr): Expr => where(b, div(a, b), 0)
