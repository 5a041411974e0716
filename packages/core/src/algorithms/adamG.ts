/**
 * AdamG: Y. Pang, S. Yu, B. Hoang and J. Zhou, "Towards Stability of Parameter-free Optimization",
 * 2024, https://arxiv.org/abs/2405.04376, Algorithm 1, with the defaults of the pytorch_optimizer
 * package.
 *
 *     v  ← β₂ v + (1 − β₂) g²
 *     r  ← β₃ r + (1 − β₃) p v^q
 *     m  ← β₁ m + (1 − β₁) r g
 *     x  ← x − min(γ, 1/√k) (m / (1 − β₁ᵏ)) / (√(v / (1 − β₂ᵏ)) + ε)
 *
 * γ lr, (β₁, β₂, β₃) betas. p v^q is the numerator function of the golden step size.
 */
import { defineAlgorithm, element, perTensor, plain } from '../algorithm.ts'
import { add, div, ema, min, mul, neg, pow, sqrt, square } from '../ops.ts'
import {
  type Declared,
  epsilon,
  fixed,
  fraction,
  list,
  nonNegative,
  numbers,
  positive,
} from '../options.ts'
import { coupled, decoupled } from './decay.ts'
import { quotient } from './quotient.ts'

/** Options of {@link adamG}. */
export interface AdamGOptions {
  /** γ, a ceiling on the step size 1/√k. */
  lr: number
  /** Decay rates of m, v and r. */
  betas: readonly [number, number, number]
  /** p, the factor of the numerator function. */
  p: number
  /** q, its exponent. */
  q: number
  /** Weight decay; coupled unless `decouple`. */
  weightDecay: number
  /** True shrinks x beside the step. */
  decouple: boolean
  /** ε, added to the root of v. */
  eps: number
}
const defaults: Declared<AdamGOptions> = {
  lr: nonNegative(1),
  betas: list(fraction, 0.95, 0.999, 0.95),
  p: positive(0.2),
  q: fixed(numbers('a number in (0, 1]', (q) => q > 0 && q <= 1)(0.24)),
  weightDecay: nonNegative(0),
  decouple: false,
  eps: epsilon(1e-8),
}

/** Adam with a golden step size. Memory: 3 values a parameter. */
export const adamG = defineAlgorithm({
  name: 'adamG',
  defaults,
  state: () => ({
    m: element(),
    v: element(),
    r: element(),
    c1: perTensor(),
    c2: perTensor(),
    k: perTensor(),
  }),
  step({ x, g: gradient, m, v, r, c1, c2, k }, h) {
    const [beta1, beta2, beta3] = h.betas
    const g = coupled(gradient, x, h)
    const k1 = add(k, 1)
    const correction1 = ema(beta1, c1, 1)
    const correction2 = ema(beta2, c2, 1)
    const v1 = ema(beta2, v, square(g))
    const r1 = ema(beta3, r, mul(h.p, pow(v1, plain('q', h.q))))
    const m1 = ema(beta1, m, mul(r1, g))
    const eta = min(h.lr, div(1, sqrt(k1)))
    const step = quotient(h.eps)(div(m1, correction1), add(sqrt(div(v1, correction2)), h.eps))
    const u = decoupled(neg(mul(eta, step)), x, eta, h)
    return { u, m: m1, v: v1, r: r1, c1: correction1, c2: correction2, k: k1 }
  },
})
