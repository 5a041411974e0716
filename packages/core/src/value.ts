/**
 * What an algorithm computes with: values that have a scope, and the interpreter they live in. Not
 * numbers, tensors or kernels: what a value really holds is the business of its interpreter (a list
 * of tensors when the step runs eagerly, a graph node when it is traced).
 */

/**
 * How many numbers a value holds:
 * - `global`: one;
 * - `tensor`: one per parameter tensor;
 * - `element`: one per coordinate of R^p;
 * - `slice`: one per kept coordinate, where the option `sliceP` keeps every p-th coordinate of each
 *   tensor. With `sliceP: 1` slice and element are the same thing.
 *
 * Arithmetic takes the widest scope of its operands; `sum` narrows.
 */
export type Scope = 'global' | 'tensor' | 'slice' | 'element'

/**
 * The operations that act coordinate by coordinate. With `constant`, `sum` and `slice` they are all
 * there is.
 */
export type Elementwise =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'max'
  | 'min'
  | 'neg'
  | 'abs'
  | 'sqrt'
  | 'pow'
  | 'sign'
  | 'where'

/** A quantity of the algorithm, of some scope, in some interpreter. */
export interface Value {
  readonly scope: Scope
  readonly in: Interpreter
}

/** Values by name: `x`, `g`, `loss`, every state, every uniform. */
export type Values = Readonly<Record<string, Value>>

/**
 * A value, or a number known on the host while the step is written down: what every operation
 * accepts.
 */
export type Expr = Value | number

/**
 * One meaning of the operations. Eager execution, tracing and scope checking are three
 * implementations.
 */
export interface Interpreter {
  /**
   * Applies an elementwise operation; at least one argument is a {@link Value}, and `scope` is the
   * widest among them.
   */
  apply(op: Elementwise, args: readonly Expr[], scope: Scope): Value
  /** Adds up: element or slice to `tensor` or `global`, tensor to `global`. */
  sum(a: Value, to: 'tensor' | 'global'): Value
  /** Keeps every p-th coordinate of each tensor, or returns `a` itself where p is 1 everywhere. */
  slice(a: Value): Value
  /**
   * Marks what is made anew at every step, for sums (see {@link fresh}); where nobody asks, the
   * value itself.
   */
  fresh?(a: Value): Value
  /**
   * Runs a part of a step that happens only where the value that it returns is > 0 (see
   * {@link happening}).
   */
  happening?(part: () => Expr): Expr
}

/** Position in the order of widening; slice and element never mix. */
const width: Record<Scope, number> = { global: 0, tensor: 1, slice: 2, element: 2 }

/** The widest scope among the arguments, or undefined where element and slice meet. */
export function widest(args: readonly Expr[]): Scope | undefined {
  let scope: Scope = 'global'
  for (const arg of args) {
    if (typeof arg === 'number' || arg.scope === scope) continue
    if (width[arg.scope] > width[scope]) scope = arg.scope
    else if (width[arg.scope] === width[scope]) return undefined
  }
  return scope
}
