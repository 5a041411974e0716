/**
 * What the transcriptions of D-Adaptation and Prodigy share: d and its limits, the bias correction,
 * weighted norms.
 */
import { dot, number, numbers, type Options, type Tensor, total, type Vector } from './parts.ts'

export const square = (a: Vector) => dot(a, a)
/** ‖a‖² in the norm of 1 / (√v + ε) */
export const weighted = (a: Vector, v: Vector, eps: number) =>
  total(a.length, (i) => a[i] * (a[i] / (Math.sqrt(v[i]) + eps)))
/** Σ of each tensor's number times a factor of its own. */
export const times = (
  tensors: readonly Tensor[],
  contributions: ReadonlyMap<number, number>,
  factor: (tensor: Tensor) => number,
) => tensors.reduce((all, tensor) => all + factor(tensor) * (contributions.get(tensor.id) ?? 0), 0)

/** d and the limits on it. */
export function estimate(start: Options) {
  let d = number(start, 'd0')
  let steps = 0
  return {
    now: () => d,
    take(dHat: number, h: Options, grown = Math.min(dHat, number(h, 'growthRate') * d)) {
      if (steps < number(h, 'adaptSteps')) d = Math.max(d, Math.min(grown, number(h, 'dLimit')))
      steps++
    },
  }
}

/**
 * √(1 − β₂ᵏ) / (1 − β₁ᵏ), k being the steps of the tensor from the first gradient that is not zero
 * on.
 */
export const bias = ({ h }: Tensor, k: number): number => {
  const [beta1, beta2] = numbers(h, 'betas')
  return h.useBiasCorrection ? Math.sqrt(1 - beta2 ** k) / (1 - beta1 ** k) : 1
}
