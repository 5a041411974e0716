/**
 * AdaGrad: J. Duchi, E. Hazan and Y. Singer, "Adaptive Subgradient Methods for Online Learning and
 * Stochastic Optimization", 2011, https://jmlr.org/papers/v12/duchi11a.html, coordinate by
 * coordinate; and AdaGrad-Norm: M. Streeter and H. B. McMahan 2010,
 * https://arxiv.org/abs/1002.4862, R. Ward, X. Wu and L. Bottou 2019,
 * https://arxiv.org/abs/1806.01811, with one sum for all.
 *
 *     adagrad:       G ← G + g²,       x ← x − γ / (1 + k δ) g / (√G + ε)
 *     primal-dual:   s ← s + g,        x ← x₀ − γ / (1 + k δ) s / (√G + ε)
 *     adagradNorm:   G ← G + ‖g‖²,     x ← x − γ g / (√G + ε)
 *
 * γ lr (the distance to the solution, if it were known), δ lrDecay, ε eps; 0/0 counts as 0.
 * Defaults of adagrad as torch.optim.Adagrad.
 */
import { defineAlgorithm, element, perTensor, scalar } from '../algorithm.ts'
import { add, div, dot, mul, neg, ratio, sqrt, square, sub } from '../ops.ts'
import { type Declared, epsilon, nonNegative } from '../options.ts'
import { coupled } from './decay.ts'

/** Options of {@link adagrad}. */
export interface AdagradOptions {
  /** γ; best near the ℓ∞ distance to the solution. */
  lr: number
  /** δ: lr falls as 1 / (1 + k δ). */
  lrDecay: number
  /** Coupled decay, added to the gradient. */
  weightDecay: number
  /** Where G starts. */
  initialAccumulatorValue: number
  /** ε, added to √G. */
  eps: number
  /** Dual averaging: steps are taken from x₀ along the sum of the gradients. */
  primalDual: boolean
}
const defaults: Declared<AdagradOptions> = {
  lr: nonNegative(1e-2),
  lrDecay: nonNegative(0),
  weightDecay: nonNegative(0),
  initialAccumulatorValue: nonNegative(0),
  eps: epsilon(1e-10),
  primalDual: false,
}

/** AdaGrad. Memory: 1 value a parameter (3 in the primal-dual form). */
export const adagrad = defineAlgorithm({
  name: 'adagrad',
  defaults,
  state: (h) => ({
    G: element(h.initialAccumulatorValue),
    ...(h.primalDual && { s: element() }),
    ...(h.lrDecay !== 0 && { k: perTensor() }),
  }),
  step(values, h) {
    const { x, g: gradient, G, s, k } = values
    const g = coupled(gradient, x, h)
    const G1 = add(G, square(g))
    const s1 = s && add(s, g)
    const gamma = k ? div(h.lr, add(1, mul(k, h.lrDecay))) : h.lr
    const step = neg(mul(gamma, ratio(s1 ?? g, add(sqrt(G1), h.eps))))
    const u = s1 ? sub(step, values.moved) : step
    return { u, G: G1, ...(s1 && { s: s1 }), ...(k && { k: add(k, 1) }) }
  },
})

/** Options of {@link adagradNorm}. */
export interface AdagradNormOptions {
  /** γ; best near the distance to the solution. */
  lr: number
  /** ε, added to √G. */
  eps: number
  /** Coupled decay, added to the gradient. */
  weightDecay: number
}
const normDefaults: Declared<AdagradNormOptions> = {
  lr: nonNegative(1),
  eps: epsilon(0),
  weightDecay: nonNegative(0),
}

/** AdaGrad-Norm: one step size for all coordinates. No memory. */
export const adagradNorm = defineAlgorithm({
  name: 'adagradNorm',
  defaults: normDefaults,
  state: () => ({ G: scalar() }),
  step({ x, g: gradient, G }, h) {
    const g = coupled(gradient, x, h)
    const G1 = add(G, dot(g, g))
    return { u: neg(mul(ratio(h.lr, add(sqrt(G1), h.eps)), g)), G: G1 }
  },
})
