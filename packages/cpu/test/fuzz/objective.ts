/**
 * What a run minimizes: f(x) = c Σ aᵢ (√(1 + (xᵢ − tᵢ)²) − 1), smooth and Lipschitz, its
 * coefficients drawn from the seed; and what its steps do to the gradients.
 */
import { chance } from '@freestep/conformance'
import type { Run } from './run.ts'

/** A tensor of numbers, whatever holds them. */
export type Numbers = ArrayLike<number>

/** The objective of a run, tensor by tensor. */
export interface Objective {
  /** x₀ of a tensor. */
  start(i: number): Float64Array
  /** The gradient by a tensor at step k; undefined where it has none. */
  gradient(i: number, k: number, x: Numbers): Float64Array | undefined
  /** Over the tensors that are there. */
  loss(xs: readonly Numbers[]): number
}

export function objective({ seed, tensors, steps, gradients, distance }: Run): Objective {
  const coordinates = tensors.map(({ size, single }, i) => {
    const { draw, below } = chance(7919 * seed + i)
    const rounded = single ? Math.fround : (a: number) => a
    const zero = below(6) === 0
    const x0 = Float64Array.from({ length: size }, () => (zero ? 0 : rounded(draw())))
    const target = x0.map((each) => each + distance * draw())
    return { x0, target, a: x0.map(() => gradients * 10 ** (-1 + draw())) }
  })
  return {
    start: (i) => coordinates[i].x0,
    gradient(i, k, x) {
      const { name } = tensors[i]
      const { absent, zero, lost } = steps[k]
      if (absent.includes(name)) return undefined
      const { target, a } = coordinates[i]
      const hole = zero.includes(name) ? 0 : 1 + ((13 * k + seed) % 7)
      const g = a.map((each, j) => {
        const z = x[j] - target[j]
        const isZero = hole === 0 || (j + hole) % 7 === 0
        return isZero && z - z === 0 ? 0 : (each * z) / Math.sqrt(1 + z * z)
      })
      if (lost?.tensor === name) g[lost.at] = lost.value
      return g
    },
    loss(xs) {
      let total = 0
      for (const [i, x] of xs.entries()) {
        const { target, a } = coordinates[i]
        for (let j = 0; j < a.length; j++) {
          const term = a[j] * (Math.sqrt(1 + (x[j] - target[j]) ** 2) - 1)
          if (Number.isFinite(term)) total += term
        }
      }
      return total
    },
  }
}
