/**
 * COCOB-Backprop: F. Orabona and T. Tommasi, "Training Deep Networks without Learning Rates Through
 * Coin Betting", 2017, https://arxiv.org/abs/1705.07795, Algorithm 2, as in the authors' package.
 * Coordinate by coordinate:
 *
 *     c  = γ g
 *     L  ← max(L, |c|)                          L₀ = ε
 *     G  ← G + |c|
 *     R  ← max(R − c (x − x₀), 0)
 *     θ  ← θ − c
 *     x  ← x₀ + θ (L + R) / (L max(G + L, α L))
 *
 * γ lr scales the gradient, which changes nothing but ε. Weight decay is coupled.
 */
import { defineAlgorithm, element } from '../algorithm.ts'
import { abs, add, max, mul, sub } from '../ops.ts'
import { type Declared, epsilon, nonNegative, positive } from '../options.ts'
import { coupled } from './decay.ts'
import { quotient } from './quotient.ts'

/** Options of {@link cocob}. */
export interface CocobOptions {
  /** α: how much is bet while few gradients were seen; larger is more careful. */
  alpha: number
  /** ε, the least scale of the gradients. */
  eps: number
  /** Coupled decay, added to the gradient. */
  weightDecay: number
  /** Scales the gradient. */
  lr: number
}
const defaults: Declared<CocobOptions> = {
  alpha: positive(100),
  eps: epsilon(1e-8),
  weightDecay: nonNegative(0),
  lr: nonNegative(1),
}

/** Coin betting: no step size at all. Memory: 5 values a parameter. */
export const cocob = defineAlgorithm({
  name: 'cocob',
  defaults,
  state: (h) => ({ L: element(h.eps), G: element(), R: element(), theta: element() }),
  step({ x, g, moved, L, G, R, theta }, h) {
    const c = mul(h.lr, coupled(g, x, h))
    const L1 = max(L, abs(c))
    const G1 = add(G, abs(c))
    const R1 = max(sub(R, mul(c, moved)), 0)
    const theta1 = sub(theta, c)
    const bet = quotient(mul(h.eps, h.eps))(
      mul(theta1, add(L1, R1)),
      mul(L1, max(add(G1, L1), mul(h.alpha, L1))),
    )
    return { u: sub(bet, moved), L: L1, G: G1, R: R1, theta: theta1 }
  },
})
