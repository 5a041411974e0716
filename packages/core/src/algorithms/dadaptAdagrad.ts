/**
 * D-Adapted AdaGrad, coordinate by coordinate: A. Defazio and K. Mishchenko, "Learning-Rate-Free
 * Learning by D-Adaptation", 2023, https://arxiv.org/abs/2301.07733, Algorithm 3, as in the
 * authors' package.
 *
 *     a  ← a + g²                                   a₀ = 1e-6
 *     λ  = d γ
 *     s  ← s + λ g
 *     q  ← q + λ² ‖g‖²_{1/(√a + ε)}
 *     d̂  = (‖s‖²_{1/(√a + ε)} − q) / ‖s‖₁
 *     z  = x₀ − s / (√a + ε)
 *     x  ← μ x + (1 − μ) z
 *
 * γ lr, μ momentum, ε eps. d grows slowly; the authors advise the Adam form for deep networks.
 */
import { defineAlgorithm, element, scalar } from '../algorithm.ts'
import { add, div, dot, mul, neg, norm1, ratio, sqrt, square, sub, sum } from '../ops.ts'
import { type Declared, epsilon, fraction, nonNegative } from '../options.ts'
import { coupled } from './decay.ts'
import { type EstimateOptions, estimate, estimateDefaults, estimateState } from './estimate.ts'

/** Options of {@link dadaptAdagrad}. */
export interface DadaptAdagradOptions extends EstimateOptions {
  /** Multiplies d; leave it at 1, or give a schedule. */
  lr: number
  /** μ, the weight of the old x in the primal average. */
  momentum: number
  /** Coupled decay, added to the gradient. */
  weightDecay: number
  /** ε, added to √a. */
  eps: number
}
const defaults: Declared<DadaptAdagradOptions> = {
  lr: nonNegative(1),
  momentum: fraction(0),
  weightDecay: nonNegative(0),
  eps: epsilon(1e-6),
  ...estimateDefaults,
}

/**
 * AdaGrad by dual averaging, its step size a lower bound on the ℓ∞ distance. Memory: 3 values a
 * parameter.
 */
export const dadaptAdagrad = defineAlgorithm({
  name: 'dadaptAdagrad',
  defaults,
  state: (h) => ({ a: element(1e-6), s: element(), q: scalar(), ...estimateState(h) }),
  step(values, h) {
    const { x, g: gradient, moved, a, s, q, d } = values
    const g = coupled(gradient, x, h)
    const lambda = mul(d, h.lr)

    const a1 = add(a, square(g))
    const s1 = add(s, mul(lambda, g))
    const denominator = add(sqrt(a1), h.eps)
    const q1 = add(q, sum(mul(square(lambda), dot(g, div(g, denominator), 'tensor'))))
    const dHat = ratio(sub(dot(s1, div(s1, denominator)), q1), norm1(s1))
    // z − x = −(s / (√a + ε) + (x − x₀))
    const u = neg(mul(sub(1, h.momentum), add(div(s1, denominator), moved)))
    return { u, a: a1, s: s1, q: q1, ...estimate(values, dHat, h) }
  },
})
