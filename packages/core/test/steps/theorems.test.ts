/**
 * The theorems, on random convex problems whose solution is known: lower bounds on the distance
 * that hold at every step, and rates. Not convergence "in practice": every assertion is an
 * inequality that is proved, in the paper named or in the comment, for exactly these problems. One
 * observation about DoG is marked as such.
 */

import {
  type Algorithm,
  averaged,
  clipByGlobalNorm,
  cosine,
  dadaptAdagrad,
  dadaptSgd,
  dog,
  dowg,
  dualAveraging,
  normalizedGradient,
  polyak,
  prodigy,
  prodigyDa,
  prodigyGd,
  sps,
  subgradient,
} from '@freestep/cpu'
import { describe, expect, test } from 'vitest'
import {
  along,
  distance,
  dot,
  error,
  families,
  fill,
  flat,
  follow,
  lipschitz,
  mean,
  minus,
  norm,
  norm1,
  normInf,
  type Problem,
  scaled,
} from './problems.ts'

const seeds = [1, 2, 3]
const distances = [0.5, 20]
const lipschitzProblems = lipschitz.flatMap((family) =>
  seeds.flatMap((seed) =>
    distances.map((D) => ({
      name: `${family} ${seed}, D = ${D}`,
      problem: families[family](seed, D),
      D,
    })),
  ),
)
const smoothProblems = seeds.map((seed) => ({
  name: `quadratic ${seed}, D = 5`,
  problem: families.quadratic(seed, 5),
  D: 5,
}))
const convexProblems = [...lipschitzProblems, ...smoothProblems]
const { log2, max, min, sqrt } = Math
const total = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0)
/** log₂₊(a) = 1 + log₂ a, for a ≥ 1 */
const log2plus = (a: number) => 1 + log2(a)

/** d̂ after every step. */
async function estimates(algorithm: Algorithm, problem: Problem, steps: number) {
  const dHats: number[] = []
  const run = await follow(algorithm, problem, {
    steps,
    sizes: [2, 4],
    at: async (_k, { optimizer }) => void dHats.push((await optimizer.scalars()).dHat),
  })
  return { ...run, dHats }
}

describe('d̂ ≤ ‖x₀ − x*‖ at every step', () => {
  const euclidean = (p: Problem) => distance(p.x0, p.xStar)
  const largest = (p: Problem) => normInf(minus(p.x0, p.xStar))
  const sometimesZero = (k: number) => (k % 3) / 2
  /**
   * Options shared by the rows. d₀ is not an estimate and may be anything; it is small so that d
   * must be found.
   */
  const d0 = 1e-4
  /**
   * The algorithms, and the bound of each. With any weights wₖ ≥ 0 and any points xₖ, convexity
   * gives 0 ≤ Σ wₖ ⟨gₖ, xₖ − x*⟩ = ⟨s, x₀ − x*⟩ − Σ wₖ ⟨gₖ, x₀ − xₖ⟩, s = Σ wₖ gₖ, and Hölder the
   * distance in the norm dual to that of s. So schedules and clipping (weights) and decoupled decay
   * (other points) change nothing, the Adam form of Prodigy is bounded in ℓ∞, and the factor 2 in
   * the estimate of dadaptSgd makes it a bound on 2 D.
   */
  const table: readonly (readonly [
    name: string,
    algorithm: Algorithm,
    bound: (p: Problem) => number,
  ])[] = [
    ['dualAveraging, option I', dualAveraging({ d0, option: 'I' }), euclidean],
    ['dualAveraging, option II', dualAveraging({ d0 }), euclidean],
    ['dualAveraging, option I, G', dualAveraging({ d0, option: 'I', G: 3 }), euclidean],
    [
      'dualAveraging, option I, weights',
      dualAveraging({ d0, option: 'I', lr: sometimesZero }),
      euclidean,
    ],
    [
      'dualAveraging, option II, weights',
      dualAveraging({ d0, lr: cosine({ steps: 300, warmup: 50 }) }),
      euclidean,
    ],
    ['prodigyGd', prodigyGd({ d0 }), euclidean],
    ['prodigyGd, G, weights', prodigyGd({ d0, G: 3, lr: sometimesZero }), euclidean],
    ['prodigyDa', prodigyDa({ d0 }), euclidean],
    [
      'prodigyDa, G, weights',
      prodigyDa({ d0, G: 3, lr: cosine({ steps: 300, warmup: 50 }) }),
      euclidean,
    ],
    ['dadaptSgd', dadaptSgd({ d0 }), (p) => 2 * euclidean(p)],
    [
      'dadaptSgd, weights',
      dadaptSgd({ d0, lr: sometimesZero, growthRate: 1.2 }),
      (p) => 2 * euclidean(p),
    ],
    ['prodigy', prodigy({ d0 }), largest],
    [
      'prodigy, weights',
      prodigy({ d0, lr: cosine({ steps: 300, warmup: 50 }), useBiasCorrection: true }),
      largest,
    ],
    [
      'prodigy, decoupled decay, β₁ = 0',
      prodigy({ d0, betas: [0, 0.9], weightDecay: 0.1 }),
      largest,
    ],
    ['prodigy, prodigyopt', prodigy({ d0, compat: 'prodigyopt', beta3: 0.9 }), largest],
    [
      'clipByGlobalNorm(dualAveraging), option I',
      clipByGlobalNorm(0.2, dualAveraging({ d0, option: 'I' })),
      euclidean,
    ],
    ['clipByGlobalNorm(dualAveraging)', clipByGlobalNorm(0.2, dualAveraging({ d0 })), euclidean],
    ['clipByGlobalNorm(prodigyGd)', clipByGlobalNorm(0.2, prodigyGd({ d0 })), euclidean],
    [
      'clipByGlobalNorm(prodigyDa)',
      clipByGlobalNorm(0.2, prodigyDa({ d0, lr: sometimesZero })),
      euclidean,
    ],
    [
      'clipByGlobalNorm(dadaptSgd)',
      clipByGlobalNorm(0.2, dadaptSgd({ d0 })),
      (p) => 2 * euclidean(p),
    ],
    ['clipByGlobalNorm(prodigy)', clipByGlobalNorm(0.2, prodigy({ d0 })), largest],
  ]

  test.each(table)('%s', async (_name, algorithm, bound) => {
    let closest = 0
    for (const { name, problem } of convexProblems) {
      const D = bound(problem)
      const { dHats } = await estimates(algorithm, problem, 300)
      for (const [k, dHat] of dHats.entries())
        expect(dHat, `${name}, step ${k}`).toBeLessThanOrEqual(D * (1 + 1e-12))
      closest = max(closest, max(...dHats) / D)
    }
    // It says something: somewhere the estimate is no less than a tenth of the distance.
    // Weights of 0 make it slow: their gradients count in G² alone.
    expect(closest).toBeGreaterThan(_name === 'dualAveraging, option I, weights' ? 0.01 : 0.1)
  })

  test('dadaptAdagrad: d̂ ≤ 2 ‖x₀ − x*‖∞ + Σ λ² ‖g‖²_{P − P⁺} / ‖s‖₁', async () => {
    // P = 1 / (√a + ε) before the step, P⁺ after it. From Σ λ ⟨g, P s⟩ ≤ ‖s‖₁ D∞ and
    //   ‖s⁺‖²_{P⁺} − ‖s‖²_P − λ² ‖g‖²_{P⁺} = 2 λ ⟨g, P s⟩ − 2 λ ⟨g, (P − P⁺) s⟩ − ‖s‖²_{P − P⁺} ≤ 2 λ ⟨g, P s⟩ + λ² ‖g‖²_{P − P⁺}.
    // The paper halves the estimate and has P in the place of P⁺, so that d̂ ≤ D∞; the package, and
    // so we, do not.
    for (const { name, problem } of convexProblems) {
      const D = normInf(minus(problem.x0, problem.xStar))
      const [a, s] = [problem.x0.map(() => 1e-6), problem.x0.map(() => 0)]
      const P = () => a.map((each) => 1 / (sqrt(each) + 1e-6))
      let [lambda, slack] = [1e-3, 0]
      await follow(dadaptAdagrad({ d0: lambda }), problem, {
        steps: 300,
        async at(k, { g, optimizer }) {
          const before = P()
          for (const i of g.keys()) {
            a[i] += g[i] ** 2
            s[i] += lambda * g[i]
          }
          const after = P()
          slack += total(g.map((each, i) => lambda ** 2 * each ** 2 * (before[i] - after[i])))
          const { d, dHat } = await optimizer.scalars()
          expect(dHat, `${name}, step ${k}`).toBeLessThanOrEqual(
            (2 * D + slack / norm1(s)) * (1 + 1e-9),
          )
          lambda = d
        },
      })
    }
  })
})

describe('rates of D-Adaptation', () => {
  const d0 = 1e-3

  test.each(['I', 'II'] as const)(
    'dualAveraging, option %s, with G: for every n and for the best of them',
    async (option) => {
      // With S = ‖s‖, γ = 1 / √(G² + Σ‖g‖²) and B = ½ Σ γₖ dₖ² ‖gₖ‖² ≤ d² / γ: option I says γ S² / 2
      // − B ≤ d S, so S ≤ (1 + √3) d / γ; and Σ dₖ (f(xₖ) − f*) ≤ D S + B − γ S² / 2 ≤ (2 + √3) D d /
      // γ. Option II proposes no less.
      for (const { name, problem, D } of lipschitzProblems) {
        const { G, fStar } = problem
        const n = 400
        const [ds, squares]: number[][] = [[d0], []]
        const gaps: number[] = []
        await follow(dualAveraging({ d0, option, G }), problem, {
          steps: n,
          async at(k, { g, optimizer }) {
            squares.push(dot(g, g))
            const weights = total(ds)
            ds.push((await optimizer.scalars()).d)
            gaps.push(problem.loss(flat(optimizer.evaluated())) - fStar)
            const bound = ((2 + sqrt(3)) * D * ds[k + 1] * sqrt(G ** 2 + total(squares))) / weights
            expect(gaps[k], `${name}, n = ${k}`).toBeLessThanOrEqual(bound)
          },
        })
        // The bound that needs neither: at t = argmin d_{t+1} / Σ_{i ≤ t} dᵢ, 16 D G log₂₊(D / d₀) /
        // √(n + 1).
        const ratio = gaps.map((_, t) => ds[t + 1] / total(ds.slice(0, t + 1)))
        const t = ratio.indexOf(min(...ratio))
        expect(gaps[t], name).toBeLessThanOrEqual((16 * D * G * log2plus(max(1, D / d0))) / sqrt(n))
      }
    },
  )

  test.each(['I', 'II'] as const)(
    'dualAveraging, option %s, in the long run: 12 D G / √(n + 1) + 8 D G² / ((n + 1) ‖g₀‖)',
    async (option) => {
      for (const { name, problem, D } of lipschitzProblems
        .slice(0, 18)
        .filter((_, i) => i % 2 === 0)) {
        const n = 1500
        const { gradients, evaluated } = await follow(dualAveraging({ option }), problem, {
          steps: n + 1,
        })
        const { G, fStar } = problem
        const bound = (12 * D * G) / sqrt(n + 1) + (8 * D * G ** 2) / ((n + 1) * norm(gradients[0]))
        expect(problem.loss(evaluated) - fStar, name).toBeLessThanOrEqual(bound)
      }
    },
  )
})

describe('rates of Prodigy: the root of the logarithm', () => {
  const d0 = 1e-6

  test('prodigyDa with G: for every n and for the best of them', async () => {
    // As for dual averaging, with weights d² and γ = 1 / √(d² G² + Σ dₖ² ‖gₖ‖²): Σ dₖ² (f(xₖ) − f*)
    // ≤ (2 + √3) D d / γ. Where d grew by less than 2 during N / R steps, R = log₂₊(d_N / d₀), ρ =
    // d²_{t+1} / Σ_{i ≤ t} dᵢ² is at most 4 / (N / R − 1).
    for (const { name, problem, D } of lipschitzProblems) {
      const { G, fStar } = problem
      const N = 300
      const ds = [d0]
      const gaps: number[] = []
      const rho: number[] = []
      const bound = (each: number) => (2 + sqrt(3)) * D * G * sqrt(each * (1 + each))
      await follow(prodigyDa({ d0, G }), problem, {
        steps: N,
        async at(k, { optimizer }) {
          const weights = total(ds.map((d) => d * d))
          ds.push((await optimizer.scalars()).d)
          rho.push(ds[k + 1] ** 2 / weights)
          gaps.push(problem.loss(flat(optimizer.evaluated())) - fStar)
          expect(gaps[k], `${name}, n = ${k}`).toBeLessThanOrEqual(bound(rho[k]))
        },
      })
      const R = Math.floor(log2(ds[N] / d0)) + 1
      const best = gaps[rho.indexOf(min(...rho))]
      expect(best, name).toBeLessThanOrEqual(bound(4 / (N / R - 1)))
    }
  })

  test('prodigyGd with G: for every n', async () => {
    // With r = ‖x_{n+1} − x₀‖ and E = Σ η² ‖g‖² = Σ ‖x_{k+1} − xₖ‖², q = (r² − E) / 2 ≤ d r, so r ≤
    // 2 d + √E, and Σ η (f(xₖ) − f*) ≤ D r − q ≤ D (2 d + √E) + E / 2. Beside it Theorem 1 of the
    // paper for λ = 1 (arXiv 2306.06101).
    for (const { name, problem, D } of lipschitzProblems) {
      const { G, fStar } = problem
      const ds = [d0]
      let [E, etas] = [0, 0]
      let x: readonly number[] = problem.x0
      await follow(prodigyGd({ d0, G }), problem, {
        steps: 400,
        async at(k, now) {
          const move = distance(now.x, x)
          E += move ** 2
          etas += norm(now.g) > 0 ? move / norm(now.g) : 0
          x = now.x
          const squares = total(ds.map((d) => d * d))
          const { d } = await now.optimizer.scalars()
          ds.push(d)
          const gap = problem.loss(flat(now.optimizer.evaluated())) - fStar
          if (norm(now.g) > 0)
            expect(gap, `${name}, n = ${k}`).toBeLessThanOrEqual(
              ((D * (2 * d + sqrt(E)) + E / 2) / etas) * (1 + 1e-9),
            )
          const theorem1 = (sqrt(2) * D * G * d * (2 + Math.log(k + 2))) / sqrt(squares)
          expect(gap, `${name}, n = ${k}, Theorem 1`).toBeLessThanOrEqual(theorem1)
        },
      })
    }
  })
})

describe('methods that know D, or G, or f*', () => {
  test('subgradient, step D / (G √n): the average is within D G / √n', async () => {
    for (const { name, problem, D } of lipschitzProblems) {
      const n = 200
      const step = averaged(subgradient({ lr: D / (problem.G * sqrt(n)) }), { gamma: 0 })
      const { points, evaluated } = await follow(step, problem, { steps: n })
      expect(problem.loss(mean(points.slice(0, n))), name).toBeLessThanOrEqual(
        (D * problem.G) / sqrt(n),
      )
      expect(error(evaluated, mean(points.slice(1))), name).toBeLessThan(1e-12)
    }
  })

  test('subgradient, steps D / (G √k): the weighted average', async () => {
    // Σ γₖ (f(xₖ) − f*) ≤ (D² + G² Σ γₖ²) / 2
    for (const { name, problem, D } of lipschitzProblems) {
      const { points } = await follow(subgradient({ D, G: problem.G }), problem, { steps: 200 })
      const gammas = fill(200, (k) => D / (problem.G * sqrt(k + 1)))
      const bound =
        (D ** 2 + problem.G ** 2 * total(gammas.map((each) => each ** 2))) / (2 * total(gammas))
      expect(problem.loss(mean(points.slice(0, 200), gammas)), name).toBeLessThanOrEqual(bound)
    }
  })

  test.each([1, 1e-6, 1e6])(
    'normalizedGradient needs no G: the best iterate, and the same ones for %f · f',
    async (c) => {
      // hₖ = ⟨gₖ / ‖gₖ‖, xₖ − x*⟩ is how far x* is from a plane behind which f ≥ f(xₖ), so f(xₖ) − f*
      // ≤ G hₖ; and Σ αₖ hₖ ≤ (D² + Σ αₖ²) / 2.
      for (const { name, problem, D } of lipschitzProblems) {
        const n = 200
        const { points } = await follow(normalizedGradient({ D }), scaled(problem, c), { steps: n })
        const best = min(...points.slice(0, n).map(problem.loss)) - problem.fStar
        const alphas = fill(n, (k) => D / sqrt(k + 1))
        const bound = (D ** 2 + total(alphas.map((each) => each ** 2))) / (2 * total(alphas))
        expect(best, name).toBeLessThanOrEqual(problem.G * bound)
      }
    },
  )

  test.each([
    ['polyak', polyak(), 1],
    ['polyak, half a step', polyak({ lr: 0.5 }), 0.75],
    ['sps, c = 1', sps({ adaptFlag: 'constant', c: 1, eps: 0 }), 1],
    ['sps, c = 1/2', sps({ adaptFlag: 'constant', c: 0.5, eps: 0 }), 0],
  ] as const)(
    '%s comes closer to every solution: ‖x⁺ − x*‖² ≤ ‖x − x*‖² − θ (f − f*)² / ‖g‖²',
    async (_name, algorithm, theta) => {
      // η = t (f − f*) / ‖g‖² gives θ = t (2 − t).
      for (const { name, problem } of convexProblems) {
        const { points, gradients } = await follow(algorithm, problem, { steps: 100 })
        for (const [k, g] of gradients.entries()) {
          const [before, after] = [
            distance(points[k], problem.xStar) ** 2,
            distance(points[k + 1], problem.xStar) ** 2,
          ]
          const gain =
            norm(g) > 1e-7
              ? (theta * (problem.loss(points[k]) - problem.fStar) ** 2) / dot(g, g)
              : 0
          expect(after, `${name}, step ${k}`).toBeLessThanOrEqual(
            before - gain + 1e-13 * (before + dot(problem.x0, problem.x0)),
          )
        }
      }
    },
  )
})

describe('DoG and DoWG', () => {
  /**
   * f at the average weighted by w, and its bound r̄ (2 D̄ + r̄) √v / Σ w, after every tenth step.
   */
  async function check(
    algorithm: Algorithm,
    power: 1 | 2,
    r0: (p: Problem) => number,
    eps: { sum: number; root: number },
  ) {
    for (const { name, problem, D } of convexProblems) {
      const { points, gradients } = await follow(algorithm, problem, { steps: 300 })
      let [v, farthest] = [eps.sum, 0]
      const weights: number[] = []
      for (const [k, g] of gradients.entries()) {
        const rBar = max(r0(problem), ...points.slice(0, k + 1).map((x) => distance(x, problem.x0)))
        weights.push(rBar ** power)
        v += (power === 2 ? rBar ** 2 : 1) * dot(g, g)
        farthest = max(farthest, distance(points[k], problem.xStar))
        if (k % 10) continue
        const next = max(rBar, distance(points[k + 1], problem.x0))
        const gap = problem.loss(mean(points.slice(0, k + 1), weights)) - problem.fStar
        const reach = max(farthest, distance(points[k + 1], problem.xStar))
        const bound = (next * (2 * reach + next) * (sqrt(v) + eps.root)) / total(weights)
        expect(gap, `${name}, n = ${k}`).toBeLessThanOrEqual(bound * (1 + 1e-9))
      }
      // Observed here, and proved in the paper for its variant T-DoG: r̄ stays below 3 ‖x₀ − x*‖.
      expect(max(...points.map((x) => distance(x, problem.x0))), name).toBeLessThan(3 * D)
    }
  }

  test('dog: Proposition 1 of arXiv 2302.12022', () =>
    // Multiply ⟨gₖ, xₖ − x*⟩ = (‖xₖ − x*‖² − ‖xₖ₊₁ − x*‖²) / (2 ηₖ) + ηₖ ‖gₖ‖² / 2 by r̄ₖ and sum
    // by parts.
    check(dog({ repsRel: 0.01 }), 1, (p) => 0.01 * (1 + norm(p.x0)), { sum: 1e-8, root: 0 }))

  test('dowg: the same with weights r̄² (arXiv 2305.16284)', () =>
    check(dowg(), 2, () => 0.01, { sum: 0, root: 1e-4 }))

  test('the distance that dog reports is the largest so far', async () => {
    const problem = families.absolute(1, 3)
    const { points, optimizer } = await follow(dog({ repsRel: 0.01 }), problem, {
      steps: 50,
      sizes: [1, 2, 3],
    })
    const largest = max(...points.slice(0, 50).map((x) => norm(along(x, -1, problem.x0))))
    expect((await optimizer.scalars()).rBar / largest).toBeCloseTo(1, 12)
  })
})
