/**
 * What users of the Python packages ask for, as they would write it: groups with their own lr and
 * decay, a mask for the decay, one d or several, a ceiling on d, freezing it, reading every scalar
 * at any time. One test a wish.
 */

import {
  adam,
  adamW,
  clipByGlobalNorm,
  cpu,
  createOptimizer,
  dadaptAdam,
  dadaptSgd,
  type FloatArray,
  prodigy,
  scheduleFree,
  sgd,
} from '@freestep/cpu'
import { describe, expect, test } from 'vitest'
import {
  along,
  bytesOf,
  cut,
  error,
  everything,
  families,
  fill,
  flat,
  follow,
  norm,
  norm1,
  type Problem,
} from './problems.ts'

const problem = families.quadratic(4, 5)
const d0 = 0.01

/** A model: a matrix and a bias, drawn from a problem. */
const model = (): Record<string, FloatArray> => {
  const { t0, t1 } = cut(problem.x0, [4, 2])
  return { 'dense/kernel': t0, 'dense/bias': t1 }
}
const gradients = (params: Readonly<Record<string, FloatArray>>) => {
  const { t0, t1 } = cut(problem.gradient(flat(params)), [4, 2])
  return { 'dense/kernel': t0, 'dense/bias': t1 }
}

describe('groups', () => {
  test('lr and weight decay of their own, by name; of several groups the later wins', async () => {
    const optimizer = await createOptimizer(
      sgd({ lr: 0.1, weightDecay: 0.5 }),
      model(),
      await cpu(),
      {
        groups: [
          { params: ['dense/kernel', 'dense/bias'], lr: 0.7 },
          { params: ['dense/bias'], lr: 0.2, weightDecay: 0 },
        ],
      },
    )
    const x = flat(optimizer.params)
    const g = problem.gradient(x)
    optimizer.step(gradients(optimizer.params))
    const expected = x.map((xi, i) => (i < 4 ? xi - 0.7 * (g[i] + 0.5 * xi) : xi - 0.2 * g[i]))
    expect(error(flat(optimizer.params), expected)).toBeLessThan(1e-15)
  })

  test.each([
    ['a predicate on the name', (name: string) => name.endsWith('bias')],
    ['a predicate on the shape', (_: string, tensor: { readonly size: number }) => tensor.size < 4],
  ])('a decay mask: %s', async (_name, params) => {
    for (const make of [
      () => adamW({ lr: 0.1, weightDecay: 0.3 }),
      () => prodigy({ d0, weightDecay: 0.3 }),
    ] as const) {
      const groups = [{ params, weightDecay: 0 }]
      const masked = await createOptimizer(make(), model(), await cpu(), { groups } as never)
      const x = flat(masked.params)
      // With a gradient of zero the decay is all there is.
      const still = Object.fromEntries(
        Object.entries(masked.params).map(([name, param]) => [name, param.map(() => 0)]),
      )
      masked.step(still as never)
      const after = flat(masked.params)
      const rate = make().name === 'adamW' ? 0.1 * 0.3 : d0 * 0.3
      expect(
        error(
          after.slice(0, 4),
          x.slice(0, 4).map((each) => each * (1 - rate)),
        ),
      ).toBeLessThan(1e-15)
      expect(after.slice(4)).toEqual(x.slice(4))
    }
  })

  test('lr of their own with one d for all', async () => {
    const groups = [{ params: ['dense/bias'], lr: 0.5 }]
    const optimizer = await createOptimizer(prodigy({ d0 }), model(), await cpu(), { groups })
    const even = await createOptimizer(prodigy({ d0 }), model(), await cpu())
    const x = flat(optimizer.params)
    for (const each of [optimizer, even]) each.step(gradients(each.params))
    const [moves, whole] = [optimizer, even].map((each) => along(flat(each.params), -1, x))
    expect(error(moves.slice(0, 4), whole.slice(0, 4))).toBeLessThan(1e-12)
    expect(
      error(
        moves.slice(4),
        whole.slice(4).map((each) => each / 2),
      ),
    ).toBeLessThan(1e-12)
    expect(Object.keys(await optimizer.scalars())).toContain('d')
  })

  test('a tensor frozen now and thawed later: nothing kept about it moves meanwhile', async () => {
    const optimizer = await createOptimizer(prodigy({ d0, weightDecay: 0.1 }), model(), await cpu())
    const about = async () =>
      Object.entries((await optimizer.save({ params: true })).tensors).filter(([name]) =>
        /^\w+\/dense\/bias/.test(name),
      )
    const before = await about()
    for (let k = 0; k < 3; k++)
      optimizer.step({ ...gradients(optimizer.params), 'dense/bias': undefined })
    expect(await about()).toEqual(before)
    optimizer.step(gradients(optimizer.params))
    expect(await about()).not.toEqual(before)
  })

  test.each([
    ['prodigy', () => prodigy({ d0, weightDecay: 0.1 })],
    ['scheduleFree(dadaptAdam)', () => scheduleFree(dadaptAdam({ d0 }))],
    ['clipByGlobalNorm(adam)', () => clipByGlobalNorm(0.1, adam())],
  ])(
    'splitGroups, %s: each group is an optimizer by itself, with its own d',
    async (_name, make) => {
      const groups = [{ params: ['dense/bias'] }]
      const split = await createOptimizer(
        make() as ReturnType<typeof prodigy>,
        model(),
        await cpu(),
        { groups, splitGroups: true },
      )
      const alone = await Promise.all(
        Object.entries(model()).map(async ([name, param]) =>
          createOptimizer(make() as ReturnType<typeof prodigy>, { [name]: param }, await cpu()),
        ),
      )
      for (let k = 0; k < 40; k++) {
        const all = gradients(split.params)
        split.step(all)
        for (const each of alone)
          each.step(
            Object.fromEntries(
              Object.keys(each.params).map((name) => [name, all[name as keyof typeof all]]),
            ),
          )
      }
      for (const each of alone) {
        const [name] = Object.keys(each.params)
        expect(split.params[name]).toEqual(each.params[name])
        expect(split.evaluated()[name]).toEqual(each.evaluated()[name])
        const [own, all] = [await each.scalars(), await split.scalars()]
        for (const [scalar, value] of Object.entries(own))
          expect(all[scalar] ?? all[`${scalar}/${name}`]).toBe(value)
      }
    },
  )
})

describe('d', () => {
  const trace = async (algorithm: ReturnType<typeof prodigy>, p: Problem = problem) => {
    const ds: number[] = []
    const run = await follow(algorithm, p, {
      steps: 80,
      at: async (_, { optimizer }) => void ds.push((await optimizer.scalars()).d),
    })
    return { ...run, ds }
  }
  /** The algorithms that estimate d, by their options. */
  const estimating = {
    prodigy: (o: object) => prodigy({ d0, ...o }),
    dadaptAdam: (o: object) => dadaptAdam({ d0, ...o }),
    dadaptSgd: (o: object) => dadaptSgd({ d0, ...o }),
  } as const

  test.each(Object.entries(estimating))('%s: a ceiling', async (_name, make) => {
    const free = await trace(make({}) as never)
    const dLimit = free.ds[79] / 2
    const limited = await trace(make({ dLimit }) as never)
    expect(Math.max(...limited.ds)).toBe(dLimit)
    const reached = limited.ds.indexOf(dLimit)
    expect(limited.points.slice(0, reached + 1)).toEqual(free.points.slice(0, reached + 1))
  })

  test.each(Object.entries(estimating))('%s: frozen after N steps', async (_name, make) => {
    const free = await trace(make({}) as never)
    const frozen = await trace(make({ adaptSteps: 4 }) as never)
    expect(frozen.ds.slice(0, 4)).toEqual(free.ds.slice(0, 4))
    expect(new Set(frozen.ds.slice(3)).size).toBe(1)
    expect(free.ds[79]).toBeGreaterThan(frozen.ds[79])
  })

  test('d₀ = 1 and frozen from the start is Adam with its lr', async () => {
    const options = { eps: 0, betas: [0.8, 0.99] as const }
    const lr = (k: number) => 0.1 / (k + 1)
    const ours = await follow(
      prodigy({ ...options, lr, d0: 1, adaptSteps: 0, useBiasCorrection: true }),
      problem,
      { steps: 60 },
    )
    const plain = await follow(adam({ ...options, lr }), problem, { steps: 60 })
    expect(error(ours.x, plain.x)).toBeLessThan(1e-13)
  })

  test('growthRate: never more than that factor in a step, once d has left d₀', async () => {
    const { ds } = await trace(prodigy({ d0, growthRate: 1.02 }))
    const from = ds.findIndex((d) => d > d0)
    for (const [k, d] of ds.entries())
      if (k > from) expect(d / ds[k - 1]).toBeLessThanOrEqual(1.02 * (1 + 1e-15))
    expect(ds[79]).toBeGreaterThan(d0)
  })

  test('dCoef multiplies the estimate', async () => {
    const first = async (dCoef: number) => {
      const { optimizer } = await follow(prodigy({ d0, dCoef }), problem, { steps: 2 })
      return (await optimizer.scalars()).dHat
    }
    expect((await first(3)) / (await first(1))).toBeCloseTo(3, 12)
  })

  test('clipping does not mislead it: gradients clipped to the same norm give the same d as gradients that have it', async () => {
    const unit: Problem = {
      ...problem,
      gradient: (x) =>
        along(
          problem.x0.map(() => 0),
          1 / norm(problem.gradient(x)),
          problem.gradient(x),
        ),
    }
    const clipped = await trace(clipByGlobalNorm(1, prodigy({ d0 })), {
      ...problem,
      gradient: (x) => problem.gradient(x).map((each) => 1e3 * each),
    })
    const plain = await trace(prodigy({ d0 }), unit)
    expect(error(clipped.ds, plain.ds)).toBeLessThan(1e-9)
  })

  test('layerScale: a parameter with scale 2 moves twice as far', async () => {
    const x = problem.x0
    const groups = [{ params: ['t1'], layerScale: 2 } as never]
    const { points } = await follow(dadaptAdam({ d0 }), problem, {
      steps: 1,
      sizes: [3, 3],
      groups,
    })
    const plain = await follow(dadaptAdam({ d0 }), problem, { steps: 1, sizes: [3, 3] })
    const moves = [along(points[1], -1, x), along(plain.points[1], -1, x)]
    expect(
      error(
        moves[0],
        moves[1].map((each, i) => (i < 3 ? each : 2 * each)),
      ),
    ).toBeLessThan(1e-12)
  })

  test('sliceP: d from every p-th coordinate of each tensor', async () => {
    const p = 2
    const {
      optimizer,
      points,
      gradients: gs,
    } = await follow(prodigy({ d0, sliceP: p }), problem, { steps: 2, sizes: [1, 5] })
    const kept = [0, 1, 3, 5]
    const beta3 = Math.sqrt(0.999)
    let r = 0
    const s = kept.map(() => 0)
    for (const [k, g] of gs.entries()) {
      // d stays at d₀ for two steps, so that all weights are equal.
      r = beta3 * r + kept.reduce((total, i) => total + g[i] * (problem.x0[i] - points[k][i]), 0)
      for (const [j, i] of kept.entries()) s[j] = beta3 * s[j] + g[i]
    }
    expect((await optimizer.scalars()).dHat / (r / norm1(s))).toBeCloseTo(1, 9)
  })
})

describe('reading scalars between the steps', () => {
  test.each(everything)('%s: changes no bit of the run', async (_name, make) => {
    const quiet = await follow(make(), problem, { steps: 12, sizes: [2, 4] })
    const watched = await follow(make(), problem, {
      steps: 12,
      sizes: [2, 4],
      async at(_k, { optimizer }) {
        await optimizer.scalars()
        await optimizer.save({ params: true })
        optimizer.evaluated()
      },
    })
    expect((await bytesOf(watched.optimizer)).equals(await bytesOf(quiet.optimizer))).toBe(true)
  })

  test('d, d̂ and the sums behind it are all there, and lr · d is a product', async () => {
    const { optimizer } = await follow(prodigy({ d0 }), problem, { steps: 20 })
    const scalars = await optimizer.scalars()
    const { tensors } = await optimizer.save()
    const s = [...tensors['s/t0'].data]
    expect(Object.keys(scalars).sort()).toEqual(['d', 'dHat', 'r'])
    expect(scalars.dHat).toBeCloseTo(scalars.r / norm1(s), 12)
    expect(scalars.d).toBeGreaterThanOrEqual(scalars.dHat)
    const moves = fill(2, () => flat(optimizer.params))
    optimizer.step({ t0: Float64Array.from(problem.gradient(moves[0])) })
    const { m, v } = {
      m: [...(await optimizer.save()).tensors['m/t0'].data],
      v: [...(await optimizer.save()).tensors['v/t0'].data],
    }
    const expected = moves[0].map(
      (xi, i) => xi - (scalars.d * m[i]) / (Math.sqrt(v[i]) + scalars.d * 1e-8),
    )
    expect(error(flat(optimizer.params), expected)).toBeLessThan(1e-14)
  })
})
