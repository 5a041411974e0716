/**
 * DoG: M. Ivgi, O. Hinder and Y. Carmon, "DoG is SGD's Best Friend: A Parameter-Free Dynamic Step
 * Size Schedule", 2023, https://arxiv.org/abs/2302.12022, equation (DoG); LDoG is the same for each
 * tensor by itself. Options and the start as in the authors' package.
 *
 *     r̄  ← max(r̄, ‖x − x₀‖)             r̄₀ = r_ε (1 + ‖x₀‖)
 *     G  ← G + ‖g‖²                     G₀ = ε
 *     η  = γ r̄ / √G
 *     x  ← x − η g
 *
 * r_ε repsRel, ε eps, γ lr. The gradient includes coupled weight decay. The iterates are meant to
 * be averaged: see `averaged`.
 */
import { defineAlgorithm, perTensor, scalar, scalarLike } from '../algorithm.ts'
import { add, dot, max, mul, neg, norm2, ratio, sqrt, where } from '../ops.ts'
import { type Declared, epsilon, nonNegative, orNull, positive } from '../options.ts'
import { coupled } from './decay.ts'

/** Options of {@link dog} and {@link ldog}. */
export interface DogOptions {
  /** Multiplies η; leave it at 1. */
  lr: number
  /** r_ε, the first move relative to 1 + ‖x₀‖. The authors advise 1e-4 with batch normalization. */
  repsRel: number
  /** ε, where the sum of squared gradients starts. */
  eps: number
  /** The first step size itself, in place of the rule with repsRel. */
  initEta: number | null
  /** Coupled decay, added to the gradient. */
  weightDecay: number
}
const defaults: Declared<DogOptions> = {
  lr: nonNegative(1),
  repsRel: positive(1e-6),
  eps: epsilon(1e-8),
  initEta: orNull(positive),
  weightDecay: nonNegative(0),
}

/** Both forms: one block that is all of R^p, or one block per tensor. */
const distanceOverGradients = (name: string, per: 'global' | 'tensor') => {
  const state = per === 'tensor' ? perTensor : scalar
  return defineAlgorithm({
    name,
    defaults,
    state: (h) => ({
      rBar: state((x) => (h.initEta === null ? mul(h.repsRel, add(1, norm2(x, per))) : 0)),
      G: state(h.eps),
      eta: per === 'tensor' ? perTensor() : scalarLike(h.lr),
    }),
    step({ x, g: gradient, moved, rBar, G }, h) {
      const g = coupled(gradient, x, h)
      const rBar1 = max(rBar, norm2(moved, per))
      const G1 = add(G, dot(g, g, per))
      const rule = mul(h.lr, ratio(rBar1, sqrt(G1)))
      const eta = h.initEta === null ? rule : where(rBar1, rule, h.initEta)
      return { u: neg(mul(eta, g)), rBar: rBar1, G: G1, eta }
    },
  })
}

/**
 * Distance over Gradients: SGD whose step size is the distance moved over the root of the summed
 * squared gradients.
 */
export const dog = distanceOverGradients('dog', 'global')

/** Layer-wise DoG: each tensor has its own distance, sum and step size. */
export const ldog = distanceOverGradients('ldog', 'tensor')
