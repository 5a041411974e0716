// A convex function with a known solution as a task on plain arrays in double precision, held to a
// theorem at every step.
import { cpu, type FloatArray, type Schedule } from '@freestep/cpu'
import type { Numbers } from '../experiment.ts'
import type { Context } from '../methods.ts'
import type { Task } from '../session.ts'
import type { Bound } from './bounds.ts'
import { type Convex, distance, farthest, norm } from './convex.ts'

/** What is asked of the task beside the problem. */
export interface ConvexOptions {
  /** The f − f* that counts as solved; the end then tells in which step it was `reached`. */
  readonly enough?: number
  /** The rows of step k, where the gradient is not that of the whole function. */
  readonly rows?: (k: number) => Int32Array
  /**
   * Which f(x) − f* is measured: of the best point so far, or of the point that the method says to
   * evaluate at.
   */
  readonly at: 'best' | 'evaluated'
  /** Whether `value` and `gradient` are measured, too. */
  readonly path?: boolean
  /** A bound on ‖x₀ − x*‖ for the theorem, where the method is told no better. */
  readonly reach?: number
  /** A theorem about the method. */
  readonly bound?: Bound | undefined
  /** The distance that the method's d̂ is proved to stay below. */
  readonly below?: number | undefined
}

/**
 * The task. It measures `gap`, f(x) − f*, and `bound`, the theorem's number; with `path` also
 * `value`, f − f* where the last gradient was taken, and `gradient`, ‖g‖ there. At the end come the
 * largest quotients over all steps: `gapOverBound` of the best point and its bound, `dOverD` of d̂
 * and the distance, `gOverG` of ‖g‖ and its bound.
 */
export async function convexTask(
  problem: Convex,
  { enough = 0, rows, at, path, reach, bound, below }: ConvexOptions,
): Promise<Task<FloatArray>> {
  const { f, x0, xStar, fStar, wrong } = problem
  const D = reach ?? distance(x0, xStar)
  const now = { g: new Float64Array(x0.length), gap: 0, before: D }

  const atEnd = (point: FloatArray) => ({
    D,
    largest: farthest(x0, xStar),
    ...(wrong && { wrong: wrong(point) }),
  })
  return {
    backend: await cpu(),
    params: { x: Float64Array.from(x0) },
    step(optimizer, k) {
      const { x } = optimizer.params
      const loss = rows ? gradientOf(problem, rows(k), x, now.g) : f(x, now.g)
      now.gap = loss - fStar
      now.before = distance(x, xStar)
      optimizer.grads?.x.set(now.g)
      optimizer.step(optimizer.grads, { loss })
      return loss
    },
    ...(!rows && {
      watch({ optimizer, steps: n, memory }, scalars) {
        const { x } = optimizer.params
        const squared = norm(now.g) ** 2
        keepMost(memory, 'gOverG', Math.sqrt(squared) / problem.G)
        if (memory.reached === undefined && now.gap <= enough) memory.reached = n
        memory.best = Math.min(memory.best ?? now.gap, now.gap)
        if (below !== undefined) keepMost(memory, 'dOverD', scalars.dHat / below)
        if (!bound) return
        const reached = { nextDistance: distance(x, xStar), nextMoved: distance(x, x0) }
        memory.bound = bound(
          memory,
          { n, squared, distance: now.before, ...reached, scalars },
          { D, G: problem.G },
        )
        keepMost(memory, 'gapOverBound', memory.best / memory.bound)
      },
    }),
    measure({ optimizer, memory, last }) {
      const point = optimizer.evaluated().x
      const gap = Math.max(at === 'best' && !rows ? memory.best : f(point) - fStar, ROUNDING)
      return {
        gap,
        ...(path && { value: now.gap, gradient: norm(now.g) }),
        ...(bound && { bound: memory.bound }),
        ...(last && {
          ...atEnd(point),
          ...(enough > 0 && { reached: memory.reached ?? Number.NaN }),
          ...pick(memory, CHECKS),
        }),
      }
    },
    dispose() {},
  }
}

/** The mean of some rows, and its subgradient. */
function gradientOf({ row, f }: Convex, rows: Int32Array, x: FloatArray, g: Float64Array): number {
  if (!row) return f(x, g)
  const own = new Float64Array(g.length)
  g.fill(0)
  let loss = 0
  for (const i of rows) {
    loss += row(i, x, own) / rows.length
    for (let j = 0; j < g.length; j++) g[j] += own[j] / rows.length
  }
  return loss
}

/** Largest quotients over all steps. */
const CHECKS = ['gOverG', 'dOverD', 'gapOverBound']
const pick = (memory: Numbers, names: readonly string[]): Numbers =>
  Object.fromEntries(Object.entries(memory).filter(([name]) => names.includes(name)))

/** What is less is rounding. */
const ROUNDING = 1e-15

/** What methods may be told of the problem. */
export const contextOf = (
  { x0, xStar, G, fStar }: Convex,
  steps: number,
  lr: Schedule | 1,
): Context => ({
  steps,
  lr,
  warmup: false,
  G,
  fStar,
  D: distance(x0, xStar),
  largest: farthest(x0, xStar),
})

const keepMost = (memory: Numbers, name: string, value: number) => {
  memory[name] = Math.max(memory[name] ?? 0, value)
}
