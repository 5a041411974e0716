/**
 * Adam's bias correction as the D-Adaptation and Prodigy packages have it: one factor on the step
 * size, kept as two EMAs of 1, which are 1 − βᵏ without cancellation, k being the steps that a
 * tensor took part in. Steps before the first gradient that is not zero do not count. Not used by
 * Adam itself, which corrects each moment.
 *
 *     c₁ ← β₁ c₁ + (1 − β₁),  c₂ ← β₂ c₂ + (1 − β₂),  factor √c₂ / c₁
 */
import { perTensor } from '../algorithm.ts'
import { div, ema, sqrt, where } from '../ops.ts'
import type { Expr, Value } from '../value.ts'

/** The two states, where the option is on. */
export const biasState = (h: { readonly useBiasCorrection: boolean }) => ({
  ...(h.useBiasCorrection && { c1: perTensor(), c2: perTensor() }),
})

/**
 * The factor on the step size (1 where the option is off), and the next states given a sum that is
 * 0 until a gradient was not.
 */
export function biasCorrection(
  { c1, c2 }: { c1: Value | undefined; c2: Value | undefined },
  [beta1, beta2]: readonly Expr[],
) {
  if (!c1 || !c2) return { factor: 1, next: (_seen: Expr): { c1?: Expr; c2?: Expr } => ({}) }
  const next1 = ema(beta1, c1, 1)
  const next2 = ema(beta2, c2, 1)
  return {
    factor: div(sqrt(next2), next1),
    next: (seen: Expr): { c1?: Expr; c2?: Expr } => ({
      c1: where(seen, next1, c1),
      c2: where(seen, next2, c2),
    }),
  }
}
