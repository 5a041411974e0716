/**
 * Convex problems whose solution is known, drawn from a seed, the algorithms and wrappers by name,
 * and a way to follow an optimizer along its path. Plain loops over arrays of numbers: nothing here
 * uses the operations that are tested.
 */

import { draws } from '@freestep/conformance'
import * as freestep from '@freestep/cpu'
import {
  type Algorithm,
  cpu,
  createOptimizer,
  type FloatArray,
  type Optimizer,
  type OptimizerOptions,
  toSafetensors,
} from '@freestep/cpu'
import { vi } from 'vitest'

export { draws }

// A slow machine is no failure.
vi.setConfig({ testTimeout: 600_000 })

/** A point of R^p. */
export type Vector = readonly number[]

/** A convex function, where it starts, and where it is least. */
export interface Problem {
  readonly x0: Vector
  readonly xStar: Vector
  /** f* */
  readonly fStar: number
  /** The Lipschitz constant of f, where there is one. */
  readonly G: number
  loss(x: Vector): number
  /** A subgradient. */
  gradient(x: Vector): number[]
}

export const dot = (a: Vector, b: Vector): number =>
  a.reduce((total, each, i) => total + each * b[i], 0)
export const norm = (a: Vector): number => Math.sqrt(dot(a, a))
export const norm1 = (a: Vector): number => a.reduce((total, each) => total + Math.abs(each), 0)
export const normInf = (a: Vector): number => Math.max(...a.map(Math.abs))
export const minus = (a: Vector, b: Vector): number[] => a.map((each, i) => each - b[i])
export const distance = (a: Vector, b: Vector): number => norm(minus(a, b))
/** a + t b */
export const along = (a: Vector, t: number, b: Vector): number[] =>
  a.map((each, i) => each + t * b[i])
export const fill = <T>(length: number, of: (i: number) => T): T[] =>
  Array.from({ length }, (_, i) => of(i))
/** max |aᵢ − bᵢ| / max |bᵢ| */
export const error = (a: Vector, b: Vector): number => normInf(minus(a, b)) / (normInf(b) || 1)
/** Σ wᵢ pointᵢ / Σ wᵢ */
export function mean(points: readonly Vector[], weights: Vector = points.map(() => 1)): number[] {
  const total = weights.reduce((a, b) => a + b, 0)
  return points[0].map(
    (_, i) => points.reduce((all, point, k) => all + weights[k] * point[i], 0) / total,
  )
}

const size = 6
const rows = 12

/** Points and rows to make problems of: ‖x₀ − x*‖ = D. */
function drawn(seed: number, D: number) {
  const draw = draws(seed)
  const A = fill(rows, () => fill(size, draw))
  const x0 = fill(size, draw)
  const direction = fill(size, draw)
  return { A, x0, xStar: along(x0, D / norm(direction), direction), draw }
}
const meanNorm = (A: readonly Vector[]) => A.reduce((total, a) => total + norm(a), 0) / A.length
/** Σ cᵢ(x) aᵢ / m */
const combine = (A: readonly Vector[], c: (a: Vector, i: number) => number) =>
  fill(size, (j) => A.reduce((total, a, i) => total + c(a, i) * a[j], 0) / A.length)

/** The families of problems, by seed and distance to the solution. */
export const families = {
  /** mean |⟨aᵢ, x − x*⟩| */
  absolute(seed: number, D: number): Problem {
    const { A, x0, xStar } = drawn(seed, D)
    const residual = (a: Vector, x: Vector) => dot(a, minus(x, xStar))
    return {
      x0,
      xStar,
      fStar: 0,
      G: meanNorm(A),
      loss: (x) => A.reduce((total, a) => total + Math.abs(residual(a, x)), 0) / rows,
      gradient: (x) => combine(A, (a) => Math.sign(residual(a, x))),
    }
  },
  /**
   * mean max(0, 1 − yᵢ ⟨aᵢ, x⟩), the labels chosen so that x* has all margins, which it reaches
   * exactly once scaled.
   */
  hinge(seed: number, D: number): Problem {
    const { A, x0, xStar } = drawn(seed, D)
    // Rows long enough for a margin ≥ 1 at x*.
    const B = A.map((a) => {
      const margin = dot(a, xStar)
      return a.map((each) => (each * Math.sign(margin)) / Math.min(1, Math.abs(margin)))
    })
    const margin = (b: Vector, x: Vector) => 1 - dot(b, x)
    return {
      x0,
      xStar,
      fStar: 0,
      G: meanNorm(B),
      loss: (x) => B.reduce((total, b) => total + Math.max(0, margin(b, x)), 0) / rows,
      gradient: (x) => combine(B, (b) => (margin(b, x) > 1e-12 ? -1 : 0)),
    }
  },
  /**
   * max ⟨aᵢ, x − x*⟩ + bᵢ: least at x*, where the active rows (bᵢ = 0) have 0 in their convex hull.
   */
  maxAffine(seed: number, D: number): Problem {
    const { A, x0, xStar, draw } = drawn(seed, D)
    const opposite = fill(size, (j) => -A.reduce((total, a) => total + a[j], 0) / 3)
    const pieces = [...A, opposite, ...fill(4, () => fill(size, draw))]
    const offset = (i: number) => (i > rows ? -1 : 0)
    const values = (x: Vector) => pieces.map((a, i) => dot(a, minus(x, xStar)) + offset(i))
    return {
      x0,
      xStar,
      fStar: 0,
      G: Math.max(...pieces.map(norm)),
      loss: (x) => Math.max(...values(x)),
      gradient(x) {
        const all = values(x)
        return [...pieces[all.indexOf(Math.max(...all))]]
      },
    }
  },
  /** ½ Σ hᵢ (xᵢ − x*ᵢ)², smooth and not Lipschitz. */
  quadratic(seed: number, D: number): Problem {
    const { x0, xStar } = drawn(seed, D)
    const h = fill(size, (i) => 10 ** (-i / 2))
    return {
      x0,
      xStar,
      fStar: 0,
      G: Infinity,
      loss: (x) => minus(x, xStar).reduce((total, each, i) => total + 0.5 * h[i] * each ** 2, 0),
      gradient: (x) => minus(x, xStar).map((each, i) => h[i] * each),
    }
  },
} as const

/** The families that are Lipschitz. */
export const lipschitz = ['absolute', 'hinge', 'maxAffine'] as const

/** A problem in other coordinates y = T x: T maps points of it, back maps theirs. */
export const mapped = (
  problem: Problem,
  T: (x: Vector) => number[],
  back: (y: Vector) => number[],
): Problem => ({
  ...problem,
  x0: T(problem.x0),
  xStar: T(problem.xStar),
  loss: (y) => problem.loss(back(y)),
  gradient: (y) => T(problem.gradient(back(y))),
})

/** c f */
export const scaled = (problem: Problem, c: number): Problem => ({
  ...problem,
  fStar: c * problem.fStar,
  G: c * problem.G,
  loss: (x) => c * problem.loss(x),
  gradient: (x) => problem.gradient(x).map((each) => c * each),
})

// biome-ignore lint/suspicious/noExplicitAny: the options of one algorithm or another
type AnyAlgorithm = Algorithm<any>

/** How to follow. */
export interface Follow extends OptimizerOptions<object> {
  readonly steps: number
  /** How the coordinates are cut into tensors; all in one unless told. */
  readonly sizes?: readonly number[]
  readonly single?: boolean
  readonly at?: (k: number, now: Moment) => void | Promise<void>
}
/** What there is to see after a step. */
export interface Moment {
  readonly x: number[]
  readonly g: number[]
  readonly optimizer: Optimizer<FloatArray>
}

export const flat = (tensors: Readonly<Record<string, FloatArray>>): number[] =>
  Object.values(tensors).flatMap((t) => [...t])

/** A vector cut into tensors t0, t1, …, of double precision unless `single`. */
export function cut(
  x: Vector,
  sizes: readonly number[] = [x.length],
  single = false,
): Record<string, FloatArray> {
  let from = 0
  const part = (count: number) => {
    from += count
    const numbers = x.slice(from - count, from)
    return single ? Float32Array.from(numbers) : Float64Array.from(numbers)
  }
  return Object.fromEntries(sizes.map((count, i) => [`t${i}`, part(count)]))
}

/**
 * Takes steps on a problem and returns the iterates x₀, x₁, …, and the gradients that were taken at
 * them.
 */
export async function follow(
  algorithm: AnyAlgorithm,
  problem: Problem,
  { steps, sizes, single, at, ...options }: Follow,
) {
  const optimizer = await createOptimizer(
    algorithm,
    cut(problem.x0, sizes, single),
    await cpu(),
    options,
  )
  const points = [flat(optimizer.params)]
  const gradients: number[][] = []
  for (let k = 0; k < steps; k++) {
    const g = problem.gradient(points[k])
    optimizer.step(cut(g, sizes, single), { loss: problem.loss(points[k]) })
    gradients.push(g)
    points.push(flat(optimizer.params))
    await at?.(k, { x: points[k + 1], g, optimizer })
  }
  return { optimizer, points, gradients, x: points[steps], evaluated: flat(optimizer.evaluated()) }
}

/** Everything an optimizer is, as bytes: parameters, states, the count of steps. */
export const bytesOf = async (optimizer: Optimizer<FloatArray>): Promise<Buffer> =>
  Buffer.from(toSafetensors(await optimizer.save({ params: true })))

/** Every number an optimizer has, by the names of its checkpoint. */
export async function numbersOf(
  optimizer: Optimizer<FloatArray>,
): Promise<Record<string, number[]>> {
  const { tensors } = await optimizer.save({ params: true })
  return Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, [...data]]))
}

const d0 = 0.01
/**
 * Every algorithm, with what it needs to move within a few steps on problems of size 1; a new one
 * is a row.
 */
const algorithms: Readonly<Record<string, () => AnyAlgorithm>> = {
  sgd: () => freestep.sgd({ lr: 0.1, momentum: 0.9, dampening: 0.1 }),
  subgradient: () => freestep.subgradient({ D: 1, G: 2 }),
  polyak: () => freestep.polyak({ fOpt: -0.1, lr: 0.2 }),
  sps: () => freestep.sps({ adaptFlag: 'constant', c: 5, fstar: -0.1 }),
  'sps, smooth': () => freestep.sps({ initStepSize: 0.1 }),
  normalizedGradient: () => freestep.normalizedGradient({ D: 1 }),
  adagradNorm: () => freestep.adagradNorm(),
  adagrad: () => freestep.adagrad({ lr: 0.1, lrDecay: 0.01 }),
  'adagrad, primal-dual': () => freestep.adagrad({ lr: 0.1, primalDual: true }),
  adam: () => freestep.adam({ lr: 0.1, amsgrad: true }),
  adamW: () => freestep.adamW({ lr: 0.1 }),
  dog: () => freestep.dog({ repsRel: d0 }),
  ldog: () => freestep.ldog({ repsRel: d0 }),
  'dog, initEta': () => freestep.dog({ initEta: d0 }),
  dowg: () => freestep.dowg(),
  cdowg: () => freestep.cdowg(),
  dualAveraging: () => freestep.dualAveraging({ d0 }),
  'dualAveraging, option I': () => freestep.dualAveraging({ d0, option: 'I', G: 5 }),
  dadaptSgd: () => freestep.dadaptSgd({ d0, momentum: 0.5, growthRate: 1.5 }),
  dadaptAdagrad: () => freestep.dadaptAdagrad({ d0 }),
  dadaptAdam: () => freestep.dadaptAdam({ d0, useBiasCorrection: true, dLimit: 1 }),
  'dadaptAdam, preprint': () => freestep.dadaptAdam({ d0, form: 'preprint' }),
  dadaptAdan: () => freestep.dadaptAdan({ d0 }),
  dadaptLion: () => freestep.dadaptLion({ d0 }),
  prodigyGd: () => freestep.prodigyGd({ d0 }),
  prodigyDa: () => freestep.prodigyDa({ d0, G: 5 }),
  prodigy: () => freestep.prodigy({ d0 }),
  'prodigy, all options': () =>
    freestep.prodigy({
      d0,
      weightDecay: 0.01,
      useBiasCorrection: true,
      safeguardWarmup: true,
      growthRate: 1.5,
      adaptSteps: 20,
    }),
  'prodigy, β₁ = 0': () =>
    freestep.prodigy({ d0, betas: [0, 0.99], decouple: false, weightDecay: 0.01 }),
  'prodigy, prodigyopt': () => freestep.prodigy({ d0, compat: 'prodigyopt' }),
  cocob: () => freestep.cocob(),
  momo: () => freestep.momo({ useFstar: true, lb: -0.5 }),
  momoAdam: () => freestep.momoAdam({ lr: 0.1, weightDecay: 0.01 }),
  adamG: () => freestep.adamG(),
}

/** Every wrapper around something it is for. */
const wrapped: Readonly<Record<string, () => AnyAlgorithm>> = {
  'scheduleFree(sgd)': () =>
    freestep.scheduleFree(freestep.sgd({ lr: 0.1 }), { r: 1, weightDecayAtY: 0.01 }),
  'scheduleFree(prodigy)': () => freestep.scheduleFree(freestep.prodigy({ d0, betas: [0, 0.999] })),
  'scheduleFree(dadaptAdam)': () => freestep.scheduleFree(freestep.dadaptAdam({ d0 })),
  'mechanic(sgd)': () => freestep.mechanic(freestep.sgd({ lr: 0.1 }), { sInit: d0 }),
  'mechanic(adamW)': () => freestep.mechanic(freestep.adamW()),
  'averaged(dog)': () => freestep.averaged(freestep.dog({ repsRel: d0 })),
  'clipByGlobalNorm(prodigy)': () => freestep.clipByGlobalNorm(0.5, freestep.prodigy({ d0 })),
  'skipNonFinite(adam)': () => freestep.skipNonFinite(freestep.adam({ lr: 0.1 })),
  'averaged(clipByGlobalNorm(skipNonFinite(ldog)))': () =>
    freestep.averaged(
      freestep.clipByGlobalNorm(1, freestep.skipNonFinite(freestep.ldog({ repsRel: d0 }))),
    ),
}

/** Algorithms and wrappers. */
export const everything: readonly (readonly [name: string, make: () => AnyAlgorithm])[] =
  Object.entries({
    ...algorithms,
    ...wrapped,
  })
