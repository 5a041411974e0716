/**
 * Schedule-free learning: A. Defazio, X. Yang et al., "The Road Less Scheduled", 2024,
 * https://arxiv.org/abs/2405.15682, around any algorithm, as the authors' wrapper (and, around sgd
 * and adam with β₁ = 0, their ScheduleFree SGD and AdamW).
 *
 *     y  = β x + (1 − β) z            the parameters, where gradients are taken
 *     z  ← z + u                      u the inner algorithm's update at z, with the gradient at y
 *     x  ← (1 − c) x + c z            the point to evaluate at
 *     c  = w / Σ w,  w = kʳ (max λ)ᵖ,  λ = lr · d of the inner algorithm
 *
 * β momentum, r r, p weightLrPower; k, the largest λ and Σ w are those of the steps that a tensor
 * took part in. Only zLag = z − y is kept, from which everything follows without subtracting
 * rounded parameters:
 *
 *     y  ← y + c zLag + (1 − β (1 − c)) u,    zLag ← (1 − c) (zLag + β u),    x = y + (1 − 1/β) zLag
 */
import { type Algorithm, element, perTensor } from '../algorithm.ts'
import { withInputs } from '../inputs.ts'
import { add, max, mul, ratio, slice, sub } from '../ops.ts'
import { type Declared, inside, integer, nonNegative } from '../options.ts'
import { chooseOptions } from '../settings.ts'
import type { Expr, Value } from '../value.ts'
import { wrap } from './wrap.ts'

/** Options of {@link scheduleFree}. */
export interface ScheduleFreeOptions {
  /** β in (0, 1). */
  readonly momentum?: number
  /** p, an integer: how strongly the average leans on steps with a large λ. */
  readonly weightLrPower?: number
  /** r, an integer: how strongly it leans on late steps. */
  readonly r?: number
  /**
   * Weight decay at y, times λ (the authors' wrapper leaves d out of it, which shrinks x long
   * before d has grown).
   */
  readonly weightDecayAtY?: number
}
const defaults: Declared<Required<ScheduleFreeOptions>> = {
  momentum: inside(0.9),
  weightLrPower: integer(0, 16)(2),
  r: integer(0, 16)(0),
  weightDecayAtY: nonNegative(0),
}

const power = (base: Expr, exponent: number): Expr =>
  mul(1, ...Array.from({ length: exponent }, () => base))

/**
 * No learning-rate schedule: the inner algorithm with averaging and momentum. Memory: 1 value a
 * parameter more.
 */
export function scheduleFree<O extends object>(
  inner: Algorithm<O>,
  settings?: ScheduleFreeOptions,
): Algorithm<O> {
  const options = chooseOptions({ what: 'scheduleFree' }, defaults, settings)
  const { momentum: beta, weightLrPower, r, weightDecayAtY } = options
  return wrap(inner, {
    name: 'scheduleFree',
    options: { ...options },
    state: () => ({
      zLag: element(),
      weightSum: perTensor(),
      lambdaMax: perTensor(),
      ...(r > 0 && { steps: perTensor() }),
    }),
    step(values, step, h) {
      const { x: y, zLag, weightSum, lambdaMax, steps } = values
      const d = (values as { d?: Value }).d ?? 1
      const decay = weightDecayAtY === 0 ? 0 : mul(mul(-weightDecayAtY, d, h.lr ?? 1), y)
      const aside = add(zLag, decay)
      const { u: u0, ...next } = step(
        withInputs(values, {
          x: add(y, aside),
          get moved() {
            return add(values.moved, slice(aside))
          },
        }),
      )
      const u = add(decay, u0)

      const lambda = max(lambdaMax, mul(next.d ?? d, h.lr ?? 1))
      const k = steps && add(steps, 1)
      const weight = mul(power(lambda, weightLrPower), k ? power(k, r) : 1)
      const sum = add(weightSum, weight)
      const rest = sub(1, ratio(weight, sum))
      return {
        ...next,
        u: add(mul(sub(1, rest), zLag), mul(sub(1, mul(beta, rest)), u)),
        zLag: mul(rest, add(zLag, mul(beta, u))),
        weightSum: sum,
        lambdaMax: lambda,
        ...(k && { steps: k }),
      }
    },
    evaluate: ({ x, zLag }) => add(x, mul(1 - 1 / beta, zLag)),
  })
}
