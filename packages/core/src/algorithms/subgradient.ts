/**
 * The subgradient method: N. Z. Shor 1962, B. T. Polyak 1967; here with the step that is optimal
 * for convex G-Lipschitz functions when D = ‖x₀ − x*‖ is known.
 *
 *     x  ← x − γ_k g                  γ_k = D / (G √k), k = 1, 2, …   (or the option lr)
 *
 * The average of the iterates then has f − f* of the order D G / √k.
 */
import { defineAlgorithm, perTensor } from '../algorithm.ts'
import { add, div, mul, neg, sqrt } from '../ops.ts'
import { type Declared, nonNegative, orNull, positive } from '../options.ts'
import { coupled } from './decay.ts'

/** Options of {@link subgradient}. */
export interface SubgradientOptions {
  /** The step size, a number or a schedule, where D and G are not given; beside them a factor. */
  lr: number
  /** ‖x₀ − x*‖; with G it sets the step size D / (G √k). */
  D: number | null
  /** A bound on ‖g‖. */
  G: number | null
  /** Coupled decay, added to the gradient. */
  weightDecay: number
}
const defaults: Declared<SubgradientOptions> = {
  lr: nonNegative(1),
  D: orNull(positive),
  G: orNull(positive),
  weightDecay: nonNegative(0),
}

/** The subgradient method, with a fixed or scheduled step or with D / (G √k). No memory. */
export const subgradient = defineAlgorithm({
  name: 'subgradient',
  defaults,
  state: (h) => ({ ...(h.D !== null && h.G !== null && { k: perTensor() }) }),
  step({ x, g: gradient, k }, h) {
    const g = coupled(gradient, x, h)
    if (!k || h.D === null || h.G === null) return { u: neg(mul(h.lr, g)) }

    const k1 = add(k, 1)
    return { u: neg(mul(mul(h.lr, div(h.D, mul(h.G, sqrt(k1)))), g)), k: k1 }
  },
})
