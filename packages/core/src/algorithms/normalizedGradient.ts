/**
 * The normalized gradient method: N. Z. Shor, "Minimization Methods for Non-Differentiable
 * Functions", 1985, chapter 2. It needs no bound on the gradients. (Not Shor's r-algorithm.)
 *
 *     x  ← x − α_k g / ‖g‖            α_k = D / √k, k = 1, 2, …        (or the option lr)
 *
 * The step is 0 where g is.
 */
import { defineAlgorithm, perTensor } from '../algorithm.ts'
import { add, div, mul, neg, ratio, sqrt, wideNorm2 } from '../ops.ts'
import { type Declared, nonNegative, orNull, positive } from '../options.ts'
import { coupled } from './decay.ts'

/** Options of {@link normalizedGradient}. */
export interface NormalizedGradientOptions {
  /** The length of the step, a number or a schedule, where D is not given; beside it a factor. */
  lr: number
  /** ‖x₀ − x*‖; sets the length D / √k. */
  D: number | null
  /** Coupled decay, added to the gradient. */
  weightDecay: number
}
const defaults: Declared<NormalizedGradientOptions> = {
  lr: nonNegative(1),
  D: orNull(positive),
  weightDecay: nonNegative(0),
}

/** Steps of a given length against the gradient, whatever its size. No memory. */
export const normalizedGradient = defineAlgorithm({
  name: 'normalizedGradient',
  defaults,
  state: (h) => ({ ...(h.D !== null && { k: perTensor() }) }),
  step({ x, g: gradient, k }, h) {
    const g = coupled(gradient, x, h)
    const k1 = k && add(k, 1)
    const alpha = k1 && h.D !== null ? mul(h.lr, div(h.D, sqrt(k1))) : h.lr
    return { u: neg(mul(ratio(alpha, wideNorm2(g)), g)), ...(k1 && { k: k1 }) }
  },
})
