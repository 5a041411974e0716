/**
 * Stochastic gradient descent with momentum: Robbins and Monro 1951,
 * https://doi.org/10.1214/aoms/1177729586; heavy ball: Polyak 1964,
 * https://doi.org/10.1016/0041-5553(64)90137-5; Nesterov 1983. Dampening and the order of
 * operations as in torch.optim.SGD.
 *
 *     g  ← g + wd x
 *     m  ← μ m + (1 − τ) g          (m ← g at the first step)
 *     x  ← x − γ m                  (Nesterov: x − γ (g + μ m))
 *
 * γ lr, μ momentum, τ dampening, wd weightDecay.
 */
import { defineAlgorithm, element, perTensor } from '../algorithm.ts'
import { add, mul, neg, sub, where } from '../ops.ts'
import { type Declared, fraction, nonNegative } from '../options.ts'
import { coupled } from './decay.ts'

/** Options of {@link sgd}. */
export interface SgdOptions {
  /** Step size γ. There is no good default; this one is torch's. */
  lr: number
  /** μ in [0, 1). With 0 no buffer is kept. */
  momentum: number
  /** τ: how much of the gradient the buffer leaves out, from the second step on. */
  dampening: number
  /** Looks ahead along the buffer. */
  nesterov: boolean
  /** Coupled decay, added to the gradient. */
  weightDecay: number
}
const defaults: Declared<SgdOptions> = {
  lr: nonNegative(1e-3),
  momentum: fraction(0),
  dampening: fraction(0),
  nesterov: false,
  weightDecay: nonNegative(0),
}

/**
 * SGD with momentum (heavy ball or Nesterov), as torch.optim.SGD. Memory: none, or 1 value a
 * parameter with momentum.
 */
export const sgd = defineAlgorithm({
  name: 'sgd',
  defaults,
  state: (h) => ({
    ...(h.momentum !== 0 && { m: element() }),
    ...(h.dampening !== 0 && { first: perTensor(1) }),
  }),
  step({ x, g: gradient, m, first }, h) {
    const g = coupled(gradient, x, h)
    if (!m) return { u: neg(mul(h.lr, g)) }

    // At the first step m is 0. Where another parameter brings the dampening later, m goes on.
    const weight = first ? where(first, 1, sub(1, h.dampening)) : sub(1, h.dampening)
    const m1 = add(mul(h.momentum, m), mul(weight, g))
    const u = neg(mul(h.lr, h.nesterov ? add(g, mul(h.momentum, m1)) : m1))
    return { u, m: m1, ...(first && { first: 0 }) }
  },
})
