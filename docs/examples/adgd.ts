/**
 * Adaptive gradient descent: Y. Malitsky and K. Mishchenko, "Adaptive Gradient Descent without
 * Descent", 2020, https://arxiv.org/abs/1910.09529, Algorithm 1, with the start of the authors'
 * package.
 *
 *     λ⁺ = min(√(1 + θ) λ, ‖x − x₋₁‖ / (2 ‖g − g₋₁‖))      the first λ is λ₀
 *     θ  ← λ⁺ / λ,  λ ← λ⁺                                 θ₀ = 10¹²
 *     x  ← x − γ λ g
 *
 * γ lr. For convex f that are smooth around the iterates; the step follows the local curvature and
 * needs no constant.
 */
import {
  add,
  type Declared,
  defineAlgorithm,
  div,
  element,
  min,
  mul,
  neg,
  nonNegative,
  norm2,
  positive,
  scalar,
  sqrt,
  sub,
  where,
} from '@freestep/core'

/** Options of {@link adgd}. */
export interface AdgdOptions {
  /** Multiplies the step; leave it at 1. */
  lr: number
  /** λ₀, the first step size; small. */
  lambda0: number
}
const defaults: Declared<AdgdOptions> = { lr: nonNegative(1), lambda0: positive(1e-6) }

/**
 * Gradient descent whose step size comes from the last two gradients. Memory: 2 values a parameter.
 */
export const adgd = defineAlgorithm({
  name: 'adgd',
  defaults,
  state: (h) => ({
    gLast: element(),
    uLast: element(),
    lambda: scalar(h.lambda0),
    theta: scalar(1e12),
  }),
  step({ g, gLast, uLast, lambda, theta }, h) {
    const moved = norm2(uLast)
    const turned = norm2(sub(g, gLast))
    const grown = mul(sqrt(add(1, theta)), lambda)
    const local = where(turned, min(grown, div(moved, mul(2, turned))), grown)
    const lambda1 = where(moved, local, lambda)
    const u = neg(mul(mul(h.lr, lambda1), g))
    return {
      u,
      gLast: g,
      uLast: u,
      lambda: lambda1,
      theta: where(moved, div(lambda1, lambda), theta),
    }
  },
})
