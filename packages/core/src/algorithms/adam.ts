/**
 * Adam: D. P. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", 2015,
 * https://arxiv.org/abs/1412.6980, Algorithm 1; AMSGrad: Reddi, Kale and Kumar 2018,
 * https://arxiv.org/abs/1904.09237; AdamW: I. Loshchilov and F. Hutter, "Decoupled Weight Decay
 * Regularization", 2019, https://arxiv.org/abs/1711.05101, Algorithm 2.
 *
 *     g  ← g + wd x                              (adam)
 *     m  ← β₁ m + (1 − β₁) g
 *     v  ← β₂ v + (1 − β₂) g²
 *     c₁ ← 1 − β₁ᵏ,  c₂ ← 1 − β₂ᵏ                (kept as EMAs of 1)
 *     x  ← x − γ (m / c₁) / (√(v / c₂) + ε)      (adamW: − γ wd x)
 *
 * γ lr, (β₁, β₂) betas, ε eps, wd weightDecay. With AMSGrad the running maximum of v stands in its
 * place.
 */
import { defineAlgorithm, element, perTensor } from '../algorithm.ts'
import { add, div, ema, max, mul, neg, sqrt, square } from '../ops.ts'
import { type Declared, epsilon, fraction, list, nonNegative } from '../options.ts'
import { coupled, decoupled } from './decay.ts'
import { quotient } from './quotient.ts'

/** Options of {@link adam} and {@link adamW}. */
export interface AdamOptions {
  /** Step size γ. */
  lr: number
  /** Decay rates of the two moments. */
  betas: readonly [number, number]
  /** ε, added to √v after bias correction. */
  eps: number
  /** Weight decay: coupled in adam, decoupled in adamW. */
  weightDecay: number
  /** Divides by the largest v seen, one more value a parameter. */
  amsgrad: boolean
  /** True shrinks x beside the step instead of adding to the gradient. */
  decouple: boolean
}
const defaults: Declared<AdamOptions> = {
  lr: nonNegative(1e-3),
  betas: list(fraction, 0.9, 0.999),
  eps: epsilon(1e-8),
  weightDecay: nonNegative(0),
  amsgrad: false,
  decouple: false,
}

/**
 * Adam with coupled weight decay, as torch.optim.Adam. Memory: 2 values a parameter (1 with β₁ = 0,
 * one more with AMSGrad).
 */
export const adam = defineAlgorithm({
  name: 'adam',
  defaults,
  state: (h) => ({
    ...(h.betas[0] !== 0 && { m: element(), c1: perTensor() }),
    v: element(),
    c2: perTensor(),
    ...(h.amsgrad && { vMax: element() }),
  }),
  step({ x, g: gradient, m, v, vMax, c1, c2 }, h) {
    const [beta1, beta2] = h.betas
    const g = coupled(gradient, x, h)
    const m1 = m && ema(beta1, m, g)
    const correction1 = c1 && ema(beta1, c1, 1)
    const v1 = ema(beta2, v, square(g))
    const correction2 = ema(beta2, c2, 1)
    const top = vMax ? max(vMax, v1) : v1
    // Times the inverse: dividers are the slowest part of a processor, and this is one division per
    // tensor in place of one per element.
    const step = quotient(h.eps)(m1 ?? g, add(mul(sqrt(top), div(1, sqrt(correction2))), h.eps))
    const u = decoupled(neg(mul(div(h.lr, correction1 ?? 1), step)), x, h.lr, h)
    return {
      u,
      v: v1,
      c2: correction2,
      ...(m1 && correction1 && { m: m1, c1: correction1 }),
      ...(vMax && { vMax: top }),
    }
  },
})

/** Adam with decoupled weight decay 0.01, as torch.optim.AdamW. */
export const adamW = defineAlgorithm({
  ...adam.algorithm,
  name: 'adamW',
  defaults: { ...defaults, weightDecay: nonNegative(1e-2), decouple: true },
})
