/**
 * Polynomial-decay averaging: O. Shamir and T. Zhang, "Stochastic Gradient Descent for Non-smooth
 * Optimization", 2013, https://arxiv.org/abs/1212.1824, as advised for DoG
 * (https://arxiv.org/abs/2302.12022). Not a change of the steps: only of the point to evaluate at.
 *
 *     x̄  ← (1 − w) x̄ + w x,   w = (γ + 1) / (γ + t),   t = 1, 2, …
 *
 * t counts the steps that a tensor took part in.
 */
import { type Algorithm, element, perTensor } from '../algorithm.ts'
import { add, div, lerp } from '../ops.ts'
import { type Declared, nonNegative } from '../options.ts'
import { chooseOptions } from '../settings.ts'
import { wrap } from './wrap.ts'

/** Options of {@link averaged}. */
export interface AveragedOptions {
  /** γ: 0 is the plain average, more forgets the past sooner. */
  readonly gamma?: number
}
const defaults: Declared<Required<AveragedOptions>> = { gamma: nonNegative(8) }

/**
 * Evaluates the inner algorithm at an average of its iterates. Memory: 1 value a parameter more.
 */
export function averaged<O extends object>(
  inner: Algorithm<O>,
  settings?: AveragedOptions,
): Algorithm<O> {
  const { gamma } = chooseOptions({ what: 'averaged' }, defaults, settings)
  return wrap(inner, {
    name: 'averaged',
    options: { gamma },
    state: () => ({ xBar: element((x) => x), t: perTensor() }),
    step(values, step) {
      const next = step(values)
      const t = add(values.t, 1)
      const xBar = lerp(values.xBar, add(values.x, next.u), div(gamma + 1, add(t, gamma)))
      return { ...next, xBar, t }
    },
    evaluate: ({ xBar }) => xBar,
  })
}
