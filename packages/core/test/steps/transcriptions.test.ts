/**
 * Algorithms for which there is no recording of an author's code: each is held against its formula,
 * written down once more from the paper as loops over plain numbers (formulas.ts). Then the few
 * values that others have published. Nothing of freestep computes what is expected.
 */

import {
  type Algorithm,
  adagradNorm,
  adam,
  averaged,
  clipByGlobalNorm,
  cosine,
  dadaptSgd,
  dowg,
  dualAveraging,
  ldog,
  linear,
  mechanic,
  normalizedGradient,
  polyak,
  prodigy,
  prodigyDa,
  prodigyGd,
  scheduleFree,
  sgd,
  skipNonFinite,
  subgradient,
} from '@freestep/cpu'
import { describe, expect, test } from 'vitest'
import {
  adagradNormFormula,
  adamUpdates,
  averagedDescent,
  dAdaptation,
  dAdaptedSgd,
  descent,
  type Formula,
  layerwiseDog,
  prodigyAdam,
  prodigyAveraging,
  prodigyDescent,
  scheduleFreeSgd,
  sizes,
  tuned,
} from './formulas.ts'
import {
  dot,
  draws,
  error,
  families,
  flat,
  follow,
  norm,
  type Problem,
  type Vector,
} from './problems.ts'

const warm = (k: number) => Math.min(1, (k + 1) / 20)
const fall = (k: number) => (1 + Math.cos((Math.PI * Math.min(k, 150)) / 150)) / 2
const limits = { d0: 1e-3, growth: 1.3, dLimit: 0.8, adaptSteps: 40 }
const clip = (k: number, g: Vector) => 0.1 * fall(k) * Math.min(1, 0.3 / norm(g))

const d0 = 1e-2
/** A new algorithm without recordings is a row: its name, the algorithm, the formula. */
const table: readonly (readonly [name: string, algorithm: Algorithm, formula: () => Formula])[] = [
  ['subgradient, fixed', subgradient({ lr: 0.05 }), () => descent(() => 0.05)],
  [
    'subgradient, schedule',
    subgradient({ lr: linear({ steps: 100 }) }),
    () => descent((k) => Math.max(0, 1 - k / 100)),
  ],
  [
    'subgradient, D / (G √k)',
    subgradient({ D: 3, G: 2 }),
    () => descent((k) => 3 / (2 * Math.sqrt(k + 1))),
  ],
  [
    'normalizedGradient, fixed',
    normalizedGradient({ lr: 0.02 }),
    () => descent((_, g) => 0.02 / norm(g)),
  ],
  [
    'normalizedGradient, schedule',
    normalizedGradient({ lr: warm }),
    () => descent((k, g) => warm(k) / norm(g)),
  ],
  [
    'normalizedGradient, D / √k',
    normalizedGradient({ D: 3 }),
    () => descent((k, g) => 3 / (Math.sqrt(k + 1) * norm(g))),
  ],
  ['adagradNorm', adagradNorm({ lr: 3, eps: 0.1 }), () => adagradNormFormula(3, 0.1)],
  ['dualAveraging, option I', dualAveraging({ d0, option: 'I' }), () => dAdaptation('I', d0, 0)],
  ['dualAveraging, option II', dualAveraging({ d0 }), () => dAdaptation('II', d0, 0)],
  [
    'dualAveraging, option I, G',
    dualAveraging({ d0, option: 'I', G: 2 }),
    () => dAdaptation('I', d0, 2),
  ],
  [
    'dualAveraging, option II, G, schedule',
    dualAveraging({ d0, G: 2, lr: warm }),
    () => dAdaptation('II', d0, 2, warm),
  ],
  ['prodigyGd', prodigyGd({ d0 }), () => prodigyDescent(d0, 0)],
  ['prodigyGd, G, λ', prodigyGd({ d0, G: 2, lr: warm }), () => prodigyDescent(d0, 2, warm)],
  ['prodigyDa', prodigyDa({ d0, G: 2 }), () => prodigyAveraging(d0, 2)],
  ['prodigyDa, λ', prodigyDa({ d0, lr: warm }), () => prodigyAveraging(d0, 0, warm)],
  ['prodigy', prodigy({ d0 }), () => prodigyAdam({ d0, beta1: 0.9, beta2: 0.999 })],
  [
    'prodigy, β₁ = 0',
    prodigy({ d0, betas: [0, 0.99] }),
    () => prodigyAdam({ d0, beta1: 0, beta2: 0.99 }),
  ],
  [
    'prodigy, dLimit, adaptSteps',
    prodigy({ d0, dLimit: 0.2, adaptSteps: 60 }),
    () => prodigyAdam({ d0, beta1: 0.9, beta2: 0.999, dLimit: 0.2, adaptSteps: 60 }),
  ],
  [
    'prodigy, growthRate',
    prodigy({ d0, growthRate: 1.1 }),
    () => prodigyAdam({ d0, beta1: 0.9, beta2: 0.999, growth: 1.1 }),
  ],
  [
    'dadaptSgd, limits',
    dadaptSgd({ d0: 1e-3, growthRate: 1.3, dLimit: 0.8, adaptSteps: 40 }),
    () => dAdaptedSgd(limits),
  ],
  ['ldog', ldog({ repsRel: 0.01 }), () => layerwiseDog],
  [
    'mechanic(sgd)',
    mechanic(sgd({ lr: 0.1 })),
    () => tuned((_, g) => g.map((each) => -0.1 * each)),
  ],
  [
    'mechanic(sgd), options',
    mechanic(sgd({ lr: cosine({ steps: 150, peak: 0.1 }) }), {
      weightDecay: 0,
      sInit: 0.01,
      numBetas: 3,
    }),
    () => tuned((k, g) => g.map((each) => -0.1 * fall(k) * each), 0, 0.01, 3),
  ],
  ['mechanic(adam)', mechanic(adam({ lr: 0.1 })), () => tuned(adamUpdates())],
  [
    'clipByGlobalNorm(sgd)',
    clipByGlobalNorm(0.3, sgd({ lr: cosine({ steps: 150, peak: 0.1 }) })),
    () => descent(clip),
  ],
  ['skipNonFinite(sgd)', skipNonFinite(sgd({ lr: 0.1 })), () => descent(() => 0.1)],
  ['averaged(sgd)', averaged(sgd({ lr: 0.1 })), () => averagedDescent(8, 0.1)],
  [
    'averaged(sgd), the plain mean',
    averaged(sgd({ lr: 0.1 }), { gamma: 0 }),
    () => averagedDescent(0, 0.1),
  ],
  [
    'scheduleFree(sgd)',
    scheduleFree(sgd({ lr: 0.3 })),
    () => scheduleFreeSgd(() => 0.3, 0.9, 0, 2),
  ],
  [
    'scheduleFree(sgd), r',
    scheduleFree(sgd({ lr: warm }), { r: 2, weightLrPower: 1, momentum: 0.8 }),
    () => scheduleFreeSgd(warm, 0.8, 2, 1),
  ],
]

const tested = [
  { problem: 'quadratic', steps: 200 },
  { problem: 'absolute', steps: 120 },
] as const

/**
 * By how much a formula amplifies errors: how far its path is from one whose every x and g are off
 * by 1e-11.
 */
function sensitivity(formula: () => Formula, problem: Problem): (k: number, x: Vector) => number {
  const draw = draws(1)
  const off = (vector: Vector) => vector.map((each) => each * (1 + 1e-11 * draw()))
  const noisy = formula()({ ...problem, gradient: (x) => off(problem.gradient(off(x))) })
  return (k, x) => error(noisy(k).x, x) / 1e-11
}

describe.each(tested)('$problem, $steps steps', ({ problem: family, steps }) => {
  test.each(table)('%s is its formula', async (_name, algorithm, formula) => {
    const problem = families[family](7, 3)
    const expected = formula()(problem)
    const amplification = sensitivity(formula, problem)
    let [tolerance, compared] = [1e-10, 0]
    await follow(algorithm, problem, {
      steps,
      sizes,
      async at(k, { x, optimizer }) {
        const now = expected(k)
        // 1e-10, more only where the formula itself blows up the rounding of its arguments by more
        // than 1e5, and no longer where chaos.
        tolerance = Math.max(tolerance, 1e-15 * amplification(k, now.x))
        if (tolerance > 1e-7) return
        compared++
        expect(error(x, now.x), `x after step ${k}`).toBeLessThan(tolerance)
        if (k % 10) return
        if (now.evaluated)
          expect(
            error(flat(optimizer.evaluated()), now.evaluated),
            `evaluated() after step ${k}`,
          ).toBeLessThan(tolerance)
        const scalars = await optimizer.scalars()
        for (const [name, value] of Object.entries(now.scalars ?? {})) {
          const scale = Math.abs(value) + (now.scalars?.d ?? 0)
          expect(Math.abs(scalars[name] - value), `${name} after step ${k}`).toBeLessThan(
            10 * tolerance * scale,
          )
        }
      },
    })
    expect(compared).toBeGreaterThanOrEqual(60)
  })
})

describe('values that optax publishes, f = Σ x² from (1, 2, 3)', () => {
  const squares: Problem = {
    x0: [1, 2, 3],
    xStar: [0, 0, 0],
    fStar: 0,
    G: Infinity,
    loss: (x) => dot(x, x),
    gradient: (x) => x.map((each) => 2 * each),
  }
  test.each([
    // In single precision there, printed with six decimals.
    ['dowg', dowg(), [13.925367, 13.872763, 13.775433, 13.596172, 13.268837], 2e-6],
    ['polyak', polyak(), [3.5, 0.875, 0.21875, 0.0546875, 0.013671875], 1e-15],
  ])('%s', async (_name, algorithm, expected, tolerance) => {
    const { points } = await follow(algorithm, squares, { steps: expected.length })
    for (const [k, value] of expected.entries())
      expect(Math.abs(squares.loss(points[k + 1]) - value)).toBeLessThan(tolerance)
  })
})
