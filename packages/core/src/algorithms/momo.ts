/**
 * MoMo and MoMo-Adam: F. Schaipp, R. Ohana, M. Eickenberg, A. Defazio and R. M. Gower, "MoMo:
 * Momentum Models for Adaptive Learning Rates", 2024, https://arxiv.org/abs/2305.07583, Algorithms
 * 1 and 2, as in the authors' package.
 *
 *     f̄  ← β f̄ + (1 − β) f,   m ← β m + (1 − β) g,   γ ← β γ + (1 − β) ⟨g, x⟩
 *     t  = max((1 + α wd) (f̄ − ρ f* − γ) + ⟨m, x⟩, 0) / ‖m‖²
 *     τ  = min(α / ρ, t)
 *     x  ← (x − τ m) / (1 + α wd)
 *
 * f the loss given to the step, α lr, β beta, wd weightDecay, f* lb; ρ = 1 − βᵏ with bias
 * correction, else 1 and the averages start at their first terms. MoMo-Adam has ρ = 1 − β₁ᵏ and
 * measures m in the norm of D = ε + √(v / (1 − β₂ᵏ)), so that x moves along m / D; `divide: false`
 * moves it after the same τ to (1 − α wd) x − τ m / D. With useFstar the lower bound rises to what
 * the averages prove:
 *
 *     before τ:  f* ← max(h / (2 (1 + α wd) ρ), lb)      where h = (1 + α wd) (f̄ − γ) + ⟨m, x⟩ < (1 + α wd) ρ f*
 *     after τ:   f* ← max((f̄ + ⟨m, x⟩ − γ − τ ‖m‖² / 2) / ρ, lb)
 */
import { defineAlgorithm, element, type Hyper, perTensor, scalar } from '../algorithm.ts'
import {
  add,
  div,
  dot,
  ema,
  max,
  min,
  mul,
  neg,
  ratio,
  sqrt,
  square,
  sub,
  sum,
  where,
} from '../ops.ts'
import { type Declared, epsilon, finite, fixed, fraction, list, nonNegative } from '../options.ts'
import type { Expr, Value } from '../value.ts'
import { quotient } from './quotient.ts'

/** Options of {@link momo}. */
export interface MomoOptions {
  /** α, the largest step size. */
  lr: number
  /** Decay, applied implicitly. */
  weightDecay: number
  /** β */
  beta: number
  /** f*, a lower bound on the objective. */
  lb: number
  /** Starts the averages at zero and corrects for it. */
  biasCorrection: boolean
  /** Estimates f* from below on the way. */
  useFstar: boolean
}
/** Options of {@link momoAdam}. */
export interface MomoAdamOptions {
  /** α, the largest step size. */
  lr: number
  /** Decay rates of the averages and of v. */
  betas: readonly [number, number]
  /** ε, added to the root of v. */
  eps: number
  /** Decay, applied implicitly, or as AdamW does where `divide` is false. */
  weightDecay: number
  /** f*, a lower bound on the objective. */
  lb: number
  /** Divides x by 1 + α wd after the step; false multiplies it by 1 − α wd before. */
  divide: boolean
  /** Estimates f* from below on the way. */
  useFstar: boolean
}

const defaults: Declared<MomoOptions> = {
  lr: nonNegative(1),
  weightDecay: nonNegative(0),
  beta: fraction(0.9),
  lb: fixed(finite(0)),
  biasCorrection: false,
  useFstar: false,
}
const adamDefaults: Declared<MomoAdamOptions> = {
  lr: nonNegative(1e-2),
  betas: list(fraction, 0.9, 0.999),
  eps: epsilon(1e-8),
  weightDecay: nonNegative(0),
  lb: fixed(finite(0)),
  divide: true,
  useFstar: false,
}

/** The model of the objective along m, and the step size τ that it allows. */
function model(
  averages: { f: Expr; gamma: Expr; mx: Expr; m2: Expr; rho: Expr; lb: Value; shrink: Expr },
  h: Hyper<MomoOptions>,
) {
  const { f, gamma, mx, m2, rho, lb, shrink } = averages
  const cap = add(mul(shrink, sub(f, gamma)), mx)
  const reset = max(div(cap, mul(2, shrink, rho)), h.lb)
  const lb1 = h.useFstar ? where(sub(mul(shrink, rho, lb), cap), reset, lb) : lb
  const t = ratio(max(add(mul(shrink, sub(sub(f, mul(rho, lb1)), gamma)), mx), 0), m2)
  const tau = min(div(h.lr, rho), t)
  const proven = div(sub(sub(add(f, mx), gamma), div(mul(tau, m2), 2)), rho)
  return { tau, lb: h.useFstar ? max(proven, h.lb) : lb1 }
}

/**
 * SGD with momentum whose step size comes from a model of the loss. Memory: 1 value a parameter.
 */
export const momo = defineAlgorithm({
  name: 'momo',
  defaults,
  state: (h) => ({
    m: element(),
    gamma: perTensor(),
    seen: perTensor(),
    fBar: scalar(),
    rho: scalar(),
    lb: scalar(h.lb),
    tau: scalar(),
  }),
  step({ x, g, loss, m, gamma, seen, fBar, rho, lb }, h) {
    const rho1 = ema(h.beta, rho, 1)
    // Without bias correction the averages start at their first terms: there 1 − β is replaced by
    // 1.
    const average = (old: Expr, now: Expr, goesOn: Expr) =>
      h.biasCorrection ? ema(h.beta, old, now) : where(goesOn, ema(h.beta, old, now), now)
    const m1 = average(m, g, seen)
    const f = average(fBar, loss, rho)
    const gamma1 = average(gamma, dot(g, x, 'tensor'), seen)
    const shrink = add(1, mul(h.lr, h.weightDecay))
    const averages = {
      f,
      gamma: sum(gamma1),
      mx: dot(m1, x),
      m2: dot(m1, m1),
      rho: h.biasCorrection ? rho1 : 1,
      lb,
      shrink,
    }
    const { tau, lb: lb1 } = model(averages, h)
    // (x − τ m) / (1 + α wd) − x
    const u = neg(div(add(mul(tau, m1), mul(mul(h.lr, h.weightDecay), x)), shrink))
    return { u, m: m1, gamma: gamma1, seen: 1, fBar: f, rho: rho1, lb: lb1, tau }
  },
})

/** Adam whose step size comes from a model of the loss. Memory: 2 values a parameter. */
export const momoAdam = defineAlgorithm({
  name: 'momoAdam',
  defaults: adamDefaults,
  state: (h) => ({
    m: element(),
    v: element(),
    gamma: perTensor(),
    c2: perTensor(),
    fBar: scalar(),
    rho: scalar(),
    lb: scalar(h.lb),
    tau: scalar(),
  }),
  step({ x, g, loss, m, v, fBar, gamma, rho, c2, lb }, h) {
    const [beta1, beta2] = h.betas
    const rho1 = ema(beta1, rho, 1)
    const correction2 = ema(beta2, c2, 1)
    const m1 = ema(beta1, m, g)
    const v1 = ema(beta2, v, square(g))
    const f = ema(beta1, fBar, loss)
    const gamma1 = ema(beta1, gamma, dot(g, x, 'tensor'))
    const step = quotient(h.eps)(m1, add(h.eps, sqrt(div(v1, correction2))))
    const decay = mul(h.lr, h.weightDecay)
    // The model has 1 + α wd in both forms, as the authors' package; only what happens to x
    // differs.
    const shrink = add(1, decay)
    const averages = {
      f,
      gamma: sum(gamma1),
      mx: dot(m1, x),
      m2: dot(m1, step),
      rho: rho1,
      lb,
      shrink,
    }
    const { tau, lb: lb1 } = model(averages, { ...h, beta: beta1, biasCorrection: true })
    const move = neg(add(mul(tau, step), mul(decay, x)))
    const u = h.divide ? div(move, shrink) : move
    return { u, m: m1, v: v1, fBar: f, gamma: gamma1, rho: rho1, c2: correction2, lb: lb1, tau }
  },
})
