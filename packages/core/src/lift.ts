/**
 * The operations of one tensor library, lifted over many tensors and scopes: an interpreter. Not
 * where tensors are kept or written, which is eager.ts.
 */
import type { Elementwise, Expr, Interpreter, Scope, Value } from './value.ts'

/**
 * The operations on a backend's single tensor type T. Operands are tensors of one shape, or
 * scalars, which broadcast; semantics are stated in ops.ts.
 */
export interface EagerOps<T> extends Record<Elementwise, (...args: T[]) => T> {
  /** A scalar. */
  constant(c: number): T
  /**
   * The sum of all elements that are finite, a scalar; of a scalar, itself. Of a slice, p says that
   * it has every p-th element.
   */
  sum(a: T, p?: number): T
  /** Elements 0, p, 2p, … of a tensor in row-major order, as a tensor of one dimension. */
  slice(a: T, p: number): T
}

/**
 * A value in eager execution: one part per tensor, or a single part for a global one; of vectors
 * only those of tensors that take part.
 */
export class Lifted<T> implements Value {
  readonly scope: Scope
  readonly in: Interpreter
  readonly parts: readonly T[]
  constructor(scope: Scope, parts: readonly T[], interpreter: Interpreter) {
    this.scope = scope
    this.parts = parts
    this.in = interpreter
  }
  part(i: number): T {
    return this.parts[this.scope === 'global' ? 0 : i]
  }
}

/** The interpreter over `count` tensors, of which those in `active` take part. */
export function lift<T>(
  ops: EagerOps<T>,
  count: number,
  active: ReadonlySet<number>,
  strides: readonly number[] | undefined,
): Interpreter {
  const part = (a: Expr, i: number) =>
    typeof a === 'number' ? ops.constant(a) : (a as Lifted<T>).part(i)
  const make = (scope: Scope, of: (i: number) => T) => {
    const parts: T[] = scope === 'global' ? [of(0)] : []
    if (scope === 'tensor') for (let i = 0; i < count; i++) parts[i] = of(i)
    else if (scope !== 'global') for (const i of active) parts[i] = of(i)
    return new Lifted(scope, parts, interpreter)
  }
  const total = (a: Lifted<T>, i: number) =>
    ops.sum(a.part(i), a.scope === 'slice' ? strides?.[i] : undefined)
  const interpreter: Interpreter = {
    apply: (op, args, scope) => make(scope, (i) => ops[op](...args.map((a) => part(a, i)))),
    sum(a, to) {
      const vector = a as Lifted<T>
      const totals =
        vector.scope === 'tensor'
          ? vector
          : make('tensor', (i) => (active.has(i) ? total(vector, i) : ops.constant(0)))
      if (to === 'tensor') return totals
      return make('global', () =>
        count ? totals.parts.reduce((x, y) => ops.add(x, y)) : ops.constant(0),
      )
    },
    slice: (a) => (strides ? make('slice', (i) => ops.slice(part(a, i), strides[i])) : a),
  }
  return interpreter
}
