/**
 * What must not matter: the scale of the loss, the order of coordinates, how they are cut into
 * tensors, and, for the methods that only use norms and inner products, a rotation of space. Each
 * as two runs whose paths are compared; with runs that do differ as the proof that the comparison
 * can tell.
 */

import {
  adagradNorm,
  adam,
  averaged,
  cdowg,
  clipByGlobalNorm,
  cocob,
  dadaptAdagrad,
  dadaptAdam,
  dadaptAdan,
  dadaptLion,
  dadaptSgd,
  dog,
  dowg,
  dualAveraging,
  ldog,
  mechanic,
  momo,
  normalizedGradient,
  polyak,
  prodigy,
  prodigyDa,
  prodigyGd,
  scheduleFree,
  sgd,
  sps,
  subgradient,
} from '@freestep/cpu'
import { describe, expect, test } from 'vitest'
import {
  dot,
  draws,
  error,
  everything,
  type Follow,
  families,
  fill,
  follow,
  mapped,
  norm,
  type Problem,
  scaled,
} from './problems.ts'

const steps = 40
const problem = families.quadratic(5, 3)
type Any = (typeof everything)[number][1]

/** How far two runs are apart at worst, once the second is mapped back. */
async function apart(
  make: Any,
  other: Problem,
  back: (y: number[]) => number[],
  options: Partial<Follow> = {},
): Promise<number> {
  const one = await follow(make(), problem, { steps, sizes: [2, 4] })
  const two = await follow(make(), other, { steps, sizes: [2, 4], ...options })
  const paths = one.points.map((x, k) => error(back(two.points[k]), x))
  return Math.max(...paths, error(back(two.evaluated), one.evaluated))
}

const d0 = 0.01
const same = (x: number[]) => x

describe('c f has the iterates of f', () => {
  const exactly: readonly (readonly [name: string, make: Any])[] = [
    ['normalizedGradient', () => normalizedGradient({ lr: 0.05 })],
    ['adagradNorm', () => adagradNorm()],
    ['polyak', () => polyak({ lr: 0.2 })],
    ['sps, constant', () => sps({ adaptFlag: 'constant', c: 5, eps: 0 })],
    ['dualAveraging', () => dualAveraging({ d0 })],
    ['dualAveraging, option I', () => dualAveraging({ d0, option: 'I' })],
    ['prodigyGd', () => prodigyGd({ d0 })],
    ['prodigyDa', () => prodigyDa({ d0 })],
    ['dadaptSgd', () => dadaptSgd({ d0 })],
    ['dadaptLion', () => dadaptLion({ d0 })],
    ['dog, ε = 0', () => dog({ repsRel: d0, eps: 0 })],
    ['dadaptAdam, preprint, ε = 0', () => dadaptAdam({ d0, eps: 0, form: 'preprint' })],
    ['dadaptAdan, ε = 0', () => dadaptAdan({ d0, eps: 0 })],
    ['prodigy, ε = 0', () => prodigy({ d0, eps: 0 })],
    [
      'prodigy, prodigyopt, ε = 0',
      () =>
        prodigy({ d0, eps: 0, compat: 'prodigyopt', weightDecay: 0.1, useBiasCorrection: true }),
    ],
    ['scheduleFree(prodigy), ε = 0', () => scheduleFree(prodigy({ d0, eps: 0 }))],
    ['mechanic(adam), ε = 0', () => mechanic(adam({ lr: 0.1, eps: 0 }), { eps: 1e-30 })],
  ]
  test.each(exactly)('%s', async (_name, make) => {
    for (const c of [1e-3, 1e3])
      expect(await apart(make, scaled(problem, c), same), `c = ${c}`).toBeLessThan(1e-9)
  })

  const upToEps: typeof exactly = [
    ['dog', () => dog({ repsRel: d0 })],
    ['averaged(ldog)', () => averaged(ldog({ repsRel: d0 }))],
    ['dowg', () => dowg()],
    ['cdowg', () => cdowg()],
    ['cocob', () => cocob()],
    ['dadaptAdagrad', () => dadaptAdagrad({ d0 })],
    ['dadaptAdam', () => dadaptAdam({ d0 })],
    ['dadaptAdan', () => dadaptAdan({ d0 })],
    ['prodigy', () => prodigy({ d0 })],
    ['clipByGlobalNorm(prodigy), never clipped', () => clipByGlobalNorm(1e300, prodigy({ d0 }))],
  ]
  test.each(upToEps)('%s, where gradients are far above its ε', async (_name, make) => {
    const one = await follow(make(), scaled(problem, 1e6), { steps, sizes: [2, 4] })
    const two = await follow(make(), scaled(problem, 1e9), { steps, sizes: [2, 4] })
    for (const [k, x] of one.points.entries())
      expect(error(two.points[k], x), `step ${k}`).toBeLessThan(1e-5)
    expect(error(two.evaluated, one.evaluated)).toBeLessThan(1e-5)
  })

  test.each([
    ['sgd', () => sgd({ lr: 0.1 })],
    ['subgradient', () => subgradient({ lr: 0.1 })],
    ['momo', () => momo()],
  ] as const)('which is not so for %s', async (_name, make) => {
    expect(await apart(make, scaled(problem, 0.1), same)).toBeGreaterThan(1e-3)
  })
})

describe('the order of the coordinates changes nothing', () => {
  const order = [3, 0, 5, 1, 4, 2]
  const T = (x: readonly number[]) => order.map((i) => x[i])
  const back = (y: readonly number[]) => fill(6, (i) => y[order.indexOf(i)])
  test.each(everything)('%s', async (_name, make) => {
    // In one tensor, since to ldog a tensor is a thing.
    const one = await follow(make(), problem, { steps })
    const two = await follow(make(), mapped(problem, T, back), { steps })
    expect(error(back(two.x), one.x)).toBeLessThan(1e-9)
    expect(error(back(two.evaluated), one.evaluated)).toBeLessThan(1e-9)
  })
})

describe('one tensor or several is the same', () => {
  const layerwise = (name: string) => name.includes('ldog')
  test.each(everything.filter(([name]) => !layerwise(name)))('%s', async (_name, make) => {
    for (const sizes of [[6], [1, 1, 1, 1, 1, 1], [0, 5, 1]])
      expect(await apart(make, problem, same, { sizes })).toBeLessThan(1e-9)
  })
  test.each(everything.filter(([name]) => layerwise(name)))(
    'but not for %s',
    async (_name, make) => {
      expect(await apart(make, problem, same, { sizes: [6] })).toBeGreaterThan(1e-3)
    },
  )
})

describe('a rotation changes nothing', () => {
  /** An orthogonal matrix, by Gram and Schmidt. */
  const draw = draws(9)
  const Q: number[][] = []
  for (const row of fill(6, () => fill(6, draw))) {
    const rest = Q.reduce((v, q) => v.map((each, i) => each - dot(row, q) * q[i]), row)
    Q.push(rest.map((each) => each / norm(rest)))
  }
  const T = (x: readonly number[]) => Q.map((q) => dot(q, x))
  const back = (y: readonly number[]) =>
    fill(6, (j) => Q.reduce((total, q, i) => total + q[j] * y[i], 0))
  const rotated = mapped(problem, T, back)

  const table: readonly (readonly [name: string, make: Any])[] = [
    ['sgd', () => sgd({ lr: 0.1, momentum: 0.9, nesterov: true })],
    ['subgradient', () => subgradient({ D: 3, G: 2 })],
    ['normalizedGradient', () => normalizedGradient({ lr: 0.05 })],
    ['adagradNorm', () => adagradNorm({ weightDecay: 0.1 })],
    ['polyak', () => polyak({ lr: 0.2 })],
    ['sps', () => sps()],
    ['dog', () => dog({ repsRel: d0 })],
    ['dowg', () => dowg()],
    ['dualAveraging', () => dualAveraging({ d0 })],
    ['dualAveraging, option I', () => dualAveraging({ d0, option: 'I', G: 2 })],
    ['prodigyGd', () => prodigyGd({ d0 })],
    ['prodigyDa', () => prodigyDa({ d0, G: 2 })],
    ['dadaptSgd', () => dadaptSgd({ d0, momentum: 0.5 })],
    ['momo', () => momo({ useFstar: true, lb: -1, weightDecay: 0.1 })],
    [
      'clipByGlobalNorm(averaged(dog))',
      () => clipByGlobalNorm(0.3, averaged(dog({ repsRel: d0 }))),
    ],
    ['scheduleFree(dualAveraging)', () => scheduleFree(dualAveraging({ d0 }))],
    ['mechanic(sgd)', () => mechanic(sgd({ lr: 0.1 }))],
  ]
  test.each(table)('%s', async (_name, make) => {
    expect(await apart(make, rotated, back)).toBeLessThan(1e-9)
  })
  test.each([
    ['adam', () => adam({ lr: 0.1 })],
    ['prodigy', () => prodigy({ d0 })],
    ['cocob', () => cocob()],
  ] as const)('which is not so for %s', async (_name, make) => {
    expect(await apart(make, rotated, back)).toBeGreaterThan(1e-3)
  })
})

/** A problem in which each coordinate stands p times, with a p-th of its gradient each. */
const repeated = ({ x0, gradient, loss, ...rest }: Problem, p: number): Problem => {
  const each = (x: readonly number[]) => x.filter((_, i) => i % p === 0)
  return {
    ...rest,
    x0: x0.flatMap((xi) => fill(p, () => xi)),
    loss: (x) => loss(each(x)),
    gradient: (x) => gradient(each(x)).flatMap((gi) => fill(p, () => gi)),
  }
}

describe('repeated coordinates, of which sliceP sees one each', () => {
  test.each([
    ['prodigy', (sliceP: number) => prodigy({ sliceP })],
    [
      'scheduleFree(prodigy)',
      (sliceP: number) => scheduleFree(prodigy({ sliceP }), { weightDecayAtY: 0.01 }),
    ],
  ])('%s', async (_name, make) => {
    const one = await follow(make(1), problem, { steps, sizes: [6] })
    const two = await follow(make(3), repeated(problem, 3), { steps, sizes: [18] })
    for (const [k, x] of one.points.entries())
      expect(
        error(
          two.points[k].filter((_, i) => i % 3 === 0),
          x,
        ),
      ).toBeLessThan(1e-12)
    const [d, d1] = [(await two.optimizer.scalars()).d, (await one.optimizer.scalars()).d]
    expect(d1).toBeGreaterThan(1e-3)
    expect(Math.abs(d / d1 - 1)).toBeLessThan(1e-12)
  })
})
