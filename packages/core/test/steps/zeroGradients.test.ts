/**
 * Gradients that are zero: from the start, for a while, for one tensor or one coordinate. What the
 * authors' packages do there (some return before x moves, some divide 0 by 0) is what happens here,
 * but for what docs/coming-from/pytorch.md names.
 */

import {
  type Algorithm,
  adagrad,
  cdowg,
  cocob,
  cpu,
  createOptimizer,
  dadaptAdagrad,
  dadaptAdam,
  dadaptAdan,
  dadaptLion,
  dadaptSgd,
  dog,
  dowg,
  ldog,
  momo,
  momoAdam,
  polyak,
  prodigy,
  sps,
} from '@freestep/cpu'
import { describe, expect, test } from 'vitest'
import { type Formula, sizes } from './formulas.ts'
import * as packages from './packageFormulas.ts'
import { error, families, flat, follow, type Problem } from './problems.ts'

type Zero = (k: number, i: number) => boolean

/**
 * The problem with its gradient at call k zero in coordinate i where `zero` says so. One for each
 * path: it counts its calls.
 */
function interrupted(problem: Problem, zero: Zero): Problem {
  let k = 0
  return {
    ...problem,
    gradient(x) {
      const g = problem.gradient(x).map((each, i) => (zero(k, i) ? 0 : each))
      k++
      return g
    },
  }
}

/** Coordinates are cut into tensors {0}, {1, 2}, {3, 4, 5}. */
const patterns: Readonly<Record<string, Zero>> = {
  'from the start': (k) => k < 3,
  'for a while': (k) => k > 4 && k < 9,
  'in one tensor, at first': (k, i) => k < 5 && i > 2,
  'in one coordinate': (_, i) => i === 4,
  'but off the slice, at first': (k, i) => k < 4 && i !== 2 && i !== 4,
}

const d0 = 1e-2
const decay = { weightDecay: 0.1, decouple: true }
const adanOptions = { betas: [0.9, 0.8, 0.9], noProx: true, weightDecay: 0 } as const
const table: readonly (readonly [name: string, algorithm: Algorithm, formula: Formula])[] = [
  ['prodigy, as prodigyopt', prodigy({ d0, compat: 'prodigyopt' }), packages.prodigyopt({ d0 })],
  [
    'prodigy, as prodigyopt, bias correction and decay',
    prodigy({ d0, compat: 'prodigyopt', useBiasCorrection: true, ...decay }),
    packages.prodigyopt({ d0, useBiasCorrection: true, ...decay }),
  ],
  [
    'prodigy, as prodigyopt, slice 2, decay',
    prodigy({ d0, compat: 'prodigyopt', sliceP: 2, ...decay }),
    packages.prodigyopt({ d0, sliceP: 2, ...decay }),
  ],
  [
    'prodigy, as prodigyopt, coupled decay',
    prodigy({ d0, compat: 'prodigyopt', decouple: false, weightDecay: 0.1 }),
    packages.prodigyopt({ d0, decouple: false, weightDecay: 0.1 }),
  ],
  ['dadaptAdam', dadaptAdam({ d0 }), packages.dadaptAdam({ d0 })],
  [
    'dadaptAdam, bias correction, coupled decay',
    dadaptAdam({ d0, useBiasCorrection: true, weightDecay: 0.1 }),
    packages.dadaptAdam({ d0, useBiasCorrection: true, weightDecay: 0.1 }),
  ],
  [
    'dadaptAdam, preprint',
    dadaptAdam({ d0, form: 'preprint' }),
    packages.dadaptAdamPreprint({ d0 }),
  ],
  ['dadaptAdan', dadaptAdan({ d0, weightDecay: 0 }), packages.dadaptAdan({ d0, weightDecay: 0 })],
  [
    'dadaptAdan, options',
    dadaptAdan({ d0, ...adanOptions }),
    packages.dadaptAdan({ d0, ...adanOptions }),
  ],
  [
    'dadaptLion',
    dadaptLion({ d0, weightDecay: 0.1 }),
    packages.dadaptLion({ d0, weightDecay: 0.1 }),
  ],
  ['dadaptAdagrad', dadaptAdagrad({ d0 }), packages.dadaptAdagrad({ d0 })],
  [
    'dadaptAdagrad, momentum',
    dadaptAdagrad({ d0, momentum: 0.9 }),
    packages.dadaptAdagrad({ d0, momentum: 0.9 }),
  ],
  ['dog', dog({ repsRel: 0.01 }), packages.dogPackage(0.01)],
  ['cocob', cocob(), packages.cocobPackage],
  ['momo', momo({ weightDecay: 0.1 }), packages.momoPackage({ weightDecay: 0.1 })],
  [
    'momo, bias correction',
    momo({ biasCorrection: true }),
    packages.momoPackage({ biasCorrection: true }),
  ],
  ['momoAdam', momoAdam({ weightDecay: 0.1 }), packages.momoAdamPackage({ weightDecay: 0.1 })],
  [
    'momoAdam, the decay of AdamW',
    momoAdam({ lr: 1, weightDecay: 0.1, divide: false }),
    packages.momoAdamPackage({ lr: 1, weightDecay: 0.1, divide: false }),
  ],
]

describe.each(Object.entries(patterns))('the gradient is zero %s', (_pattern, zero) => {
  test.each(table)('%s', async (_name, algorithm, formula) => {
    const problem = families.quadratic(7, 3)
    const expected = formula(interrupted(problem, zero))
    await follow(algorithm, interrupted(problem, zero), {
      steps: 30,
      sizes,
      async at(k, { x, optimizer }) {
        const now = expected(k)
        expect(error(x, now.x), `x after step ${k}`).toBeLessThan(1e-10)
        if (!now.scalars) return
        const scalars = await optimizer.scalars()
        for (const [name, value] of Object.entries(now.scalars))
          expect(Math.abs(scalars[name] / value - 1), `${name} after step ${k}`).toBeLessThan(1e-10)
      },
    })
  })
})

/** The path without the points at which nothing was to be done. */
async function path(algorithm: Algorithm, zero: Zero, steps: number) {
  const { points } = await follow(algorithm, interrupted(families.quadratic(7, 3), zero), {
    steps,
    sizes,
  })
  return points.filter((_, k) => k === 0 || !zero(k - 1, 0))
}

test.each<readonly [string, Algorithm]>([
  ['prodigy', prodigy({ d0, useBiasCorrection: true })],
  [
    'prodigy, as prodigyopt',
    prodigy({ d0, compat: 'prodigyopt', useBiasCorrection: true, weightDecay: 0.1 }),
  ],
  ['dadaptAdam', dadaptAdam({ d0, useBiasCorrection: true })],
  ['dadaptAdam, preprint', dadaptAdam({ d0, form: 'preprint' })],
  ['dadaptSgd', dadaptSgd({ d0, momentum: 0.9 })],
  ['dadaptAdagrad', dadaptAdagrad({ d0, momentum: 0.9 })],
  ['dadaptAdan', dadaptAdan({ d0, weightDecay: 0 })],
  ['dadaptLion', dadaptLion({ d0 })],
])(
  '%s: gradients of zero from the start are as if they had not been given',
  async (_name, algorithm) => {
    expect(await path(algorithm, (k) => k < 5, 45)).toEqual(await path(algorithm, () => false, 40))
  },
)

test.each<readonly [string, Algorithm]>([
  ['dog', dog({ repsRel: 0.01 })],
  ['dog, a first step size', dog({ initEta: 0.01 })],
  ['ldog', ldog({ repsRel: 0.01 })],
  ['dowg', dowg()],
  ['cdowg', cdowg()],
  ['cocob', cocob()],
  ['adagrad', adagrad({ lr: 0.1 })],
  ['adagrad, primal-dual', adagrad({ lr: 0.1, primalDual: true })],
  ['polyak', polyak()],
  ['sps, smooth', sps()],
  ['sps, constant', sps({ adaptFlag: 'constant', etaMax: 1 })],
])('%s: a gradient of zero is as if it had not been given, whenever', async (_name, algorithm) => {
  const zero = (k: number) => k < 2 || (k > 10 && k < 14)
  const [with0, without] = [await path(algorithm, zero, 45), await path(algorithm, () => false, 40)]
  for (const [k, x] of without.entries())
    expect(error(with0[k], x), `x after step ${k}`).toBeLessThan(1e-12)
})

test.each<readonly [string, Algorithm, number]>([
  ['prodigy', prodigy({ d0, weightDecay: 0.5 }), 1 - 0.5 * d0],
  ['dadaptAdam', dadaptAdam({ d0, weightDecay: 0.5, decouple: true }), 1 - 0.5 * d0],
  ['dadaptAdan', dadaptAdan({ d0, weightDecay: 0.5 }), 1 / (1 + 0.5 * d0)],
])(
  '%s: decay goes on while all gradients were zero, unlike in the packages',
  async (_name, algorithm, factor) => {
    const { points } = await follow(
      algorithm,
      interrupted(families.quadratic(7, 3), () => true),
      { steps: 4, sizes },
    )
    for (const [k, x] of points.entries())
      expect(
        error(
          x,
          points[0].map((xi) => xi * factor ** k),
        ),
      ).toBeLessThan(1e-14)
  },
)

test("adagrad: lr decays with the gradients that a tensor has had, as torch.optim.Adagrad's counts", async () => {
  const params = { a: Float64Array.of(1, -2), b: Float64Array.of(3) }
  const optimizer = await createOptimizer(adagrad({ lr: 0.5, lrDecay: 0.3 }), params, await cpu())
  const expected: Record<string, { x: number[]; G: number[]; steps: number }> = {
    a: { x: [1, -2], G: [0, 0], steps: 0 },
    b: { x: [3], G: [0], steps: 0 },
  }
  for (let k = 0; k < 12; k++) {
    const given = Object.keys(params).filter((name) => !(name === 'b' && k % 3 !== 2))
    const gradients = Object.fromEntries(
      given.map((name) => [name, Float64Array.from(expected[name].x, (x) => x + 0.1 * k)]),
    )
    optimizer.step(gradients)
    for (const name of given) {
      const tensor = expected[name]
      for (const [i, g] of gradients[name].entries()) {
        tensor.G[i] += g ** 2
        tensor.x[i] -= ((0.5 / (1 + 0.3 * tensor.steps)) * g) / (Math.sqrt(tensor.G[i]) + 1e-10)
      }
      tensor.steps++
    }
    expect(error(flat(optimizer.params), [...expected.a.x, ...expected.b.x])).toBeLessThan(1e-13)
  }
})
