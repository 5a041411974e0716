/**
 * Prodigy: K. Mishchenko and A. Defazio, "Prodigy: An Expeditiously Adaptive Parameter-Free
 * Learner", 2023, https://arxiv.org/abs/2306.06101, Algorithm 4 (the Adam form). r and s carry the
 * weight d / d₀, which cancels in d̂ and keeps them away from underflow, as in the authors'
 * package.
 *
 *     λ  = d γ c                                    c = √(1 − β₂ᵏ) / (1 − β₁ᵏ) with bias correction, else 1
 *     m  ← β₁ m + (1 − β₁) d g
 *     v  ← β₂ v + (1 − β₂) d² g²
 *     r  ← β₃ r + (d / d₀) λ ⟨g, x₀ − x⟩
 *     s  ← β₃ s + (d / d₀) λ g                      (safeguardWarmup: d in place of λ)
 *     d̂  = dCoef r / ‖s‖₁
 *     x  ← x − λ m / (√v + d ε)
 *     d  ← max(d, d̂)                                (never above growthRate d)
 *
 * γ lr, (β₁, β₂) betas, β₃ beta3 = √β₂, ε eps. sliceP takes r, s and x − x₀ over every p-th
 * coordinate only.
 */
import { defineAlgorithm, dividedBy, element, scalar, sliced } from '../algorithm.ts'
import {
  add,
  div,
  dot,
  ema,
  max,
  min,
  mul,
  neg,
  norm1,
  ratio,
  slice,
  sqrt,
  square,
  sub,
  sum,
  where,
} from '../ops.ts'
import {
  type Declared,
  epsilon,
  fixed,
  fraction,
  integer,
  list,
  nonNegative,
  oneOf,
  orNull,
  positive,
} from '../options.ts'
import type { Expr } from '../value.ts'
import { biasCorrection, biasState } from './bias.ts'
import { coupled, decoupled } from './decay.ts'
import { type EstimateOptions, estimate, estimateDefaults, estimateState } from './estimate.ts'
import { quotient } from './quotient.ts'

/** Options of {@link prodigy}. */
export interface ProdigyOptions extends EstimateOptions {
  /** Multiplies d; leave it at 1, or give a schedule such as cosine. */
  lr: number
  /** Decay rates of the two moments. With β₁ = 0 no first moment is kept. */
  betas: readonly [number, number]
  /** Decay rate of the sums behind d; null for √β₂. */
  beta3: number | null
  /** ε, added to √v in units of d. */
  eps: number
  /** Weight decay; decoupled unless told otherwise. */
  weightDecay: number
  /** True shrinks x by 1 − wd·λ beside the step, false adds wd·x to the gradient. */
  decouple: boolean
  /** Corrects the moments' start from zero, as Adam does. */
  useBiasCorrection: boolean
  /** Keeps the schedule's small first values out of the denominator of d̂. */
  safeguardWarmup: boolean
  /** Multiplies the estimate: the one knob to turn, between 0.5 and 2. */
  dCoef: number
  /** Estimates d on every p-th coordinate, which saves 2 (1 − 1/p) values a parameter. */
  sliceP: number
  /**
   * 'prodigyopt' follows the PyTorch package where it departs from the paper: the denominator takes
   * the new d (and, with β₁ = 0, the step does too), which costs a second pass over memory; x waits
   * while s is 0; and x₀ − x is taken from the rounded x, as there, so float32 has to start with a
   * larger d0 where |x| is large.
   */
  compat: 'paper' | 'prodigyopt'
}
const defaults: Declared<ProdigyOptions> = {
  lr: nonNegative(1),
  betas: list(fraction, 0.9, 0.999),
  beta3: orNull(fraction),
  eps: epsilon(1e-8),
  weightDecay: nonNegative(0),
  decouple: true,
  useBiasCorrection: false,
  safeguardWarmup: false,
  ...estimateDefaults,
  dCoef: positive(1),
  sliceP: fixed(integer(1, Infinity)(1)),
  compat: oneOf('paper', 'prodigyopt'),
}

/** β₃, what the sums behind d are multiplied by. */
const beta3 = (h: { readonly beta3: Expr | null; readonly betas: readonly [Expr, Expr] }): Expr =>
  h.beta3 ?? sqrt(h.betas[1])

/**
 * Adam whose step size is an estimate of the distance to the solution that grows fast. Memory: 4
 * values a parameter.
 */
export const prodigy = defineAlgorithm({
  name: 'prodigy',
  defaults,
  state: (h) => ({
    ...(h.betas[0] !== 0 && { m: element() }),
    v: element(),
    s: dividedBy('d0', sliced(0, beta3(h))),
    ...(h.compat === 'prodigyopt' && { x0: sliced(slice) }),
    r: dividedBy('d0', scalar()),
    ...estimateState(h),
    ...(h.growthRate !== Infinity && { dMax: scalar(h.d0) }),
    ...biasState(h),
  }),
  step(values, h) {
    const { x, g: gradient, m, v, s, x0, r, d, dMax } = values
    const [beta1, beta2] = h.betas
    const decay = beta3(h)
    const bias = biasCorrection(values, h.betas)
    const lambda = mul(d, h.lr, bias.factor)
    const weight = div(d, h.d0)
    const g = coupled(gradient, x, h)
    const gP = slice(g)
    const moved = x0 ? sub(slice(x), x0) : values.moved

    const m1 = m && add(mul(beta1, m), mul(mul(sub(1, beta1), d), g))
    const v1 = ema(beta2, v, square(mul(d, g)))
    const r1 = sub(mul(decay, r), mul(weight, sum(mul(lambda, dot(gP, moved, 'tensor')))))
    const s1 = add(mul(decay, s), mul(mul(weight, h.safeguardWarmup ? d : lambda), gP))
    const norm = norm1(s1)
    const dHat = mul(h.dCoef, ratio(r1, norm))
    const dMax1 = dMax && max(dMax, dHat)
    // Only d₀ may grow without limit.
    const grown = dMax1 ? min(dMax1, mul(h.growthRate, where(sub(d, h.d0), d, max(d, dHat)))) : dHat
    const next = estimate(values, dHat, h, grown)

    const dStep = h.compat === 'prodigyopt' ? next.d : d
    const step = quotient(mul(h.d0, h.eps))(m1 ?? mul(dStep, g), add(sqrt(v1), mul(dStep, h.eps)))
    const move = decoupled(neg(mul(lambda, step)), x, lambda, h)
    // The package returns before x moves until s has seen a gradient.
    const u = h.compat === 'prodigyopt' ? where(norm, move, 0) : move
    return {
      u,
      v: v1,
      s: s1,
      r: r1,
      ...next,
      ...(m1 && { m: m1 }),
      ...(dMax1 && { dMax: dMax1 }),
      ...bias.next(norm),
    }
  },
})
