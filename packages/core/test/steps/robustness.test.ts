/**
 * What goes wrong in real training, for every algorithm and wrapper: gradients that are zero, not
 * finite or missing, tensors without elements, ten thousand tiny ones, calls that are mistakes; and
 * float32 far from the origin, where x − x₀ drowns in the rounding of x.
 */

import {
  type Algorithm,
  averaged,
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
  dualAveraging,
  FreestepError,
  type FreestepErrorCode,
  ldog,
  mechanic,
  polyak,
  prodigy,
  prodigyDa,
  prodigyGd,
  scheduleFree,
  sgd,
  skipNonFinite,
} from '@freestep/cpu'
import { describe, expect, test } from 'vitest'
import {
  bytesOf,
  cut,
  draws,
  error,
  everything,
  families,
  fill,
  flat,
  follow,
  norm,
  numbersOf,
  type Problem,
} from './problems.ts'

const problem = families.quadratic(3, 2)
const sizes = [2, 4]
const zeros = problem.x0.map(() => 0)
const finite = (numbers: Record<string, number[]>) =>
  Object.values(numbers).every((each) => each.every(Number.isFinite))
const open = async (make: () => Algorithm, tensors = cut(problem.x0, sizes)) =>
  createOptimizer(make(), tensors, await cpu())
type Opened = Awaited<ReturnType<typeof open>>

/** A step with the gradient of the problem, or with a given one. */
function step(
  optimizer: Opened,
  g = problem.gradient(flat(optimizer.params)),
  loss = problem.loss(flat(optimizer.params)),
) {
  optimizer.step(cut(g, sizes), { loss })
}
const steps = (optimizer: Opened, count: number) => {
  for (let k = 0; k < count; k++) step(optimizer)
}
const decays = ({ options, wrapper }: Algorithm) =>
  'weightDecay' in options && options.weightDecay !== 0
    ? true
    : Boolean(wrapper?.options.weightDecayAtY)

describe('gradients that are zero', () => {
  test.each(everything)('%s: first, and then not', async (_name, make) => {
    const optimizer = await open(make)
    step(optimizer, zeros)
    if (!decays(make())) expect(flat(optimizer.params)).toEqual(problem.x0)
    steps(optimizer, 20)
    expect(finite(await numbersOf(optimizer))).toBe(true)
    expect(flat(optimizer.params)).not.toEqual(problem.x0)
    step(optimizer, zeros)
    expect(finite(await numbersOf(optimizer))).toBe(true)
  })

  test.each(everything)('%s: always', async (_name, make) => {
    const optimizer = await open(make)
    for (let k = 0; k < 20; k++) step(optimizer, zeros)
    expect(finite(await numbersOf(optimizer))).toBe(true)
    expect(flat(optimizer.evaluated()).every(Number.isFinite)).toBe(true)
    if (!decays(make())) expect(flat(optimizer.params)).toEqual(problem.x0)
  })
})

describe('gradients that are not finite', () => {
  const bad = [Number.NaN, Infinity, -Infinity]
  const skippable = everything.filter(([name]) => !name.includes('skipNonFinite'))

  test.each(skippable)(
    'skipNonFinite(%s) goes on as if the step had not been',
    async (_name, make) => {
      const [one, two] = [
        await open(() => skipNonFinite(make())),
        await open(() => skipNonFinite(make())),
      ]
      for (const optimizer of [one, two]) steps(optimizer, 5)
      for (const value of bad)
        step(
          one,
          zeros.map((_, i) => (i === 3 ? value : 1)),
        )
      steps(one, 5)
      steps(two, 5)
      const [a, b] = [await numbersOf(one), await numbersOf(two)]
      expect(a.skipped).toEqual([3])
      expect({ ...a, skipped: [0] }).toEqual(b)
    },
  )

  test('skipNonFinite looks at the loss where the algorithm does', async () => {
    for (const [algorithm, skips] of [
      [polyak(), 1],
      [averaged(polyak()), 1],
      [sgd(), 0],
    ] as const) {
      const optimizer = await open(() => skipNonFinite(algorithm as Algorithm))
      const before = flat(optimizer.params)
      step(optimizer, undefined, Number.NaN)
      expect((await optimizer.scalars()).skipped).toBe(skips)
      if (skips) expect(flat(optimizer.params)).toEqual(before)
      steps(optimizer, 1)
      expect(finite(await numbersOf(optimizer))).toBe(true)
    }
  })

  test.each(everything)(
    '%s: nothing is thrown, and the other tensor is spared where coordinates do not meet',
    async (name, make) => {
      const optimizer = await open(make)
      steps(optimizer, 2)
      const twin = await open(make)
      steps(twin, 2)
      const g = problem.gradient(flat(optimizer.params))
      step(optimizer, [Number.NaN, ...g.slice(1)])
      step(twin, g)
      const apart =
        /^(sgd|subgradient|adagrad|adam|adamW|cdowg|cocob|adamG)/.test(name) &&
        !name.startsWith('adagradNorm')
      if (apart) expect(flat(optimizer.params).slice(1)).toEqual(flat(twin.params).slice(1))
    },
  )
})

describe('parameters', () => {
  test.each(everything)(
    '%s: one without a gradient stays, with all that is kept about it',
    async (_name, make) => {
      const optimizer = await open(make)
      steps(optimizer, 3)
      const before = await numbersOf(optimizer)
      const { t1 } = cut(problem.gradient(flat(optimizer.params)), sizes)
      optimizer.step({ t1, t0: undefined }, { loss: problem.loss(flat(optimizer.params)) })
      const after = await numbersOf(optimizer)
      const about = (all: Record<string, number[]>, tensor: string) =>
        Object.entries(all).filter(
          ([name]) => name.endsWith(`/${tensor}`) && !/^(sum|decay)\./.test(name),
        )
      expect(about(after, 't0')).toEqual(about(before, 't0'))
      expect(about(after, 't1')).not.toEqual(about(before, 't1'))
      expect(finite(after)).toBe(true)
    },
  )

  test.each(everything)('%s: an empty tensor changes nothing', async (_name, make) => {
    const plain = await follow(make(), problem, { steps: 10, sizes })
    const withEmpty = await follow(make(), problem, { steps: 10, sizes: [2, 0, 4, 0] })
    if (make().name.includes('ldog')) expect(withEmpty.x).toEqual(plain.x)
    expect(error(withEmpty.x, plain.x)).toBeLessThan(1e-12)
    expect(finite(await numbersOf(withEmpty.optimizer))).toBe(true)
  })

  test.each(everything)('%s: ten thousand of size 1', async (name, make) => {
    const n = 10_000
    const draw = draws(1)
    const x0 = fill(n, draw)
    const many: Problem = {
      x0,
      xStar: x0.map(() => 0),
      fStar: 0,
      G: Infinity,
      loss: (x) => x.reduce((total, each) => total + each * each, 0) / 2,
      gradient: (x) => [...x],
    }
    const one = await follow(make(), many, { steps: 2 })
    const split = await follow(make(), many, { steps: 2, sizes: x0.map(() => 1) })
    if (name.includes('ldog')) expect(split.x.every(Number.isFinite)).toBe(true)
    else expect(error(split.x, one.x)).toBeLessThan(1e-9)
  })
})

describe('mistakes change nothing', () => {
  const { t0, t1 } = cut(zeros, sizes)
  const mistakes: readonly (readonly [what: string, code: FreestepErrorCode, gradients: object])[] =
    [
      ['a name that is none', 'unknown-parameter', { t0, t1, t2: t1 }],
      ['a gradient of another length', 'bad-shape', { t0, t1: t0 }],
      ['a gradient of another precision', 'bad-dtype', { t0: Float32Array.from(t0), t1 }],
      ['a gradient that is no array of floats', 'bad-dtype', { t0: [0, 0], t1 }],
      ['no gradient', 'missing-gradient', {}],
      ['only missing gradients', 'missing-gradient', { t0: null, t1: undefined }],
    ]
  test.each(everything)('%s', async (_name, make) => {
    const optimizer = await open(make)
    steps(optimizer, 2)
    const before = await bytesOf(optimizer)
    for (const [what, code, gradients] of mistakes) {
      const call = () => optimizer.step(gradients as never, { loss: 1 })
      expect(call, what).toThrow(FreestepError)
      expect(call, what).toThrow(expect.objectContaining({ code }))
    }
    const needsLoss = ['polyak', 'sps', 'momo', 'momoAdam'].includes(make().name)
    if (needsLoss)
      expect(() => optimizer.step({ t0, t1 })).toThrow(
        expect.objectContaining({ code: 'missing-loss' }),
      )
    expect(optimizer.steps).toBe(2)
    expect((await bytesOf(optimizer)).equals(before)).toBe(true)
    steps(optimizer, 1)
  })

  test('a schedule that gives nonsense at some step, in one group of several', async () => {
    const lr = (k: number) => (k < 2 ? 1 : Number.NaN)
    for (const splitGroups of [false, true]) {
      const tensors = cut(problem.x0, sizes)
      const optimizer = await createOptimizer(prodigy(), tensors, await cpu(), {
        splitGroups,
        groups: [{ params: ['t1'], lr }],
      })
      steps(optimizer, 2)
      const before = await bytesOf(optimizer)
      expect(() => steps(optimizer, 1)).toThrow(expect.objectContaining({ code: 'bad-option' }))
      expect((await bytesOf(optimizer)).equals(before)).toBe(true)
    }
  })

  test('any call after dispose, which leaves the parameters', async () => {
    const optimizer = await open(prodigy)
    steps(optimizer, 5)
    const x = flat(optimizer.params)
    const checkpoint = await optimizer.save()
    optimizer.dispose()
    optimizer.dispose()
    expect(() => optimizer.step({ t0, t1 })).toThrow(expect.objectContaining({ code: 'disposed' }))
    expect(() => optimizer.evaluated()).toThrow(expect.objectContaining({ code: 'disposed' }))
    for (const call of [
      () => optimizer.scalars(),
      () => optimizer.save(),
      () => optimizer.load(checkpoint),
    ])
      await expect(call()).rejects.toMatchObject({ code: 'disposed' })
    expect(flat(optimizer.params)).toEqual(x)
  })
})

describe('float32 far from the origin: estimates within 0.1 % of float64', () => {
  /** ½ Σ hᵢ (xᵢ − bᵢ)² from the same number in every coordinate. */
  const start = (size: number): Problem => {
    const h = fill(10, (i) => 10 ** (-3 + i / 3))
    const b = fill(10, (i) => ((-1) ** i * (i + 1)) / 5)
    return {
      x0: fill(10, () => size),
      xStar: b,
      fStar: 0,
      G: Infinity,
      loss: (x) => x.reduce((total, each, i) => total + 0.5 * h[i] * (each - b[i]) ** 2, 0),
      gradient: (x) => x.map((each, i) => h[i] * (each - b[i])),
    }
  }
  /** A problem whose every x and g is off by half a unit in the last place of float32. */
  const rounded = (p: Problem, seed: number): Problem => {
    const draw = draws(seed)
    const off = (x: readonly number[]) => x.map((each) => each * (1 + draw() * 2 ** -24))
    return { ...p, gradient: (x) => off(p.gradient(off(x))) }
  }
  /** The estimate after every step. */
  async function grown(
    algorithm: Algorithm,
    state: string,
    p: Problem,
    single: boolean,
  ): Promise<number[]> {
    const all: number[] = []
    await follow(algorithm, p, {
      steps: 200,
      single,
      at: async (_k, { optimizer }) => void all.push(norm((await numbersOf(optimizer))[state])),
    })
    return all
  }

  const sfProdigy = () => scheduleFree(prodigy({ betas: [0, 0.999] }))
  const table: readonly (readonly [name: string, make: () => Algorithm, state: string])[] = [
    ['prodigy', prodigy, 'd'],
    ['prodigyGd', prodigyGd, 'd'],
    ['prodigyDa', prodigyDa, 'd'],
    ['dualAveraging', dualAveraging, 'd'],
    ['dualAveraging, option I', () => dualAveraging({ option: 'I' }), 'd'],
    ['dadaptSgd', dadaptSgd, 'd'],
    ['dadaptAdagrad', dadaptAdagrad, 'd'],
    ['dadaptAdam', dadaptAdam, 'd'],
    ['dadaptAdan', dadaptAdan, 'd'],
    ['dadaptLion', dadaptLion, 'd'],
    ['dog', dog, 'rBar'],
    ['ldog', ldog, 'rBar/t0'],
    ['dowg', dowg, 'r2'],
    ['cdowg', cdowg, 'r2/t0'],
    ['cocob', cocob, 'moved/t0'],
    ['averaged(dog)', () => averaged(dog()), 'rBar'],
    ['scheduleFree(prodigy)', sfProdigy, 'd'],
    ['mechanic(sgd)', () => mechanic(sgd({ lr: 0.1 })), 'S'],
  ]
  const cases = table.flatMap(([name, make, state]) =>
    [16, 128, 256, 1024].map((size) => [name, size, make, state] as const),
  )

  test.each(cases)('%s from %i', async (_name, size, make, state) => {
    const p = start(size)
    const double = await grown(make(), state, p, false)
    const single = await grown(make(), state, p, true)
    const noisy = [
      await grown(make(), state, rounded(p, 1), false),
      await grown(make(), state, rounded(p, 2), false),
    ]
    // 0.1 %, and more only where float64 itself, shown a problem rounded to float32, comes out
    // differently by more than 1e-5.
    let [spread, strict] = [0, 0]
    for (const [k, d] of double.entries()) {
      spread = Math.max(spread, ...noisy.map((each) => Math.abs(each[k] / d - 1)))
      const tolerance = Math.max(1e-3, 100 * spread)
      if (tolerance === 1e-3) strict = k
      expect(Math.abs(single[k] / d - 1), `step ${k}`).toBeLessThan(tolerance)
    }
    expect(strict).toBeGreaterThan(20)
  })

  test('which the x − x₀ of rounded parameters does not do: compat prodigyopt', async () => {
    const p = start(1024)
    const [single, double] = [
      await grown(prodigy({ compat: 'prodigyopt' }), 'd', p, true),
      await grown(prodigy(), 'd', p, false),
    ]
    expect(single[199]).toBeLessThan(1e-5)
    expect(double[199]).toBeGreaterThan(500)
  })
})
