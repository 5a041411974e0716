/**
 * D-Adapted SGD: A. Defazio and K. Mishchenko, "Learning-Rate-Free Learning by D-Adaptation", 2023,
 * https://arxiv.org/abs/2301.07733, Algorithm 4 with the hyper-gradient estimate and primal
 * averaging as momentum, as in the authors' package.
 *
 *     λ  = d γ / ‖g₀‖
 *     q  ← q + λ ⟨g, s⟩
 *     s  ← s + λ g
 *     d̂  = 2 q / ‖s‖
 *     z  = x₀ − s
 *     x  ← μ x + (1 − μ) z
 *
 * γ lr, μ momentum, g₀ the first gradient that is not zero. On smooth problems d / ‖g₀‖ can exceed
 * 2/L and the method diverges: it is not normalized by the later gradients.
 */
import { defineAlgorithm, element, scalar } from '../algorithm.ts'
import { add, dot, mul, neg, norm2, ratio, sub, sum, where } from '../ops.ts'
import { type Declared, fraction, nonNegative } from '../options.ts'
import { coupled } from './decay.ts'
import { type EstimateOptions, estimate, estimateDefaults, estimateState } from './estimate.ts'

/** Options of {@link dadaptSgd}. */
export interface DadaptSgdOptions extends EstimateOptions {
  /** Multiplies d; leave it at 1, or give a schedule. */
  lr: number
  /** μ, the weight of the old x in the primal average. */
  momentum: number
  /** Coupled decay, added to the gradient. */
  weightDecay: number
}
const defaults: Declared<DadaptSgdOptions> = {
  lr: nonNegative(1),
  momentum: fraction(0),
  weightDecay: nonNegative(0),
  ...estimateDefaults,
}

/** SGD whose step size is d over the norm of the first gradient. Memory: 2 values a parameter. */
export const dadaptSgd = defineAlgorithm({
  name: 'dadaptSgd',
  defaults,
  state: (h) => ({ s: element(), q: scalar(), g0Norm: scalar(), ...estimateState(h) }),
  step(values, h) {
    const { x, g: gradient, moved, s, q, g0Norm, d } = values
    const g0 = where(g0Norm, g0Norm, norm2(gradient))
    const lambda = mul(h.lr, ratio(d, g0))
    const g = coupled(gradient, x, h)

    const q1 = add(q, sum(mul(lambda, dot(g, s, 'tensor'))))
    const s1 = add(s, mul(lambda, g))
    const dHat = ratio(mul(2, q1), norm2(s1))
    // z − x = −(s + (x − x₀))
    const u = neg(mul(sub(1, h.momentum), add(s1, moved)))
    return { u, s: s1, q: q1, g0Norm: g0, ...estimate(values, dHat, h) }
  },
})
