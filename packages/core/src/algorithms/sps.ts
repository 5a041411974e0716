/**
 * The stochastic Polyak step size: N. Loizou, S. Vaswani, I. Laradji and S. Lacoste-Julien,
 * "Stochastic Polyak Step-size for SGD", 2021, https://arxiv.org/abs/2002.10542, as in the authors'
 * package.
 *
 *     constant:     η = min((f − f*) / (c ‖g‖² + ε), etaMax), at least 0
 *     smooth_iter:  η = min(γ^(1/b) η, f / (c ‖g‖² + ε))          f* is taken as 0
 *     x  ← x − η g
 *
 * b nBatchesPerEpoch, γ gamma, f the loss given to the step. Where ‖g‖ < 1e-8 the step is 0; unlike
 * the package, which would stay at η = 0 for ever, the smooth form then goes on with the η before.
 */
import { defineAlgorithm, plain, scalar } from '../algorithm.ts'
import { add, div, dot, max, min, mul, neg, sub, where } from '../ops.ts'
import {
  type Declared,
  epsilon,
  finite,
  fixed,
  nonNegative,
  oneOf,
  orNull,
  positive,
} from '../options.ts'

/** Options of {@link sps}. */
export interface SpsOptions {
  /** b, which spreads the growth by γ over an epoch. */
  nBatchesPerEpoch: number
  /** η before the first step of the smooth form. */
  initStepSize: number
  /** c: 0.5 for fast convergence of convex problems, larger is safer. */
  c: number
  /** γ, the most that η grows by in an epoch. */
  gamma: number
  /** A ceiling on η in the constant form; null for none. */
  etaMax: number | null
  /** Which form. */
  adaptFlag: 'smooth_iter' | 'constant'
  /** f*, for the constant form. */
  fstar: number
  /** ε */
  eps: number
  /** Multiplies the step. */
  lr: number
}
const defaults: Declared<SpsOptions> = {
  nBatchesPerEpoch: fixed(positive(500)),
  initStepSize: positive(1),
  c: positive(0.5),
  gamma: fixed(nonNegative(2)),
  etaMax: orNull(positive),
  adaptFlag: oneOf('smooth_iter', 'constant'),
  fstar: finite(0),
  eps: epsilon(1e-8),
  lr: nonNegative(1),
}

/** SGD with the stochastic Polyak step size. No memory. */
export const sps = defineAlgorithm({
  name: 'sps',
  defaults,
  state: (h) => ({ eta: scalar(h.initStepSize) }),
  step({ g, loss, eta }, h) {
    const squared = dot(g, g)
    const denominator = add(mul(h.c, squared), h.eps)
    const moves = sub(squared, 1e-16)
    const next = () => {
      if (h.adaptFlag === 'smooth_iter') {
        const growth =
          plain('gamma', h.gamma) ** (1 / plain('nBatchesPerEpoch', h.nBatchesPerEpoch))
        return min(mul(growth, eta), div(loss, denominator))
      }
      const rule = max(div(sub(loss, h.fstar), denominator), 0)
      return h.etaMax === null ? rule : min(rule, h.etaMax)
    }
    const eta1 = next()
    return { u: neg(mul(mul(h.lr, where(moves, eta1, 0)), g)), eta: where(moves, eta1, eta) }
  },
})
