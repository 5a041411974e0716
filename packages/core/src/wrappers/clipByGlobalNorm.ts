/**
 * Gradient clipping: R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent
 * neural networks", 2013, https://arxiv.org/abs/1211.5063, Algorithm 1, by the norm over all
 * parameters.
 *
 *     g  ← g · min(1, max / ‖g‖)
 *
 * Estimates of the distance stay what they claim: a clipped gradient is a gradient with a weight,
 * and the lower bounds of D-Adaptation and Prodigy hold for any weights. How fast they grow does
 * change: docs/clipping.md has both directions.
 */
import { type Algorithm, scalar } from '../algorithm.ts'
import { withInputs } from '../inputs.ts'
import { div, mul, sub, where, wideNorm2 } from '../ops.ts'
import { numbers, required } from '../options.ts'
import { chooseOptions } from '../settings.ts'
import type { Value } from '../value.ts'
import { wrap } from './wrap.ts'

const positive = numbers('a finite number > 0', (max) => max > 0 && max < Infinity)

/**
 * Gives the inner algorithm gradients of norm at most `max`; the norm before is the scalar
 * `gradientNorm`.
 */
export function clipByGlobalNorm<O extends object>(max: number, inner: Algorithm<O>): Algorithm<O> {
  chooseOptions({ what: 'clipByGlobalNorm' }, { max: required(positive) }, { max })
  return wrap(inner, {
    name: 'clipByGlobalNorm',
    options: { max },
    state: () => ({ gradientNorm: scalar() }),
    step(values, step) {
      const norm = wideNorm2(values.g)
      const g = mul(where(sub(norm, max), div(max, norm), 1), values.g) as Value
      return { ...step(withInputs(values, { g })), gradientNorm: norm }
    },
  })
}
