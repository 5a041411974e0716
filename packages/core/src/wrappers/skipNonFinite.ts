/**
 * Skips a step whose gradient (or loss, where the algorithm uses it) has a NaN or an infinity:
 * decided on the device, without reading anything back. Not loss scaling: what made the gradient
 * overflow is not looked for.
 *
 *     u ← 0 and every state as it was, where a coordinate of 0·g (or 0·f) is not 0
 */
import { type Algorithm, type Outputs, type States, scalar } from '../algorithm.ts'
import { withInputs } from '../inputs.ts'
import { abs, add, fresh, happening, mul, sub, sum, where } from '../ops.ts'
import { chooseOptions } from '../settings.ts'
import type { Value } from '../value.ts'
import { wrap } from './wrap.ts'

/**
 * Leaves parameters and states alone at a step that is not finite; the scalar `skipped` counts
 * them.
 */
export function skipNonFinite<O extends object>(
  inner: Algorithm<O>,
  settings?: Readonly<Record<string, never>>,
): Algorithm<O> {
  chooseOptions({ what: 'skipNonFinite' }, {}, settings)
  return wrap(inner, {
    name: 'skipNonFinite',
    options: {},
    state: () => ({ skipped: scalar() }),
    step(values, step) {
      // The loss is looked at only where the inner algorithm does: reading it is what makes callers
      // owe it.
      let loss: Value | undefined
      const watched = withInputs(values, {
        get loss() {
          loss = values.loss
          return loss
        },
      })
      // NaN is not above 0, so it selects the 1.
      const isWrong = (a: Value) => where(sub(1, abs(mul(a, 0))), 0, 1)
      const wrong = sum(fresh(isWrong(values.g)))
      let outputs: Outputs<States> = { u: 0 }
      const finite = happening(values, () => {
        outputs = step(watched)
        return sub(1, loss ? add(wrong, isWrong(loss)) : wrong)
      })
      const { u, ...next } = outputs
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
}
