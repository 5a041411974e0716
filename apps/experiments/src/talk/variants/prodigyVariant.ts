// EXPERIMENTAL. Prodigy with the choices that the talk leaves open as options: whether d may fall,
// whether all coordinates share one d, and how gradients are weighted in the estimate. Ours,
// without a theorem; at its defaults it is `prodigy` of core to the last bit.
//
//     w  = (d / d₀)^(p − 1) d γ                           p power: 2 is Prodigy's weight d², 1 D-Adaptation's d
//     m  ← β₁ m + (1 − β₁) d g,   v ← β₂ v + (1 − β₂) d² g²
//     r  ← √β₂ r + ⟨w g, x₀ − x⟩,   s ← √β₂ s + w g
//     d̂  = r / ‖s‖₁                                       over all coordinates, those of a tensor, or each by itself
//     x  ← x − d γ m / (√v + d ε)
//     d  ← max(d̂, ρ d, d₀)                                ρ fall: 1 is never
import {
  abs,
  add,
  defineAlgorithm,
  div,
  dot,
  type Expr,
  element,
  ema,
  max,
  mul,
  neg,
  norm1,
  perTensor,
  pow,
  ratio,
  scalar,
  sqrt,
  square,
  sub,
  sum,
} from '@freestep/core'

/** Options of {@link prodigyVariant}. */
export interface VariantOptions {
  /** Multiplies d. */
  lr: number
  /** Decay rates of the two moments. */
  betas: readonly [number, number]
  /** ε, in units of d. */
  eps: number
  /** The first estimate. */
  d0: number
  /** Keeps the schedule's small first values out of the denominator of d̂. */
  safeguardWarmup: boolean
  /** p, which weighs gradients by d^p in the estimate. */
  power: number
  /** ρ, what may be left of d after a step: 1 keeps it from falling, 0 lets it follow d̂. */
  fall: number
  /**
   * Which coordinates share a d: `all`, those of a `tensor`, or none, each `coordinate` having its
   * own.
   */
  per: string
}
const defaults: VariantOptions = {
  lr: 1,
  betas: [0.9, 0.999],
  eps: 1e-8,
  d0: 1e-6,
  safeguardWarmup: false,
  power: 2,
  fall: 1,
  per: 'all',
}

/** Prodigy with its open choices. */
export const prodigyVariant = defineAlgorithm({
  name: 'prodigyVariant',
  defaults,
  state(h) {
    const one = { all: scalar, tensor: perTensor, coordinate: element }[h.per] ?? scalar
    return { m: element(), v: element(), s: element(), r: one(), d: one(h.d0), dHat: one() }
  },
  step({ g, moved, m, v, s, r, d }, h) {
    const [beta1, beta2] = h.betas
    const beta3 = sqrt(beta2)
    const lambda = mul(d, h.lr)
    const weight = weightOf(div(d, h.d0), h.power)

    const m1 = add(mul(beta1, m), mul(mul(sub(1, beta1), d), g))
    const v1 = ema(beta2, v, square(mul(d, g)))
    // As in core: what multiplies a sum multiplies it after the sum.
    const inner = h.per === 'coordinate' ? mul(g, moved) : dot(g, moved, 'tensor')
    const product = h.per === 'all' ? sum(mul(lambda, inner)) : mul(lambda, inner)
    const norm = (a: Expr) =>
      h.per === 'coordinate' ? abs(a) : norm1(a, h.per === 'tensor' ? 'tensor' : 'global')
    const r1 = sub(mul(beta3, r), mul(weight, product))
    const s1 = add(mul(beta3, s), mul(mul(weight, h.safeguardWarmup ? d : lambda), g))
    const dHat = ratio(r1, norm(s1))
    const u = neg(mul(lambda, div(m1, add(sqrt(v1), mul(d, h.eps)))))
    const held = h.fall === 1 ? d : max(mul(h.fall, d), h.d0)
    return { u, m: m1, v: v1, s: s1, r: r1, d: max(held, dHat), dHat }
  },
})

/** (d / d₀)^(p − 1) */
function weightOf(grown: Expr, power: Expr): Expr {
  if (power === 1) return 1
  return power === 2 ? grown : pow(grown, Number(power) - 1)
}
