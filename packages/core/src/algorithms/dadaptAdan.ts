/**
 * D-Adapted Adan: the estimate of A. Defazio and K. Mishchenko, "Learning-Rate-Free Learning by
 * D-Adaptation", 2023, https://arxiv.org/abs/2301.07733, on X. Xie et al., "Adan: Adaptive Nesterov
 * Momentum Algorithm", 2022, https://arxiv.org/abs/2208.06677, as in the authors' package.
 *
 *     λ  = d γ,  δ = g − g₋₁                        (0 until a gradient was not 0)
 *     m  ← β₁ m + (1 − β₁) λ g
 *     n  ← β₂ n + (1 − β₂) λ δ
 *     v  ← β₃ v + (1 − β₃) (g + β₂ δ)²
 *     s  ← β₃ s + (1 − β₃) λ g
 *     q  ← β₃ q + (1 − β₃) λ² ‖g‖²_{1/(√v + ε)}
 *     d̂  = (‖s‖²_{1/(√v + ε)} / (1 − β₃) − q) / ‖s‖₁
 *     x  ← (x − (m + β₂ n) / (√v + ε)) / (1 + λ wd)       (noProx: x (1 − λ wd) − …)
 *
 * γ lr, (β₁, β₂, β₃) betas, ε eps, wd weightDecay.
 */
import { defineAlgorithm, element, perTensor, scalar } from '../algorithm.ts'
import {
  add,
  div,
  dot,
  ema,
  mul,
  neg,
  norm1,
  ratio,
  sqrt,
  square,
  sub,
  sum,
  where,
} from '../ops.ts'
import { type Declared, epsilon, fraction, list, nonNegative } from '../options.ts'
import { decoupled } from './decay.ts'
import { type EstimateOptions, estimate, estimateDefaults, estimateState } from './estimate.ts'
import { quotient } from './quotient.ts'

/** Options of {@link dadaptAdan}. */
export interface DadaptAdanOptions extends EstimateOptions {
  /** Multiplies d; leave it at 1, or give a schedule. */
  lr: number
  /** Decay rates of the gradient, its differences, and their square. */
  betas: readonly [number, number, number]
  /** ε, added to √v. */
  eps: number
  /** Decay beside the step. */
  weightDecay: number
  /** Shrinks x before the step, not after it. */
  noProx: boolean
}
const defaults: Declared<DadaptAdanOptions> = {
  lr: nonNegative(1),
  betas: list(fraction, 0.98, 0.92, 0.99),
  eps: epsilon(1e-8),
  weightDecay: nonNegative(0.02),
  noProx: false,
  ...estimateDefaults,
}

/** Adan whose step size is estimated on the way. Memory: 5 values a parameter. */
export const dadaptAdan = defineAlgorithm({
  name: 'dadaptAdan',
  defaults,
  state: (h) => ({
    m: element(),
    n: element(),
    v: element(),
    s: element(0, h.betas[2]),
    gLast: element(),
    first: perTensor(1),
    q: scalar(),
    ...estimateState(h),
  }),
  step(values, h) {
    const { x, g, m, n, v, s, gLast, first, q, d } = values
    const [beta1, beta2, beta3] = h.betas
    const lambda = mul(d, h.lr)
    const delta = where(first, 0, sub(g, gLast))

    const m1 = add(mul(beta1, m), mul(mul(lambda, sub(1, beta1)), g))
    const n1 = add(mul(beta2, n), mul(mul(lambda, sub(1, beta2)), delta))
    const v1 = ema(beta3, v, square(add(g, mul(beta2, delta))))
    const s1 = add(mul(beta3, s), mul(mul(lambda, sub(1, beta3)), g))
    const over = quotient(h.eps)
    const denominator = add(sqrt(v1), h.eps)
    const q1 = ema(beta3, q, sum(mul(square(lambda), dot(g, over(g, denominator), 'tensor'))))
    const norm = norm1(s1)
    const dHat = ratio(sub(div(dot(s1, over(s1, denominator)), sub(1, beta3)), q1), norm)
    const step = neg(over(add(m1, mul(beta2, n1)), denominator))
    const decay = mul(lambda, h.weightDecay)
    // (x + step) / (1 + decay) − x
    const u = h.noProx
      ? decoupled(step, x, lambda, { ...h, decouple: true })
      : div(sub(step, mul(decay, x)), add(1, decay))
    const next = { m: m1, n: n1, v: v1, s: s1, gLast: g, first: where(norm, 0, first), q: q1 }
    return { u, ...next, ...estimate(values, dHat, h) }
  },
})
