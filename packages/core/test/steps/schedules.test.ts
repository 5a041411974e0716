/**
 * Schedules: their closed forms, their way to JSON and back, and what they do inside an optimizer.
 */

import {
  adam,
  averaged,
  constantSchedule,
  cosine,
  cpu,
  createOptimizer,
  FreestepError,
  linear,
  type NamedSchedule,
  polynomial,
  prodigy,
  scheduleFromJSON,
  sgd,
  warmupStableDecay,
} from '@freestep/cpu'
import { describe, expect, test } from 'vitest'
import { along, bytesOf, error, families, fill, follow } from './problems.ts'

const { cos, PI } = Math

describe('closed forms', () => {
  /** Each row: a schedule, and its values at some steps, worked out by hand. */
  const table: readonly (readonly [
    name: string,
    schedule: NamedSchedule,
    values: Readonly<Record<number, number>>,
  ])[] = [
    ['constantSchedule', constantSchedule(), { 0: 1, 1: 1, 1e9: 1 }],
    [
      'constantSchedule, warm-up',
      constantSchedule({ peak: 3, warmup: 4 }),
      { 0: 0.75, 1: 1.5, 2: 2.25, 3: 3, 4: 3, 1e9: 3 },
    ],
    ['linear', linear({ steps: 10 }), { 0: 1, 1: 0.9, 5: 0.5, 9: 0.1, 10: 0, 11: 0 }],
    [
      'linear, warm-up, peak, floor',
      linear({ steps: 12, warmup: 2, peak: 5, floor: 1 }),
      { 0: 2.5, 1: 5, 2: 5, 7: 3, 12: 1, 99: 1 },
    ],
    [
      'cosine',
      cosine({ steps: 60 }),
      Object.fromEntries([0, 1, 17, 30, 59, 60].map((k) => [k, (1 + cos((PI * k) / 60)) / 2])),
    ],
    [
      'cosine, warm-up, peak, floor',
      cosine({ steps: 20, warmup: 10, peak: 2, floor: 1 }),
      { 0: 0.2, 9: 2, 10: 2, 15: 1.5, 20: 1, 21: 1 },
    ],
    [
      'cosine, three cycles',
      cosine({ steps: 30, cycles: 3 }),
      { 0: 1, 5: 0.5, 9: (1 + cos(0.9 * PI)) / 2, 10: 1, 15: 0.5, 20: 1, 25: 0.5, 30: 0, 31: 0 },
    ],
    ['polynomial', polynomial({ steps: 10, power: 3 }), { 0: 1, 5: 0.125, 9: 0.001, 10: 0, 11: 0 }],
    [
      'polynomial, the root',
      polynomial({ steps: 4, power: 0.5, peak: 2, floor: 1 }),
      { 0: 2, 3: 1.5, 4: 1 },
    ],
    [
      'warmupStableDecay',
      warmupStableDecay({ steps: 100, warmup: 10, decay: 20, floor: 0.5 }),
      { 0: 0.1, 9: 1, 10: 1, 79: 1, 80: 1, 90: 0.75, 100: 0.5, 101: 0.5 },
    ],
    [
      'warmupStableDecay without a decay',
      warmupStableDecay({ steps: 10, decay: 0 }),
      { 0: 1, 10: 1 },
    ],
  ]
  test.each(table)('%s', (_name, schedule, values) => {
    for (const [k, value] of Object.entries(values))
      expect(schedule(Number(k)), `step ${k}`).toBeCloseTo(value, 12)
  })

  test.each(table)('%s survives JSON', (_name, schedule) => {
    const again = scheduleFromJSON(JSON.parse(JSON.stringify(schedule)))
    expect(fill(130, again)).toEqual(fill(130, schedule))
    expect(JSON.stringify(again)).toBe(JSON.stringify(schedule))
  })

  test('a restart is at the peak whatever the rounding', () => {
    for (let cycles = 2; cycles <= 60; cycles++)
      for (const length of [1, 2, 3, 7, 10])
        for (let j = 1; j < cycles; j++)
          expect(
            cosine({ steps: cycles * length, cycles })(j * length),
            `${j} of ${cycles} times ${length}`,
          ).toBeCloseTo(1, 9)
  })

  test('restarts begin near the peak, though thirds of the steps are no whole numbers', () => {
    const schedule = cosine({ steps: 100, cycles: 3 })
    const tops = fill(101, schedule).filter((value, k, all) => k > 0 && value > all[k - 1])
    expect(tops.length).toBe(2)
    expect(Math.min(...tops)).toBeGreaterThan(0.99)
  })
})

test.each([
  ['too few steps', () => linear({ steps: 5, warmup: 5 })],
  ['no room for the decay', () => warmupStableDecay({ steps: 10, warmup: 5, decay: 6 })],
  ['an unknown option', () => cosine({ steps: 5, period: 3 } as never)],
  ['a negative option', () => cosine({ steps: 5, floor: -1 })],
  ['NaN', () => linear({ steps: Number.NaN })],
  ['an unknown name', () => scheduleFromJSON({ schedule: 'toString', options: {} })],
])('refused: %s', (_what, call) => {
  expect(call).toThrow(FreestepError)
  expect(call).toThrow(expect.objectContaining({ code: 'bad-option' }))
})

describe('in an optimizer', () => {
  const problem = families.quadratic(2, 3)

  test('lr follows the schedule, called once for every step with 0, 1, 2, …', async () => {
    const asked: number[] = []
    const lr = (k: number) => {
      asked.push(k)
      return 1 / (k + 1)
    }
    const { points, gradients } = await follow(sgd({ lr }), problem, { steps: 8 })
    for (const [k, g] of gradients.entries())
      expect(error(points[k + 1], along(points[k], -1 / (k + 1), g))).toBeLessThan(1e-14)
    expect([...new Set(asked)]).toEqual(fill(8, (k) => k))
  })

  test('an lr of 0 is a step of length 0: momentum goes on, as in torch', async () => {
    // m₀ = g₀, m₁ = 0.9 g₀ + g₁ with g₁ = g₀, since nothing moved: x₂ = x₀ − 1.9 g₀.
    const { points, gradients } = await follow(sgd({ lr: (k) => k, momentum: 0.9 }), problem, {
      steps: 2,
    })
    expect(points[1]).toEqual(points[0])
    expect(error(points[2], along(points[0], -1.9, gradients[0]))).toBeLessThan(1e-14)
  })

  test('an lr of 0 is a step of length 0: the counts of Adam’s bias correction go on', async () => {
    // At k = 1 both moments have seen g₀ twice, so both are g₀ and g₀² after correction.
    const { points, gradients } = await follow(adam({ lr: (k) => k * 0.1 }), problem, { steps: 2 })
    const u = gradients[0].map((g) => g / (Math.abs(g) + 1e-8))
    expect(points[1]).toEqual(points[0])
    expect(error(points[2], along(points[0], -0.1, u))).toBeLessThan(1e-14)
  })

  test('a schedule is called once a step, for all options, groups and parts that follow it; by nothing else', async () => {
    for (const splitGroups of [false, true]) {
      const asked: number[] = []
      let value = 2
      const halving = (k: number) => {
        asked.push(k)
        value /= 2
        return value
      }
      const params = { a: Float64Array.of(1), b: Float64Array.of(1), c: Float64Array.of(1) }
      const groups = [
        { params: ['b'], lr: halving, weightDecay: halving },
        { params: ['c'], lr: halving },
      ]
      const algorithm = averaged(sgd({ lr: halving }))
      const optimizer = await createOptimizer(algorithm, params, await cpu(), {
        groups,
        splitGroups,
      })
      optimizer.evaluated()
      expect(asked).toEqual([])
      const one = () => Float64Array.of(1)
      for (let k = 0; k < 3; k++) {
        expect(() => optimizer.step({ a: one(), b: Float64Array.of(1, 2) })).toThrow(FreestepError)
        optimizer.step({ a: one(), b: one(), c: one() })
        optimizer.evaluated()
      }
      expect(asked).toEqual([0, 1, 2])
      expect(optimizer.params.a[0]).toBe(1 - 1 - 1 / 2 - 1 / 4)
      optimizer.dispose()
    }
  })

  test('safeguardWarmup keeps a small warm-up out of the denominator of d̂', async () => {
    const lr = (k: number) => (k < 5 ? 1e-3 : 1)
    const dHat = async (safeguardWarmup: boolean) => {
      const { optimizer } = await follow(prodigy({ lr, d0: 0.01, safeguardWarmup }), problem, {
        steps: 3,
      })
      return (await optimizer.scalars()).dHat
    }
    expect((await dHat(true)) / (await dHat(false))).toBeCloseTo(1e-3, 8)
  })

  test('each group has its own: two tensors with two schedules are two optimizers, for a method of coordinates', async () => {
    const [a, b] = [linear({ steps: 20, peak: 0.3 }), cosine({ steps: 15, warmup: 4 })]
    const both = await follow(adam({ lr: a }), problem, {
      steps: 25,
      sizes: [2, 4],
      groups: [{ params: ['t1'], lr: b } as never],
    })
    const [one, two] = [
      await follow(adam({ lr: a }), problem, { steps: 25 }),
      await follow(adam({ lr: b }), problem, { steps: 25 }),
    ]
    // The Hessian is diagonal: coordinates do not meet in the gradient either.
    expect(both.x).toEqual([...one.x.slice(0, 2), ...two.x.slice(2)])
  })

  test('other options too: weight decay', async () => {
    const decay = (k: number) => 0.1 * (k % 3)
    const { points, gradients } = await follow(sgd({ lr: 0.1, weightDecay: decay }), problem, {
      steps: 10,
    })
    for (const [k, g] of gradients.entries())
      expect(
        error(points[k + 1], along(points[k], -0.1, along(g, decay(k), points[k]))),
      ).toBeLessThan(1e-14)
  })

  test('goes on from a checkpoint where it was', async () => {
    const lr = cosine({ steps: 40, warmup: 5 })
    const whole = await follow(prodigy({ lr, d0: 0.01 }), problem, { steps: 30 })
    const half = await follow(prodigy({ lr, d0: 0.01 }), problem, { steps: 12 })
    const checkpoint = await half.optimizer.save({ params: true })
    const { optimizer } = await follow(prodigy({ lr, d0: 0.01 }), problem, { steps: 0 })
    await optimizer.load(checkpoint)
    for (let k = 12; k < 30; k++)
      optimizer.step({ t0: Float64Array.from(problem.gradient([...optimizer.params.t0])) })
    expect((await bytesOf(optimizer)).equals(await bytesOf(whole.optimizer))).toBe(true)
    expect(JSON.parse(checkpoint.options).lr).toEqual({
      schedule: 'cosine',
      options: { steps: 40, warmup: 5 },
    })
  })
})
