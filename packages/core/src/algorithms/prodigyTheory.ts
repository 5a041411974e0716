/**
 * Prodigy in the two forms of its theory: K. Mishchenko and A. Defazio, "Prodigy: An Expeditiously
 * Adaptive Parameter-Free Learner", 2023, https://arxiv.org/abs/2306.06101, Algorithm 1 (gradient
 * descent) and Algorithm 2 (dual averaging). Not the Adam form for deep networks, which is
 * prodigy.ts.
 *
 *     gradient descent:                                      dual averaging:
 *     A  ← A + d² λ² ‖g‖²                                    s  ← s + λ d² g
 *     η  = d² λ / √(d² G² + A)                               A  ← A + λ² d² ‖g‖²
 *     x⁺ = x − η g                                           q  ← q + λ d² ⟨g, x₀ − x⟩
 *     q  ← q + η ⟨g, x₀ − x⟩                                 d  ← max(d, q / ‖s‖)
 *     d  ← max(d, q / ‖x⁺ − x₀‖)                             x  ← x₀ − s / √(λ² d² G² + A)
 *
 * λ lr (the weights, 1 by default), G a bound on ‖g‖. For convex f, d ≤ ‖x₀ − x*‖ at every step.
 * The point to evaluate at is the average of the iterates weighted by η, or by λ d² with dual
 * averaging, where q is kept divided by d₀: its first terms, of d₀³, are too small for a device
 * without double precision.
 */
import { defineAlgorithm, dividedBy, element, perTensor, scalar } from '../algorithm.ts'
import { add, div, dot, max, mul, neg, norm2, ratio, sqrt, square, sub, wideNorm2 } from '../ops.ts'
import { type Declared, fixed, nonNegative, positive } from '../options.ts'
import type { Expr } from '../value.ts'

/** Options of {@link prodigyGd} and {@link prodigyDa}. */
export interface ProdigyTheoryOptions {
  /** λ, the weight of each step: a number or a schedule. */
  lr: number
  /** The first estimate of the distance. */
  d0: number
  /** A bound on ‖g‖; the theory asks for it, 0 works as well in practice. */
  G: number
}
const defaults: Declared<ProdigyTheoryOptions> = {
  lr: nonNegative(1),
  d0: fixed(positive(1e-6)),
  G: nonNegative(0),
}

/** The lag of the weighted average behind x after the update u, and the sum of the weights. */
function average(lag: Expr, weight: Expr, w: Expr, u: Expr) {
  const weight1 = add(weight, w)
  return { lag: sub(mul(sub(1, ratio(w, weight1)), lag), u), weight: weight1 }
}
const states = (h: { d0: Expr }) => ({
  A: scalar(),
  q: scalar(),
  d: scalar(h.d0),
  dHat: scalar(),
  lag: element(),
  weight: perTensor(),
})

/** Prodigy by gradient descent. Memory: 2 values a parameter (x − x₀, the average). */
export const prodigyGd = defineAlgorithm({
  name: 'prodigyGd',
  defaults,
  state: (h) => states(h),
  step({ g, moved, A, q, d, lag, weight }, h) {
    const lambda = h.lr
    const A1 = add(A, mul(square(mul(d, lambda)), dot(g, g)))
    const eta = ratio(mul(square(d), lambda), sqrt(add(square(mul(d, h.G)), A1)))
    const u = neg(mul(eta, g))
    const q1 = sub(q, mul(eta, dot(g, moved)))
    const dHat = ratio(q1, norm2(add(moved, u)))
    return { u, A: A1, q: q1, d: max(d, dHat), dHat, ...average(lag, weight, eta, u) }
  },
  evaluate: ({ x, lag }) => add(x, lag),
})

/** Prodigy by dual averaging. Memory: 3 values a parameter (s, x − x₀, the average). */
export const prodigyDa = defineAlgorithm({
  name: 'prodigyDa',
  defaults,
  state: (h) => ({ ...states(h), s: element(), q: dividedBy('d0', scalar()) }),
  step({ g, moved, s, A, q, d, lag, weight }, h) {
    const w = mul(h.lr, square(d))
    const s1 = add(s, mul(w, g))
    const A1 = add(A, mul(square(mul(h.lr, d)), dot(g, g)))
    const q1 = sub(q, mul(div(w, h.d0), dot(g, moved)))
    const dHat = mul(h.d0, ratio(q1, wideNorm2(s1)))
    const d1 = max(d, dHat)
    const gamma = ratio(1, sqrt(add(square(mul(h.lr, d1, h.G)), A1)))
    const u = neg(add(mul(gamma, s1), moved))
    return { u, s: s1, A: A1, q: q1, d: d1, dHat, ...average(lag, weight, w, u) }
  },
  evaluate: ({ x, lag }) => add(x, lag),
})
