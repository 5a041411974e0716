/**
 * Skips a step whose gradient (or loss, where the algorithm uses it) has a NaN or an infinity: decided on the device, without reading
 * anything back. Not loss scaling: what made the gradient overflow is not looked for.
 *
 *     u ← 0 and every state as it was, where Σ 0·g is not 0
 */
import { type Algorithm, type OptionsOf, scalar } from '../algorithm.ts'
import { abs, add, mul, sub, sum, where } from '../ops.ts'
import { wrap } from './wrap.ts'

/** Leaves parameters and states alone at a step that is not finite; the scalar `skipped` counts them. */
export const skipNonFinite = <A extends Algorithm>(inner: A): Algorithm<OptionsOf<A>> =>
  wrap(inner, {
    name: 'skipNonFinite',
    options: {},
    state: () => ({ skipped: scalar() }),
    step(values, step) {
      const finite = sub(1, abs(sum(mul(values.g, 0))))
      const { u, ...next } = step(values)
      const kept = Object.entries(next).map(([name, value]) => [
        name,
        where(finite, value ?? 0, values[name as keyof typeof values]),
      ])
      return {
        u: where(finite, u, 0),
        ...Object.fromEntries(kept),
        skipped: where(finite, values.skipped, add(values.skipped, 1)),
      }
    },
  })
