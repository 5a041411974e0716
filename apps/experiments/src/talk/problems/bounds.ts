// What the theorems say about f(x) − f* after so many steps, in the numbers of a run: the lines
// beside the curves. Each holds at every step for convex f, exact subgradients and points x₀, x₁, …
// with ‖g‖ ≤ G; the best point so far is held to it, as averages of the values are what is bounded.
import type { Numbers } from '../experiment.ts'

/** What is known of the problem. */
export interface Truth {
  /** ‖x₀ − x*‖ */
  readonly D: number
  readonly G: number
}

/** A step that was just taken, from x to x⁺ along g. */
export interface Step {
  /** The number of steps so far, this one included. */
  readonly n: number
  /** ‖g‖² */
  readonly squared: number
  /** ‖x − x*‖ and ‖x⁺ − x*‖ */
  readonly distance: number
  readonly nextDistance: number
  /** ‖x⁺ − x₀‖ */
  readonly nextMoved: number
  /** The method's scalars after the step. */
  readonly scalars: Numbers
}

/**
 * A theorem: takes notice of every step in `memory`, and gives the bound on the best f(xₖ) − f* so
 * far.
 */
export type Bound = (memory: Numbers, step: Step, truth: Truth) => number

const { log, max, sqrt } = Math

/** Adds to a sum in the memory. */
const sum = (memory: Numbers, name: string, value: number): number => {
  memory[name] = (memory[name] ?? 0) + value
  return memory[name]
}
const most = (memory: Numbers, name: string, value: number): number => {
  memory[name] = max(memory[name] ?? 0, value)
  return memory[name]
}

/**
 * Steps c D / (G √k), or c D / √k along g / ‖g‖: D G (1 / c + c Σ 1/k) / (2 Σ 1/√k). Shor, Polyak;
 * from ‖x⁺ − x*‖² ≤ ‖x − x*‖² − 2 γ (f − f*) + γ² G².
 */
export const subgradientBound =
  (c: number): Bound =>
  (memory, { n }, { D, G }) =>
    (D * G * (1 / c + c * sum(memory, 'inverses', 1 / n))) / (2 * sum(memory, 'roots', 1 / sqrt(n)))

/** Polyak's step: D G / √n. */
export const polyakBound: Bound = (_memory, { n }, { D, G }) => (D * G) / sqrt(n)

/**
 * AdaGrad-Norm with the factor γ: (D̄² / (2 γ) + γ) √Σ‖g‖² / n, D̄ the farthest that it has been
 * from x*.
 */
export const adagradNormBound =
  (gamma: number): Bound =>
  (memory, { n, squared, distance, nextDistance }) => {
    const far = most(memory, 'far', max(distance, nextDistance))
    return ((far ** 2 / (2 * gamma) + gamma) * sqrt(sum(memory, 'squares', squared))) / n
  }

/**
 * D-Adaptation by dual averaging, with G: (2 + √3) D d √(G² + Σ‖g‖²) / Σ dₖ. (Defazio, Mishchenko
 * 2023, Theorem 1 is this at the best n.) d is that after the step, the sum over those before.
 */
const dualAveragingBound =
  (d0: number): Bound =>
  (memory, { squared, scalars }, { D, G }) => {
    const weights = sum(memory, 'weights', memory.d ?? d0)
    memory.d = scalars.d
    return (
      ((2 + sqrt(3)) * D * scalars.d * sqrt(G ** 2 + sum(memory, 'squares', squared))) / weights
    )
  }

/**
 * Prodigy by gradient descent, with G: √2 D G d (2 + ln(n + 1)) / √Σ dₖ² (Mishchenko, Defazio 2023,
 * Theorem 1).
 */
const prodigyBound =
  (d0: number): Bound =>
  (memory, { n, scalars }, { D, G }) => {
    const weights = sum(memory, 'weights', (memory.d ?? d0) ** 2)
    memory.d = scalars.d
    return (sqrt(2) * D * G * scalars.d * (2 + log(n + 1))) / sqrt(weights)
  }

/** Prodigy by dual averaging, with G: (2 + √3) D G √(ρ (1 + ρ)), ρ = d² / Σ dₖ². */
const prodigyDaBound =
  (d0: number): Bound =>
  (memory, { scalars }, { D, G }) => {
    const weights = sum(memory, 'weights', (memory.d ?? d0) ** 2)
    memory.d = scalars.d
    const rho = scalars.d ** 2 / weights
    return (2 + sqrt(3)) * D * G * sqrt(rho * (1 + rho))
  }

/**
 * DoG and, with the weights squared, DoWG: r̄ (2 D̄ + r̄) √v / Σ weights (Ivgi, Hinder, Carmon
 * 2023, Proposition 1).
 */
const distanceBound =
  (power: 1 | 2, read: (scalars: Numbers) => { r: number; root: number }): Bound =>
  (memory, { distance, nextDistance, nextMoved, scalars }) => {
    const { r, root } = read(scalars)
    const weights = sum(memory, 'weights', r ** power)
    const far = most(memory, 'far', max(distance, nextDistance))
    const next = max(r, nextMoved)
    return (next * (2 * far + next) * root) / weights
  }

const dogBound: Bound = distanceBound(1, ({ rBar, G }) => ({ r: rBar, root: sqrt(G) }))
/** ε is what DoWG adds to √v. */
const dowgBound = (eps: number): Bound =>
  distanceBound(2, ({ r2, v }) => ({ r: sqrt(r2), root: sqrt(v) + eps }))

/** What is proved of a method on convex functions, without noise, at its defaults. */
export interface Theorem {
  readonly bound?: Bound
  /** What d̂ stays below: so many D, or the distance in ℓ∞. */
  readonly below?: (far: { readonly D: number; readonly largest: number }) => number
}
const d0 = 1e-6
const once: Theorem['below'] = ({ D }) => D

/** By the names of methods.ts. */
export const THEOREMS: Readonly<Record<string, Theorem>> = {
  'D-Adaptation DA': { bound: dualAveragingBound(d0), below: once },
  'D-Adaptation DA, option I': { bound: dualAveragingBound(d0), below: once },
  'Prodigy GD': { bound: prodigyBound(d0), below: once },
  'Prodigy DA': { bound: prodigyDaBound(d0), below: once },
  // The package's estimate has a factor 2.
  'D-Adaptation SGD': { below: ({ D }) => 2 * D },
  Prodigy: { below: ({ largest }) => largest },
  DoG: { bound: dogBound },
  DoWG: { bound: dowgBound(1e-4) },
}
