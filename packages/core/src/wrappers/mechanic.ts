/**
 * Mechanic: A. Cutkosky, A. Defazio and H. Mehta, "Mechanic: A Learning Rate Tuner", 2023,
 * https://arxiv.org/abs/2306.00144, Algorithm 1 with several β at once and the decay of section
 * 3.2, with the defaults of the optax package.
 *
 *     g  ← g + λ S ‖g‖ / (‖x‖ + ε) x           seen by the tuner alone
 *     h  = −⟨g, Δ⟩
 *     Δ  ← Δ + u                               u the inner algorithm's update
 *     for each βᵢ = 1 − 0.1ⁱ:
 *       r ← β r + s clip(h, −m, m)             m the one before
 *       m ← max(β m, |h| + ε)
 *       v ← β² v + h²
 *       s ← (s₀ m / n + max(r, 0)) / (√v + ε)
 *     x  = x₀ + S Δ,  S = Σ s
 *
 * λ weightDecay, s₀ sInit, n numBetas, ε eps. Δ is kept as a sum of updates and never divided out
 * of x − x₀.
 */
import { type Algorithm, element, type State, type States, scalar } from '../algorithm.ts'
import { quotient } from '../algorithms/quotient.ts'
import { FreestepError } from '../errors.ts'
import { abs, add, dot, max, min, mul, neg, norm2, ratio, sqrt, square, sub } from '../ops.ts'
import { type Declared, epsilon, integer, nonNegative, positive } from '../options.ts'
import { chooseOptions } from '../settings.ts'
import type { Expr } from '../value.ts'
import { wrap } from './wrap.ts'

/** Options of {@link mechanic}. */
export interface MechanicOptions {
  /** λ, how strongly S is pulled back. */
  readonly weightDecay?: number
  /** ε */
  readonly eps?: number
  /** s₀, the first scale. */
  readonly sInit?: number
  /** n, how many β are tried at once. */
  readonly numBetas?: number
}
const defaults: Declared<Required<MechanicOptions>> = {
  weightDecay: nonNegative(1e-2),
  eps: epsilon(1e-8),
  sInit: positive(1e-6),
  // The sixteenth β would be 1 in double precision.
  numBetas: integer(1, 15)(6),
}

/** Δ and S, and by name what each β has. */
type Tuned = States & { readonly delta: State; readonly S: State }

/**
 * Tunes the scale of any algorithm's updates. Memory: 2 values a parameter more (Δ, x − x₀).
 *
 * @throws FreestepError `bad-algorithm` around what is evaluated elsewhere than at x: it would
 * follow x, and not Δ
 */
export function mechanic<O extends object>(
  inner: Algorithm<O>,
  settings?: MechanicOptions,
): Algorithm<O> {
  const options = chooseOptions({ what: 'mechanic' }, defaults, settings)
  if (inner?.evaluate)
    throw new FreestepError(
      'core',
      'bad-algorithm',
      `mechanic cannot go around ${inner.name}, whose point to evaluate at is not x. Put it inside, as in averaged(mechanic(sgd())).`,
    )
  const { weightDecay, eps, sInit, numBetas } = options
  const tuners = Array.from({ length: numBetas }, (_, i) => ({
    beta: 1 - 0.1 ** (i + 1),
    key: `${i + 1}`,
  }))
  const states = (tuner: { key: string }) =>
    ['r', 'm', 'v', 's'].map((name) => [`mechanic.${name}${tuner.key}`, scalar()] as const)

  return wrap(inner, {
    name: 'mechanic',
    options: { ...options },
    state: (): Tuned => ({
      delta: element(),
      S: scalar(),
      ...Object.fromEntries(tuners.flatMap(states)),
    }),
    step(values, step) {
      const { x, g, moved, delta, S } = values
      const { u, ...next } = step(values)
      const pull =
        weightDecay === 0
          ? 0
          : mul(weightDecay, S, ratio(norm2(g), add(norm2(x), eps)), dot(x, delta))
      const h = neg(add(dot(g, delta), pull))
      const delta1 = add(delta, u)

      const tuned: Record<string, Expr> = {}
      let S1: Expr = 0
      for (const { beta, key } of tuners) {
        const [r, m, v, s] = ['r', 'm', 'v', 's'].map((name) => values[`mechanic.${name}${key}`])
        const r1 = add(mul(beta, r), mul(s, max(neg(m), min(h, m))))
        const m1 = max(mul(beta, m), add(abs(h), eps))
        const v1 = add(mul(beta * beta, v), square(h))
        const s1 = quotient(eps)(add(mul(sInit / numBetas, m1), max(r1, 0)), add(sqrt(v1), eps))
        S1 = add(S1, s1)
        for (const [name, value] of Object.entries({ r: r1, m: m1, v: v1, s: s1 }))
          tuned[`mechanic.${name}${key}`] = value
      }
      return { ...next, u: sub(mul(S1, delta1), moved), delta: delta1, S: S1, ...tuned }
    },
  })
}
