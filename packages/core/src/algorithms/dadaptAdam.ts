/**
 * D-Adapted Adam: A. Defazio and K. Mishchenko, "Learning-Rate-Free Learning by D-Adaptation",
 * 2023, https://arxiv.org/abs/2301.07733, Algorithm 5, in the form of the authors' package (version
 * 3), whose inner product takes v before the step.
 *
 *     λ  = d γ c                                       c = √(1 − β₂ᵏ) / (1 − β₁ᵏ) with bias correction, else 1
 *     q  ← √β₂ q + (1 − √β₂) λ ⟨g, s / (√v + ε)⟩
 *     m  ← β₁ m + (1 − β₁) λ g
 *     v  ← β₂ v + (1 − β₂) g²
 *     s  ← √β₂ s + (1 − √β₂) λ g
 *     d̂  = q / ((1 − √β₂) ‖s‖₁)
 *     x  ← x − m / (√v + ε)
 *     d  ← max(d, min(d̂, growthRate d))
 *
 * The preprint's form has β₂ in place of √β₂, and the weighted norms of its first theorem (v after
 * the step):
 *
 *     q  ← β₂ q + (1 − β₂) λ² ‖g‖²_{1/(√v + ε)},  d̂ = (‖s‖²_{1/(√v + ε)} / (1 − β₂) − q) / ‖s‖₁
 *
 * γ lr, (β₁, β₂) betas, ε eps. layerScale weighs a parameter's gradient in m and its share in both
 * sums.
 */
import { defineAlgorithm, element, scalar } from '../algorithm.ts'
import { add, div, dot, ema, mul, neg, norm1, ratio, sqrt, square, sub, sum } from '../ops.ts'
import { type Declared, epsilon, fraction, list, nonNegative, oneOf, positive } from '../options.ts'
import type { Expr } from '../value.ts'
import { biasCorrection, biasState } from './bias.ts'
import { coupled, decoupled } from './decay.ts'
import { type EstimateOptions, estimate, estimateDefaults, estimateState } from './estimate.ts'
import { quotient } from './quotient.ts'

/** Options of {@link dadaptAdam}. */
export interface DadaptAdamOptions extends EstimateOptions {
  /** Multiplies d; leave it at 1, or give a schedule that ends low. */
  lr: number
  /** Decay rates of the two moments. */
  betas: readonly [number, number]
  /** ε, added to √v. */
  eps: number
  /** Weight decay; coupled unless `decouple`. */
  weightDecay: number
  /** True shrinks x by 1 − wd·λ beside the step, as AdamW does. */
  decouple: boolean
  /** Corrects the moments' start from zero, as Adam does. */
  useBiasCorrection: boolean
  /** Per parameter group: a relative step size. */
  layerScale: number
  /** Which estimate: the package's since version 3, or the preprint's. */
  form: 'v3' | 'preprint'
}
const defaults: Declared<DadaptAdamOptions> = {
  lr: nonNegative(1),
  betas: list(fraction, 0.9, 0.999),
  eps: epsilon(1e-8),
  weightDecay: nonNegative(0),
  decouple: false,
  useBiasCorrection: false,
  ...estimateDefaults,
  layerScale: positive(1),
  form: oneOf('v3', 'preprint'),
}

/** β₂ or √β₂, what the sums behind d are multiplied by. */
const decayOfS = ({
  betas,
  form,
}: {
  readonly betas: readonly [Expr, Expr]
  readonly form: string
}): Expr => (form === 'preprint' ? betas[1] : sqrt(betas[1]))

/**
 * Adam whose step size is a lower bound on the distance to the solution, estimated on the way.
 * Memory: 3 values a parameter.
 */
export const dadaptAdam = defineAlgorithm({
  name: 'dadaptAdam',
  defaults,
  state: (h) => ({
    m: element(),
    v: element(),
    s: element(0, decayOfS(h)),
    q: scalar(),
    ...estimateState(h),
    ...biasState(h),
  }),
  step(values, h) {
    const { x, g: gradient, m, v, s, q, d } = values
    const [beta1, beta2] = h.betas
    const preprint = h.form === 'preprint'
    const beta = decayOfS(h)
    const scale = h.layerScale
    const over = quotient(h.eps)
    const bias = biasCorrection(values, h.betas)
    const lambda = mul(d, h.lr, bias.factor)
    const g = coupled(gradient, x, h)

    const m1 = add(mul(beta1, m), mul(mul(scale, lambda, sub(1, beta1)), g))
    const v1 = ema(beta2, v, square(g))
    const s1 = add(mul(beta, s), mul(mul(lambda, sub(1, beta)), g))
    const norm = sum(mul(scale, norm1(s1, 'tensor')))
    const denominator = add(sqrt(v1), h.eps)
    const q1 = ema(
      beta,
      q,
      preprint
        ? sum(mul(square(lambda), dot(g, over(g, denominator), 'tensor')))
        : sum(mul(scale, lambda, dot(g, over(s, add(sqrt(v), h.eps)), 'tensor'))),
    )
    const numerator = preprint
      ? sub(div(dot(s1, over(s1, denominator)), sub(1, beta)), q1)
      : div(q1, sub(1, beta))
    const u = decoupled(neg(over(m1, denominator)), x, lambda, h)
    return {
      u,
      m: m1,
      v: v1,
      s: s1,
      q: q1,
      ...estimate(values, ratio(numerator, norm), h),
      ...bias.next(norm),
    }
  },
})
