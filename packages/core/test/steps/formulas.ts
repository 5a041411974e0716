/**
 * Algorithms written down once more from their papers, as loops over plain numbers: what the tests
 * hold freestep against where there is no recording of an author's code. Nothing of freestep is
 * used, and nothing is clever: sums are taken over all steps so far.
 */
import {
  along,
  dot,
  fill,
  mean,
  minus,
  norm,
  norm1,
  type Problem,
  type Vector,
} from './problems.ts'

/**
 * What a formula gives after step k: the iterate, the point to evaluate at, single numbers by name.
 */
export interface Step {
  readonly x: number[]
  readonly evaluated?: number[]
  readonly scalars?: Record<string, number>
}
/** A formula: from the problem to a function that is called for k = 0, 1, 2, … */
export type Formula = (problem: Problem) => (k: number) => Step

/** x ← x − η(k, g) g */
export const descent =
  (eta: (k: number, g: Vector) => number): Formula =>
  ({ x0, gradient }) => {
    let x = [...x0]
    return (k) => {
      const g = gradient(x)
      x = along(x, -eta(k, g), g)
      return { x }
    }
  }

/**
 * Defazio and Mishchenko 2023 (arXiv 2301.07733), Algorithm 1, by its sums over all steps so far.
 */
export const dAdaptation =
  (option: 'I' | 'II', d0: number, G: number, lr = (_: number) => 1): Formula =>
  ({ x0, gradient }) => {
    const [xs, gs]: number[][][] = [[], []]
    const [ds, lambdas, gammas, products]: number[][] = [[], [], [], []]
    const s = x0.map(() => 0)
    let [x, d] = [[...x0], d0]
    return (k) => {
      xs.push(x)
      ds.push(d)
      gs.push(gradient(x))
      lambdas.push(d * lr(k))
      const before = gs.slice(0, -1).reduce((total, g) => total + dot(g, g), G * G)
      gammas.push(1 / Math.sqrt(before || dot(gs[0], gs[0])))
      const sBefore = [...s]
      for (const i of s.keys()) s[i] += lambdas[k] * gs[k][i]
      const gamma = 1 / Math.sqrt(gs.reduce((total, g) => total + dot(g, g), G * G))
      const spent = gs.reduce((total, g, i) => total + gammas[i] * lambdas[i] ** 2 * dot(g, g), 0)
      products.push(gammas[k] * lambdas[k] * dot(gs[k], sBefore))
      const gained = products.reduce((a, b) => a + b, 0)
      const dHat = option === 'I' ? (gamma * dot(s, s) - spent) / (2 * norm(s)) : gained / norm(s)
      d = Math.max(d, dHat)
      x = along(x0, -gamma, s)
      // Where the average is behind by one point: it is over the points at which gradients were
      // taken.
      return { x, evaluated: mean(xs, ds), scalars: { d, dHat } }
    }
  }

/** Mishchenko and Defazio 2023 (arXiv 2306.06101), Algorithm 1. */
export const prodigyDescent =
  (d0: number, G: number, lambda = (_: number) => 1): Formula =>
  ({ x0, gradient }) => {
    const xs: number[][] = []
    const etas: number[] = []
    let [x, d, squares, gained] = [[...x0], d0, 0, 0]
    return (k) => {
      const g = gradient(x)
      squares += d ** 2 * lambda(k) ** 2 * dot(g, g)
      const eta = (d ** 2 * lambda(k)) / Math.sqrt(d ** 2 * G ** 2 + squares)
      xs.push(x)
      etas.push(eta)
      gained += eta * dot(g, minus(x0, x))
      x = along(x, -eta, g)
      const dHat = gained / norm(minus(x, x0))
      d = Math.max(d, dHat)
      return { x, evaluated: mean(xs, etas), scalars: { d, dHat } }
    }
  }

/**
 * The same paper, Algorithm 2; its G belongs to λ ≡ 1, since it would ask for the λ of the step to
 * come.
 */
export const prodigyAveraging =
  (d0: number, G: number, lambda = (_: number) => 1): Formula =>
  ({ x0, gradient }) => {
    const xs: number[][] = []
    const weights: number[] = []
    const s = x0.map(() => 0)
    let [x, d, squares, gained] = [[...x0], d0, 0, 0]
    return (k) => {
      const g = gradient(x)
      const weight = lambda(k) * d ** 2
      xs.push(x)
      weights.push(weight)
      for (const i of s.keys()) s[i] += weight * g[i]
      gained += weight * dot(g, minus(x0, x))
      squares += lambda(k) ** 2 * d ** 2 * dot(g, g)
      const dHat = gained / norm(s)
      d = Math.max(d, dHat)
      x = along(x0, -1 / Math.sqrt(d ** 2 * G ** 2 + squares), s)
      return { x, evaluated: mean(xs, weights), scalars: { d, dHat } }
    }
  }

/**
 * The same paper, Algorithm 4 (d in ε and in the step is the one before the step), without the
 * factor d / d₀ of the packages.
 */
export const prodigyAdam =
  (o: {
    d0: number
    beta1: number
    beta2: number
    dLimit?: number
    growth?: number
    adaptSteps?: number
  }): Formula =>
  ({ x0, gradient }) => {
    const [m, v, s] = fill(3, () => x0.map(() => 0))
    const beta3 = Math.sqrt(o.beta2)
    let [x, d, dMax, r] = [[...x0], o.d0, o.d0, 0]
    return (k) => {
      const g = gradient(x)
      r = beta3 * r + (1 - beta3) * d ** 2 * dot(g, minus(x0, x))
      for (const i of g.keys()) {
        m[i] = o.beta1 * m[i] + (1 - o.beta1) * d * g[i]
        v[i] = o.beta2 * v[i] + (1 - o.beta2) * d ** 2 * g[i] ** 2
        s[i] = beta3 * s[i] + (1 - beta3) * d ** 2 * g[i]
      }
      const dHat = r / norm1(s)
      x = x.map((xi, i) => xi - (d * m[i]) / (Math.sqrt(v[i]) + d * 1e-8))
      if (k < (o.adaptSteps ?? Infinity)) {
        // The growth limit of the authors' package, which lets the first estimate jump.
        dMax = Math.max(dMax, dHat)
        const start = d === o.d0 ? Math.max(d, dHat) : d
        const grown = o.growth ? Math.min(dMax, start * o.growth) : dHat
        d = Math.max(d, Math.min(grown, o.dLimit ?? Infinity))
      }
      return { x, scalars: { d, dHat } }
    }
  }

/** Algorithm 4 of arXiv 2301.07733 with momentum 0, and the limits on d. */
export const dAdaptedSgd =
  (o: { d0: number; growth: number; dLimit: number; adaptSteps: number }): Formula =>
  ({ x0, gradient }) => {
    const s = x0.map(() => 0)
    let [d, q, first] = [o.d0, 0, 0]
    return (k) => {
      const g = gradient(minus(x0, s))
      first ||= norm(g)
      q += (d / first) * dot(g, s)
      for (const i of s.keys()) s[i] += (d / first) * g[i]
      const dHat = (2 * q) / norm(s)
      if (k < o.adaptSteps) d = Math.max(d, Math.min(dHat, o.growth * d, o.dLimit))
      return { x: minus(x0, s), scalars: { d, dHat } }
    }
  }

/** How the coordinates are cut into tensors. */
export const sizes = [1, 2, 3]
const starts = [0, 1, 3]
const block = (x: Vector, b: number) => x.slice(starts[b], starts[b] + sizes[b])
const blockOf = (i: number) => starts.findLastIndex((start) => i >= start)

/** DoG (arXiv 2302.12022) for each tensor by itself. */
export const layerwiseDog: Formula = ({ x0, gradient }) => {
  const rBar = starts.map((_, b) => 0.01 * (1 + norm(block(x0, b))))
  const G = starts.map(() => 1e-8)
  let x = [...x0]
  return () => {
    const g = gradient(x)
    for (const b of starts.keys()) {
      rBar[b] = Math.max(rBar[b], norm(minus(block(x, b), block(x0, b))))
      G[b] += dot(block(g, b), block(g, b))
    }
    x = x.map((xi, i) => xi - (rBar[blockOf(i)] / Math.sqrt(G[blockOf(i)])) * g[i])
    return { x, scalars: Object.fromEntries(starts.map((_, b) => [`rBar/t${b}`, rBar[b]])) }
  }
}

/** Mechanic (arXiv 2306.00144) around updates u(k, g), with Δ kept as their sum. */
export const tuned =
  (update: (k: number, g: Vector) => number[], decay = 0.01, sInit = 1e-6, n = 6): Formula =>
  ({ x0, gradient }) => {
    const betas = fill(n, (i) => 1 - 10 ** -(i + 1))
    const [r, m, v, s] = fill(4, () => betas.map(() => 0))
    const sum = (a: Vector) => a.reduce((total, each) => total + each, 0)
    let delta = x0.map(() => 0)
    let x = [...x0]
    return (k) => {
      const g = gradient(x)
      const pull = (decay * sum(s) * norm(g)) / (norm(x) + 1e-8)
      const h = -dot(along(g, pull, x), delta)
      delta = along(delta, 1, update(k, g))
      for (const [i, beta] of betas.entries()) {
        r[i] = beta * r[i] + s[i] * Math.max(-m[i], Math.min(m[i], h))
        m[i] = Math.max(beta * m[i], Math.abs(h) + 1e-8)
        v[i] = beta ** 2 * v[i] + h ** 2
        s[i] = ((sInit / n) * m[i] + Math.max(0, r[i])) / (Math.sqrt(v[i]) + 1e-8)
      }
      x = along(x0, sum(s), delta)
      return { x, scalars: { S: sum(s) } }
    }
  }
/** The updates of Adam with lr 0.1, for Mechanic to tune. */
export const adamUpdates = () => {
  const [m, v] = fill(2, () => fill(6, () => 0))
  return (k: number, g: Vector) =>
    g.map((gi, i) => {
      m[i] = 0.9 * m[i] + 0.1 * gi
      v[i] = 0.999 * v[i] + 0.001 * gi ** 2
      return (
        (-0.1 * (m[i] / (1 - 0.9 ** (k + 1)))) / (Math.sqrt(v[i] / (1 - 0.999 ** (k + 1))) + 1e-8)
      )
    })
}

/** Schedule-free SGD (arXiv 2405.15682) with its three sequences and the weights kʳ λᵖ. */
export const scheduleFreeSgd =
  (lr: (k: number) => number, beta: number, r: number, p: number): Formula =>
  ({ x0, gradient }) => {
    let [x, z, y, total, lrMax] = [[...x0], [...x0], [...x0], 0, 0]
    return (k) => {
      lrMax = Math.max(lrMax, lr(k))
      const weight = (k + 1) ** r * lrMax ** p
      total += weight
      z = along(z, -lr(k), gradient(y))
      x = along(x, weight / total, minus(z, x))
      y = along(z, beta, minus(x, z))
      return { x: y, evaluated: x }
    }
  }

/**
 * x̄ of descent with step γ, by the products of all (1 − w): the polynomial-decay average of Shamir
 * and Zhang 2013.
 */
export const averagedDescent =
  (gamma: number, eta: number): Formula =>
  (problem) => {
    const step = descent(() => eta)(problem)
    const xs: number[][] = []
    return (k) => {
      const { x } = step(k)
      xs.push(x)
      const w = (t: number) => (gamma + 1) / (gamma + t)
      const weights = xs.map((_, i) =>
        xs.slice(i + 1).reduce((rest, _, j) => rest * (1 - w(i + j + 2)), w(i + 1)),
      )
      return { x, evaluated: mean(xs, weights) }
    }
  }

/** x ← x − η g / (√G + ε), G = Σ ‖g‖² (arXiv 1002.4862). */
export function adagradNormFormula(eta: number, eps: number): Formula {
  let G = 0
  return descent((_, g) => {
    G += dot(g, g)
    return eta / (Math.sqrt(G) + eps)
  })
}
