/**
 * Step rules of the authors' packages, written down once more as loops over plain numbers, with
 * what each package does where a sum is zero: who returns early, and which states have changed by
 * then. Nothing of freestep is used.
 */

import type { Formula } from './formulas.ts'
import { sizes } from './formulas.ts'
import { dot, fill, minus, norm, type Vector } from './problems.ts'

const zeros = (x: Vector) => x.map(() => 0)
/** Which coordinate of its tensor the i-th is. */
const within = sizes.flatMap((size) => fill(size, (i) => i))

/** What the rules below take, by our names. */
export interface Options {
  readonly d0?: number
  readonly betas?: readonly number[]
  readonly weightDecay?: number
  readonly decouple?: boolean
  readonly useBiasCorrection?: boolean
  readonly sliceP?: number
  readonly momentum?: number
  readonly noProx?: boolean
}
const bias = (on: boolean | undefined, [beta1, beta2]: readonly number[], k: number) =>
  on ? Math.sqrt(1 - beta2 ** (k + 1)) / (1 - beta1 ** (k + 1)) : 1

/** prodigyopt 1.1.2: m and v change, then it returns if ‖s‖₁ = 0, before k and x do. */
export const prodigyopt =
  ({
    d0 = 1e-6,
    betas = [0.9, 0.999],
    weightDecay = 0,
    decouple = true,
    useBiasCorrection,
    sliceP = 1,
  }: Options): Formula =>
  ({ x0, gradient }) => {
    const [m, v, s] = fill(3, () => zeros(x0))
    const beta3 = Math.sqrt(betas[1])
    let [x, d, r, k] = [[...x0], d0, 0, 0]
    return () => {
      const lambda = d * bias(useBiasCorrection, betas, k)
      const g = gradient(x).map((gi, i) => (decouple ? gi : gi + weightDecay * x[i]))
      let [gained, length] = [0, 0]
      for (const [i, gi] of g.entries()) {
        m[i] = betas[0] * m[i] + (1 - betas[0]) * d * gi
        v[i] = betas[1] * v[i] + (1 - betas[1]) * d ** 2 * gi ** 2
        if (within[i] % sliceP !== 0) continue
        gained += (d / d0) * lambda * gi * (x0[i] - x[i])
        s[i] = beta3 * s[i] + (d / d0) * lambda * gi
        length += Math.abs(s[i])
      }
      if (length === 0) return { x, scalars: { d } }
      r = beta3 * r + gained
      d = Math.max(d, r / length)
      const decay = decouple ? weightDecay * lambda : 0
      x = x.map((xi, i) => xi - decay * xi - (lambda * m[i]) / (Math.sqrt(v[i]) + d * 1e-8))
      k++
      return { x, scalars: { d } }
    }
  }

/** DAdaptAdam of dadaptation 3.2: returns if ‖s‖₁ = 0, before the numerator, k and x change. */
export const dadaptAdam =
  ({
    d0 = 1e-6,
    betas = [0.9, 0.999],
    weightDecay = 0,
    decouple = false,
    useBiasCorrection,
  }: Options): Formula =>
  ({ x0, gradient }) => {
    const [m, v, s] = fill(3, () => zeros(x0))
    const root = Math.sqrt(betas[1])
    let [x, d, q, k] = [[...x0], d0, 0, 0]
    return () => {
      const lambda = d * bias(useBiasCorrection, betas, k)
      const g = gradient(x).map((gi, i) => (decouple ? gi : gi + weightDecay * x[i]))
      let [gained, length] = [0, 0]
      for (const [i, gi] of g.entries()) {
        gained += (lambda * gi * s[i]) / (Math.sqrt(v[i]) + 1e-8)
        m[i] = betas[0] * m[i] + (1 - betas[0]) * lambda * gi
        v[i] = betas[1] * v[i] + (1 - betas[1]) * gi ** 2
        s[i] = root * s[i] + (1 - root) * lambda * gi
        length += Math.abs(s[i])
      }
      if (length === 0) return { x, scalars: { d } }
      q = root * q + (1 - root) * gained
      d = Math.max(d, q / ((1 - root) * length))
      const decay = decouple ? weightDecay * lambda : 0
      x = x.map((xi, i) => xi - decay * xi - m[i] / (Math.sqrt(v[i]) + 1e-8))
      k++
      return { x, scalars: { d } }
    }
  }

/** DAdaptAdamPreprint of the same. */
export const dadaptAdamPreprint =
  ({ d0 = 1e-6, betas: [beta1, beta2] = [0.9, 0.999] }: Options): Formula =>
  ({ x0, gradient }) => {
    const [m, v, s] = fill(3, () => zeros(x0))
    let [x, d, q] = [[...x0], d0, 0]
    return () => {
      let [spent, weighted, length] = [0, 0, 0]
      for (const [i, gi] of gradient(x).entries()) {
        m[i] = beta1 * m[i] + (1 - beta1) * d * gi
        v[i] = beta2 * v[i] + (1 - beta2) * gi ** 2
        s[i] = beta2 * s[i] + (1 - beta2) * d * gi
        const denominator = Math.sqrt(v[i]) + 1e-8
        spent += gi ** 2 / denominator
        weighted += s[i] ** 2 / denominator
        length += Math.abs(s[i])
      }
      if (length === 0) return { x, scalars: { d } }
      q = beta2 * q + (1 - beta2) * d ** 2 * spent
      d = Math.max(d, (weighted / (1 - beta2) - q) / length)
      x = x.map((xi, i) => xi - m[i] / (Math.sqrt(v[i]) + 1e-8))
      return { x, scalars: { d } }
    }
  }

/**
 * DAdaptAdan of the same: returns if ‖s‖₁ = 0; the differences of gradients begin with the first
 * step that was taken.
 */
export const dadaptAdan =
  ({
    d0 = 1e-6,
    betas: [beta1, beta2, beta3] = [0.98, 0.92, 0.99],
    weightDecay = 0.02,
    noProx,
  }: Options): Formula =>
  ({ x0, gradient }) => {
    const [m, n, v, s] = fill(4, () => zeros(x0))
    let [x, d, q] = [[...x0], d0, 0]
    let last: readonly number[] | undefined
    return () => {
      const g = gradient(x)
      const before = last ?? g
      let [spent, weighted, length] = [0, 0, 0]
      for (const [i, gi] of g.entries()) {
        const difference = gi - before[i]
        m[i] = beta1 * m[i] + (1 - beta1) * d * gi
        n[i] = beta2 * n[i] + (1 - beta2) * d * difference
        v[i] = beta3 * v[i] + (1 - beta3) * (gi + beta2 * difference) ** 2
        s[i] = beta3 * s[i] + (1 - beta3) * d * gi
        const denominator = Math.sqrt(v[i]) + 1e-8
        spent += gi ** 2 / denominator
        weighted += s[i] ** 2 / denominator
        length += Math.abs(s[i])
      }
      if (length === 0) return { x, scalars: { d } }
      const lambda = d
      q = beta3 * q + (1 - beta3) * lambda ** 2 * spent
      d = Math.max(d, (weighted / (1 - beta3) - q) / length)
      const shrink = lambda * weightDecay
      x = x.map((xi, i) => {
        const step = (m[i] + beta2 * n[i]) / (Math.sqrt(v[i]) + 1e-8)
        return noProx ? xi * (1 - shrink) - step : (xi - step) / (1 + shrink)
      })
      last = g
      return { x, scalars: { d } }
    }
  }

/** DAdaptLion of the same: x moves, decay included, before it returns if ‖s‖₁ = 0. */
export const dadaptLion =
  ({ d0 = 1e-6, betas: [beta1, beta2] = [0.9, 0.99], weightDecay = 0 }: Options): Formula =>
  ({ x0, gradient }) => {
    const [m, s] = fill(2, () => zeros(x0))
    const root = Math.sqrt(beta2)
    let [x, d, q] = [[...x0], d0, 0]
    return () => {
      let [gained, length] = [0, 0]
      const moved = [...x]
      for (const [i, gi] of gradient(x).entries()) {
        const direction = Math.sign(beta1 * m[i] + (1 - beta1) * gi)
        moved[i] = x[i] * (1 - d * weightDecay) - d * direction
        m[i] = beta2 * m[i] + (1 - beta2) * d * gi
        gained += d * direction * s[i]
        s[i] = root * s[i] + (1 - root) * d * direction
        length += Math.abs(s[i])
      }
      x = moved
      if (length === 0) return { x, scalars: { d } }
      q = root * q + (1 - root) * gained
      d = Math.max(d, q / ((1 - root) * length))
      return { x, scalars: { d } }
    }
  }

/** DAdaptAdaGrad of the same: a has changed when it returns if ‖s‖₁ = 0. */
export const dadaptAdagrad =
  ({ d0 = 1e-6, momentum = 0 }: Options): Formula =>
  ({ x0, gradient }) => {
    const s = zeros(x0)
    const a = x0.map(() => 1e-6)
    let [x, d, q] = [[...x0], d0, 0]
    return () => {
      let [spent, weighted, length] = [0, 0, 0]
      for (const [i, gi] of gradient(x).entries()) {
        a[i] += gi ** 2
        s[i] += d * gi
        spent += gi ** 2 / (Math.sqrt(a[i]) + 1e-6)
        weighted += s[i] ** 2 / (Math.sqrt(a[i]) + 1e-6)
        length += Math.abs(s[i])
      }
      if (length === 0) return { x, scalars: { d } }
      q += d ** 2 * spent
      d = Math.max(d, (weighted - q) / length)
      x = x.map(
        (xi, i) => momentum * xi + (1 - momentum) * (x0[i] - s[i] / (Math.sqrt(a[i]) + 1e-6)),
      )
      return { x, scalars: { d } }
    }
  }

/** DoG of dog-optimizer 1.0.3; with a first step size given, its distance starts at 0. */
export const dogPackage =
  (repsRel: number, initEta?: number): Formula =>
  ({ x0, gradient }) => {
    let [x, G, rBar] = [[...x0], 1e-8, initEta === undefined ? repsRel * (1 + norm(x0)) : 0]
    return (k) => {
      const g = gradient(x)
      rBar = Math.max(rBar, norm(minus(x, x0)))
      G += dot(g, g)
      const eta = k === 0 && initEta !== undefined ? initEta : rBar / Math.sqrt(G)
      x = x.map((xi, i) => xi - eta * g[i])
      return { x, scalars: { rBar } }
    }
  }

/** COCOB of parameterfree. */
export const cocobPackage: Formula = ({ x0, gradient }) => {
  const [theta, G, R] = fill(3, () => zeros(x0))
  const L = x0.map(() => 1e-8)
  let x = [...x0]
  return () => {
    for (const [i, gi] of gradient(x).entries()) {
      L[i] = Math.max(L[i], Math.abs(gi))
      theta[i] -= gi
      G[i] += Math.abs(gi)
      R[i] = Math.max(R[i] - gi * (x[i] - x0[i]), 0)
    }
    x = x0.map(
      (xi, i) => xi + (theta[i] * (L[i] + R[i])) / (L[i] * Math.max(G[i] + L[i], 100 * L[i])),
    )
    return { x }
  }
}

/** Python's min: a NaN that comes second is never smaller. */
const least = (a: number, b: number) => (Number.isNaN(b) ? a : Math.min(a, b))

/** MoMo of momo-opt: 0/0 is NaN there, and the step size lr. */
export const momoPackage =
  ({ lr = 1, weightDecay = 0, beta = 0.9, biasCorrection = false }): Formula =>
  ({ x0, gradient, loss }) => {
    let [x, f, gamma] = [[...x0], 0, 0]
    let m = zeros(x0)
    return (k) => {
      const g = gradient(x)
      const start = k === 0 && !biasCorrection
      f = start ? loss(x) : beta * f + (1 - beta) * loss(x)
      m = m.map((mi, i) => (start ? g[i] : beta * mi + (1 - beta) * g[i]))
      gamma = start ? dot(g, x) : beta * gamma + (1 - beta) * dot(g, x)
      const rho = biasCorrection ? 1 - beta ** (k + 1) : 1
      const shrink = 1 + lr * weightDecay
      const t = Math.max(shrink * (f - gamma) + dot(m, x), 0) / dot(m, m)
      const tau = least(lr / rho, t)
      x = x.map((xi, i) => (xi - tau * m[i]) / shrink)
      return { x }
    }
  }

/** MomoAdam of momo-opt. */
export const momoAdamPackage =
  ({ lr = 1e-2, weightDecay = 0, divide = true }): Formula =>
  ({ x0, gradient, loss }) => {
    const [m, v] = fill(2, () => zeros(x0))
    let [x, f, gamma] = [[...x0], 0, 0]
    return (k) => {
      const g = gradient(x)
      f = 0.9 * f + 0.1 * loss(x)
      gamma = 0.9 * gamma + 0.1 * dot(g, x)
      for (const [i, gi] of g.entries()) {
        m[i] = 0.9 * m[i] + 0.1 * gi
        v[i] = 0.999 * v[i] + 0.001 * gi ** 2
      }
      const D = v.map((vi) => 1e-8 + Math.sqrt(vi / (1 - 0.999 ** (k + 1))))
      const shrink = 1 + lr * weightDecay
      const length = m.reduce((total, mi, i) => total + mi ** 2 / D[i], 0)
      const tau = least(
        lr / (1 - 0.9 ** (k + 1)),
        Math.max(shrink * (f - gamma) + dot(m, x), 0) / length,
      )
      x = x.map((xi, i) => {
        const step = (tau * m[i]) / D[i]
        return divide ? (xi - step) / shrink : (1 - lr * weightDecay) * xi - step
      })
      return { x }
    }
  }
