/**
 * Dual averaging with D-Adaptation, the form of the theory: A. Defazio and K. Mishchenko,
 * "Learning-Rate-Free Learning by D-Adaptation", 2023, https://arxiv.org/abs/2301.07733, Algorithm
 * 1.
 *
 *     s  ← s + λ g                                        λ = d γ_lr
 *     G² ← G² + ‖g‖²,  γ ← 1 / √G²                        γ₀ = 1 / ‖g₀‖, or 1 / bound
 *     d̂  = (γ ‖s‖² − Σ γᵢ λᵢ² ‖gᵢ‖²) / (2 ‖s‖)            Option I  (γᵢ is the γ before step i)
 *     d̂  = Σ λᵢ γᵢ ⟨gᵢ, sᵢ⟩ / ‖s‖                         Option II, never smaller
 *     d  ← max(d, d̂)
 *     x  ← x₀ − γ s
 *
 * For convex f, d̂ ≤ ‖x₀ − x*‖ at every step, and the average of the iterates weighted by d, which
 * is the point to evaluate at, has f − f* ≤ 12 D G / √(n+1) in the long run. Steps before the first
 * gradient that is not zero do nothing.
 */
import { defineAlgorithm, element, perTensor, scalar } from '../algorithm.ts'
import {
  add,
  div,
  dot,
  max,
  mul,
  neg,
  ratio,
  sqrt,
  square,
  sub,
  sum,
  where,
  wideNorm2,
} from '../ops.ts'
import { type Declared, fixed, nonNegative, oneOf, positive } from '../options.ts'

/** Options of {@link dualAveraging}. */
export interface DualAveragingOptions {
  /** Weighs the step's gradient, for schedules; leave it at 1. */
  lr: number
  /** The first estimate of the distance. */
  d0: number
  /**
   * G, an upper bound on ‖g‖: with it G² starts at G², which the bound for a finite number of steps
   * asks for.
   */
  G: number
  /** Which estimate. */
  option: 'I' | 'II'
}
const defaults: Declared<DualAveragingOptions> = {
  lr: nonNegative(1),
  d0: fixed(positive(1e-6)),
  G: nonNegative(0),
  option: oneOf('II', 'I'),
}

/** D-Adaptation by dual averaging. Memory: 3 values a parameter (s, x − x₀, the average). */
export const dualAveraging = defineAlgorithm({
  name: 'dualAveraging',
  defaults,
  state: (h) => ({
    s: element(),
    lag: element(),
    G2: scalar(square(h.G)),
    q: scalar(),
    d: scalar(h.d0),
    dHat: scalar(),
    weight: perTensor(),
  }),
  step({ g, moved, s, lag, G2, q, d, weight }, h) {
    const squared = dot(g, g)
    const G21 = add(G2, squared)
    const gammaNow = where(G2, div(1, sqrt(G2)), ratio(1, sqrt(squared)))
    const gamma = ratio(1, sqrt(G21))
    const lambda = mul(d, h.lr)

    const s1 = add(s, mul(lambda, g))
    const norm = wideNorm2(s1)
    const q1 = add(
      q,
      h.option === 'I'
        ? mul(gammaNow, sum(mul(square(lambda), dot(g, g, 'tensor'))))
        : mul(gammaNow, sum(mul(lambda, dot(g, s, 'tensor')))),
    )
    const dHat = ratio(h.option === 'I' ? div(sub(mul(gamma, square(norm)), q1), 2) : q1, norm)
    const u = neg(add(mul(gamma, s1), moved))
    // x̂ = Σ dᵢ xᵢ / Σ dᵢ, kept as its lag behind x, over the points where gradients were taken.
    const weight1 = add(weight, d)
    return {
      u,
      s: s1,
      G2: G21,
      q: q1,
      d: max(d, dHat),
      dHat,
      lag: sub(mul(sub(1, div(d, weight1)), lag), u),
      weight: weight1,
    }
  },
  evaluate: ({ x, lag }) => add(x, lag),
})
