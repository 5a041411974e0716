/**
 * D-Adapted Lion: the estimate of A. Defazio and K. Mishchenko, "Learning-Rate-Free Learning by
 * D-Adaptation", 2023, https://arxiv.org/abs/2301.07733, on the sign update of X. Chen et al.,
 * "Symbolic Discovery of Optimization Algorithms", 2023, https://arxiv.org/abs/2302.06675, as in
 * the authors' package.
 *
 *     λ  = d γ
 *     c  = sign(β₁ m + (1 − β₁) g)
 *     x  ← x − λ (c + wd x)
 *     m  ← β₂ m + (1 − β₂) λ g
 *     q  ← √β₂ q + (1 − √β₂) λ ⟨c, s⟩
 *     s  ← √β₂ s + (1 − √β₂) λ c
 *     d̂  = q / ((1 − √β₂) ‖s‖₁)
 *
 * γ lr, (β₁, β₂) betas, wd weightDecay.
 */
import { defineAlgorithm, element, scalar } from '../algorithm.ts'
import { add, div, dot, ema, fresh, mul, neg, norm1, ratio, sign, sqrt, sub, sum } from '../ops.ts'
import { type Declared, fraction, list, nonNegative } from '../options.ts'
import { decoupled } from './decay.ts'
import { type EstimateOptions, estimate, estimateDefaults, estimateState } from './estimate.ts'

/** Options of {@link dadaptLion}. */
export interface DadaptLionOptions extends EstimateOptions {
  /** Multiplies d; leave it at 1, or give a schedule. */
  lr: number
  /** β₁ mixes the gradient into the direction, β₂ into the momentum. */
  betas: readonly [number, number]
  /** Decoupled decay. */
  weightDecay: number
}
const defaults: Declared<DadaptLionOptions> = {
  lr: nonNegative(1),
  betas: list(fraction, 0.9, 0.99),
  weightDecay: nonNegative(0),
  ...estimateDefaults,
}

/** Lion whose step size is estimated on the way. Memory: 2 values a parameter. */
export const dadaptLion = defineAlgorithm({
  name: 'dadaptLion',
  defaults,
  state: (h) => ({
    m: element(),
    s: element(0, sqrt(h.betas[1])),
    q: scalar(),
    ...estimateState(h),
  }),
  step(values, h) {
    const { x, g, m, s, q, d } = values
    const [beta1, beta2] = h.betas
    const beta = sqrt(beta2)
    const lambda = mul(d, h.lr)

    const c = fresh(sign(ema(beta1, m, g)))
    const m1 = add(mul(beta2, m), mul(mul(lambda, sub(1, beta2)), g))
    const q1 = ema(beta, q, sum(mul(lambda, dot(c, s, 'tensor'))))
    const s1 = add(mul(beta, s), mul(mul(lambda, sub(1, beta)), c))
    const dHat = ratio(div(q1, sub(1, beta)), norm1(s1))
    const u = decoupled(neg(mul(lambda, c)), x, lambda, { ...h, decouple: true })
    return { u, m: m1, s: s1, q: q1, ...estimate(values, dHat, h) }
  },
})
