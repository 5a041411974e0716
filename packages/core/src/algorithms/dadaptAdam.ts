/**
 * D-Adapted Adam: A. Defazio and K. Mishchenko, "Learning-Rate-Free Learning by D-Adaptation", 2023,
 * https://arxiv.org/abs/2301.07733, Algorithm 5, in the form of the authors' package (version 3), whose inner product takes v before
 * the step.
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
 * γ lr, (β₁, β₂) betas, ε eps. layerScale weighs a parameter's gradient in m and its share in both sums.
 */
import { defineAlgorithm, element, scalar } from '../algorithm.ts'
import { add, div, ema, max, min, mul, neg, norm1, ratio, sqrt, square, sub, sum, where } from '../ops.ts'
import { coupled, decoupled } from './decay.ts'

/** Options of {@link dadaptAdam}. */
export interface DadaptAdamOptions {
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
  /** The first estimate of the distance; any value far below the true one. */
  d0: number
  /** The most that d may grow by in one step; 1.02 acts like a warm-up. */
  growthRate: number
  /** Per parameter group: a relative step size. */
  layerScale: number
}
const defaults: DadaptAdamOptions = {
  lr: 1,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 0,
  decouple: false,
  useBiasCorrection: false,
  d0: 1e-6,
  growthRate: Infinity,
  layerScale: 1,
}

/** Adam whose step size is a lower bound on the distance to the solution, estimated on the way. Memory: 3 values a parameter. */
export const dadaptAdam = defineAlgorithm({
  name: 'dadaptAdam',
  defaults,
  state: (h) => ({
    m: element(),
    v: element(),
    s: element(),
    q: scalar(),
    d: scalar(h.d0),
    dHat: scalar(),
    ...(h.useBiasCorrection && { c1: scalar(), c2: scalar() }),
  }),
  step({ x, g: gradient, m, v, s, q, d, c1, c2 }, h) {
    const [beta1, beta2] = h.betas
    const root = sqrt(beta2)
    const scale = h.layerScale
    const correction1 = c1 && ema(beta1, c1, 1)
    const correction2 = c2 && ema(beta2, c2, 1)
    const lambda = mul(d, h.lr, correction1 && correction2 ? div(sqrt(correction2), correction1) : 1)
    const g = coupled(gradient, x, h)

    const inner = sum(mul(mul(scale, lambda), g, div(s, add(sqrt(v), h.eps))))
    const q1 = ema(root, q, inner)
    const m1 = add(mul(beta1, m), mul(mul(scale, lambda, sub(1, beta1)), g))
    const v1 = ema(beta2, v, square(g))
    const s1 = add(mul(root, s), mul(mul(lambda, sub(1, root)), g))
    const norm = scale === 1 ? norm1(s1) : sum(mul(scale, norm1(s1, 'tensor')))
    const dHat = ratio(q1, mul(sub(1, root), norm))
    const u = decoupled(neg(div(m1, add(sqrt(v1), h.eps))), x, lambda, h)
    const d1 = max(d, h.growthRate === Infinity ? dHat : min(dHat, mul(h.growthRate, d)))
    return {
      ...{ u, m: m1, v: v1, s: s1, q: q1, d: d1, dHat },
      // Steps before the first gradient that is not zero do not count.
      ...(correction1 && correction2 && { c1: where(norm, correction1, c1), c2: where(norm, correction2, c2) }),
    }
  },
})
