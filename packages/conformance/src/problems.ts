/**
 * The problems that the goldens were recorded on, with their gradients in closed form, in double
 * precision. Not a model library: four functions small enough to check by hand, whose data come
 * from `generator`.
 */
import { fill, generator } from './numbers.ts'

/** A function of a list of tensors, each a flat array. */
export interface Problem {
  readonly shapes: readonly (readonly number[])[]
  readonly x0: readonly (readonly number[])[]
  /** F(x) */
  loss(x: readonly ArrayLike<number>[]): number
  /** ∇F(x), or a subgradient. */
  gradient(x: readonly ArrayLike<number>[]): number[][]
  /** The constants drawn for it. */
  readonly data: Readonly<Record<string, readonly number[] | readonly number[][]>>
}

/**
 * F(x) = ½ Σ aᵢ (xᵢ − bᵢ)², started at `x0` in all coordinates; a runs from 10⁻³ to 1, b alternates
 * in sign.
 */
export function quad(x0 = 1, size = 10): Problem {
  const a = fill(size, (i) => 10 ** (-3 + (3 * i) / (size - 1)))
  const b = fill(size, (i) => ((-1) ** i * (i + 1)) / 5)
  return {
    shapes: [[size]],
    x0: [fill(size, () => x0)],
    loss: ([x]) => a.reduce((sum, ai, i) => sum + 0.5 * ai * (x[i] - b[i]) ** 2, 0),
    gradient: ([x]) => [a.map((ai, i) => ai * (x[i] - b[i]))],
    data: { a, b },
  }
}

/**
 * F(x) = G Σ aᵢ h(xᵢ − bᵢ D) from x₀ = 0, h quadratic within wᵢ D and linear beyond: gradients are
 * of the size of G, and the solution is at the distance D. Two tensors, [3] and [1].
 */
export function huber(D: number, G: number): Problem {
  const a = [1, 0.3, 0.05, 0.6]
  const b = [0.97123, -0.71331, 0.51177, -0.20931]
  const w = [0.3, 2, 0.3, 2]
  const off = (x: readonly ArrayLike<number>[]) =>
    x.flatMap((each) => Array.from(each)).map((xi, i) => xi - b[i] * D)
  const slope = (e: number, i: number) => Math.max(-1, Math.min(1, e / (w[i] * D)))
  return {
    shapes: [[3], [1]],
    x0: [[0, 0, 0], [0]],
    loss: (x) =>
      off(x).reduce(
        (sum, e, i) => sum + G * a[i] * slope(e, i) * (e - (slope(e, i) * w[i] * D) / 2),
        0,
      ),
    gradient(x) {
      const g = off(x).map((e, i) => G * a[i] * slope(e, i))
      return [g.slice(0, 3), g.slice(3)]
    },
    data: { a, b, w },
  }
}

/** F(x) = |x| + 0.5001 (x − 1)², with the subgradient 0 of |x| at 0. */
const abs: Problem = {
  shapes: [[1]],
  x0: [[-3]],
  loss: ([{ 0: x }]) => Math.abs(x) + 0.5001 * (x - 1) ** 2,
  gradient: ([{ 0: x }]) => [[Math.sign(x) + 1.0002 * (x - 1)]],
  data: {},
}

/**
 * Logistic regression of 40 points in 6 dimensions, F(x) = 1/40 Σ log(1 + exp(−yᵢ ⟨zᵢ, x⟩)) + 0.005
 * ‖x‖².
 */
function logreg1(): Problem {
  const draw = generator(12345)
  const w = [1, -2, 0.5, 1.5, -1, 0.75]
  const Z: number[][] = []
  const y: number[] = []
  for (let i = 0; i < 40; i++) {
    const z = fill(6, draw)
    Z.push(z)
    y.push(dot(w, z) + 0.5 * draw() >= 0 ? 1 : -1)
  }
  return {
    shapes: [[6]],
    x0: [fill(6, () => 0)],
    loss: ([x]) =>
      Z.reduce((sum, z, i) => sum + Math.log1p(Math.exp(-y[i] * dot(z, x))), 0) / 40 +
      0.005 * dot(x, x),
    gradient([x]) {
      const weights = Z.map((z, i) => -y[i] / (1 + Math.exp(y[i] * dot(z, x))) / 40)
      return [fill(6, (j) => Z.reduce((sum, z, i) => sum + weights[i] * z[j], 0.01 * x[j]))]
    },
    data: { Z, y },
  }
}

/** Least squares with a bias, F(W, c) = 1/24 Σ ‖Xᵢ W + c − Yᵢ‖²: two tensors, [4, 3] and [3]. */
function lsq1(): Problem {
  const draw = generator(2024)
  const X = fill(12 * 4, draw)
  const Y = fill(12 * 3, () => 2 * draw())
  const W0 = fill(4 * 3, () => 0.5 * draw())
  /** R = X W + c − Y, [12, 3]. */
  const residual = ([W, c]: readonly ArrayLike<number>[]) =>
    Y.map((target, at) => {
      const [i, j] = [Math.floor(at / 3), at % 3]
      return [0, 1, 2, 3].reduce((sum, k) => sum + X[4 * i + k] * W[3 * k + j], c[j]) - target
    })
  const rows = fill(12, (i) => i)
  return {
    shapes: [[4, 3], [3]],
    x0: [W0, [0.25, 0.25, 0.25]],
    loss: (x) => residual(x).reduce((sum, r) => sum + r * r, 0) / 24,
    gradient(x) {
      const R = residual(x)
      const gW = fill(
        12,
        (at) =>
          rows.reduce((sum, i) => sum + X[4 * i + Math.floor(at / 3)] * R[3 * i + (at % 3)], 0) /
          12,
      )
      return [gW, fill(3, (j) => rows.reduce((sum, i) => sum + R[3 * i + j], 0) / 12)]
    },
    data: { X, Y, W0 },
  }
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, value, i) => sum + value * b[i], 0)

/** The problems by the names that the goldens give them. */
export const problems: Readonly<Record<string, Problem>> = {
  quad: quad(),
  abs,
  logreg1: logreg1(),
  lsq1: lsq1(),
}
