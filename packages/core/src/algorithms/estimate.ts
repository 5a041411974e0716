/**
 * What the D-Adaptation and Prodigy families share about d, the lower bound on the distance to the
 * solution: its start, how fast it may grow, where it stops. Not an estimate itself: each algorithm
 * proposes its own d̂.
 *
 *     d  ← max(d, min(d̂, growthRate d, dLimit))        for the first adaptSteps steps
 */
import { scalar } from '../algorithm.ts'
import { add, max, min, mul, sub, where } from '../ops.ts'
import { type Declared, fixed, growth, limit, positive, stepCount } from '../options.ts'
import type { Expr, Value } from '../value.ts'

/** Options of every algorithm that estimates the distance to the solution. */
export interface EstimateOptions {
  /** The first estimate of the distance; any value far below the true one. */
  d0: number
  /** The most that d may grow by in one step; 1.02 acts like a warm-up. */
  growthRate: number
  /** A ceiling on d. */
  dLimit: number
  /** After so many steps d stays as it is. */
  adaptSteps: number
}

/** Their defaults. */
export const estimateDefaults: Declared<EstimateOptions> = {
  d0: fixed(positive(1e-6)),
  growthRate: growth(Infinity),
  dLimit: limit(Infinity),
  adaptSteps: stepCount(Infinity),
}

type H = { readonly [K in keyof EstimateOptions]: Expr }

/**
 * The states of the estimate: d, the last proposal d̂, and a count of steps where d stops after
 * some.
 */
export const estimateState = (h: H) => ({
  d: scalar(h.d0),
  dHat: scalar(),
  ...(h.adaptSteps !== Infinity && { adapted: scalar() }),
})

/**
 * The next value of those states; `grown` is the proposal after a growth limit of the algorithm's
 * own, if it has one.
 */
export function estimate(
  { d, adapted }: { d: Value; adapted: Value | undefined },
  dHat: Expr,
  h: H,
  grown: Expr = h.growthRate === Infinity ? dHat : min(dHat, mul(h.growthRate, d)),
): { d: Expr; dHat: Expr; adapted?: Expr } {
  const next = max(d, h.dLimit === Infinity ? grown : min(grown, h.dLimit))
  if (!adapted) return { d: next, dHat }
  return { d: where(sub(h.adaptSteps, adapted), next, d), dHat, adapted: add(adapted, 1) }
}
