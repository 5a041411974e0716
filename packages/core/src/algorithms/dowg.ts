/**
 * DoWG: A. Khaled, K. Mishchenko and C. Jin, "DoWG Unleashed: An Efficient Universal Parameter-Free
 * Gradient Descent Method", 2023, https://arxiv.org/abs/2305.16284, Algorithm 1; CDoWG is the same
 * coordinate by coordinate. Options and start as in the authors' package.
 *
 *     r² ← max(r², ‖x − x₀‖²)           r²₀ = ε         (cdowg: 1e-4)
 *     v  ← v + r² ‖g‖²
 *     x  ← x − γ r² g / (√v + ε)
 *
 * ε eps. γ lr and weight decay are ours, for schedules and groups.
 */
import { defineAlgorithm, element, scalar } from '../algorithm.ts'
import { add, div, dot, max, mul, neg, sqrt, square } from '../ops.ts'
import { type Declared, epsilon, nonNegative, type Option, positive } from '../options.ts'
import { coupled } from './decay.ts'
import { quotient } from './quotient.ts'

/** Options of {@link dowg} and {@link cdowg}. */
export interface DowgOptions {
  /** Where r² starts (dowg), and what is added to √v. */
  eps: number
  /** Multiplies the step; leave it at 1. */
  lr: number
  /** Coupled decay, added to the gradient. */
  weightDecay: number
}
const defaults = (eps: Option<number>): Declared<DowgOptions> => ({
  eps,
  lr: nonNegative(1),
  weightDecay: nonNegative(0),
})

/** Distance over Weighted Gradients. One value a parameter (x − x₀). */
export const dowg = defineAlgorithm({
  name: 'dowg',
  defaults: defaults(positive(1e-4)),
  state: (h) => ({ r2: scalar(h.eps), v: scalar() }),
  step({ x, g: gradient, moved, r2, v }, h) {
    const g = coupled(gradient, x, h)
    const r21 = max(r2, dot(moved, moved))
    const v1 = add(v, mul(r21, dot(g, g)))
    return { u: neg(mul(mul(h.lr, div(r21, add(sqrt(v1), h.eps))), g)), r2: r21, v: v1 }
  },
})

/** DoWG with a distance and a sum for each coordinate. Memory: 3 values a parameter. */
export const cdowg = defineAlgorithm({
  name: 'cdowg',
  defaults: defaults(epsilon(1e-8)),
  state: () => ({ r2: element(1e-4), v: element() }),
  step({ x, g: gradient, moved, r2, v }, h) {
    const g = coupled(gradient, x, h)
    const r21 = max(r2, square(moved))
    const v1 = add(v, mul(r21, square(g)))
    return { u: neg(mul(h.lr, quotient(h.eps)(mul(r21, g), add(sqrt(v1), h.eps)))), r2: r21, v: v1 }
  },
})
