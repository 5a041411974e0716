/**
 * Polyak's step size: B. T. Polyak, "Minimization of unsmooth functionals", 1969,
 * https://doi.org/10.1016/0041-5553(69)90061-5.
 *
 *     η  = clip((f − f*) / ‖g‖², lrMin, lrMax)
 *     x  ← x − η g
 *
 * f is the loss given to the step, f* fOpt. The step is 0 where g is, and never negative while
 * lrMin is not.
 */
import { defineAlgorithm, scalar } from '../algorithm.ts'
import { max, min, mul, neg, ratio, sub, wideNorm2 } from '../ops.ts'
import { type Declared, finite, limit, nonNegative } from '../options.ts'

/** Options of {@link polyak}. */
export interface PolyakOptions {
  /** f*, the least value of the objective. A value above it is worse than one below. */
  fOpt: number
  /** The smallest step size. */
  lrMin: number
  /** The largest step size. */
  lrMax: number
  /** Multiplies the step. */
  lr: number
}
const defaults: Declared<PolyakOptions> = {
  fOpt: finite(0),
  lrMin: finite(0),
  lrMax: limit(Infinity),
  lr: nonNegative(1),
}

/** Gradient descent with Polyak's step size; the optimal value must be known. No memory. */
export const polyak = defineAlgorithm({
  name: 'polyak',
  defaults,
  state: () => ({ eta: scalar() }),
  step({ g, loss }, h) {
    const norm = wideNorm2(g)
    const rule = max(ratio(ratio(sub(loss, h.fOpt), norm), norm), h.lrMin)
    const eta = h.lrMax === Infinity ? rule : min(rule, h.lrMax)
    return { u: neg(mul(mul(h.lr, eta), g)), eta }
  },
})
