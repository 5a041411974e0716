/**
 * Weight decay, once for all algorithms, in its two forms. Not an algorithm.
 *
 * - Coupled: the gradient of f + wd/2 ‖x‖², seen by everything that the algorithm estimates.
 * - Decoupled (Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101): x shrinks by the
 *   factor 1 − wd·η beside the step, where η is the algorithm's own step size.
 */
import { add, fresh, mul, sub } from '../ops.ts'
import type { Expr, Value } from '../value.ts'

interface Decay {
  readonly weightDecay: Expr
  readonly decouple?: boolean
}

/** g + wd·x, unless decay is decoupled or off. */
export const coupled = (g: Value, x: Value, h: Decay): Expr =>
  h.weightDecay === 0 || ('decouple' in h && h.decouple) ? g : fresh(add(g, mul(h.weightDecay, x)))

/** u − wd·η·x, if decay is decoupled and on. */
export const decoupled = (u: Expr, x: Value, eta: Expr, h: Decay): Expr =>
  h.weightDecay === 0 || !h.decouple ? u : sub(u, mul(h.weightDecay, eta, x))
