/**
 * Every option of every algorithm and wrapper, from its own declaration: a wrong type, a NaN, and
 * values outside of its range are refused with the name of the option. So are names that nobody
 * declared, and what is no set of options at all.
 */
import { describe, expect, test } from 'vitest'
import * as core from '../src/index.ts'

type Make = (settings?: unknown) => unknown
const isFactory = (
  value: unknown,
): value is Make & { algorithm: { ranges: core.Ranges; defaults: object } } =>
  typeof value === 'function' && 'algorithm' in value
const algorithms = Object.entries(core).flatMap(([name, factory]) =>
  isFactory(factory) ? [{ name, factory }] : [],
)
const inner = core.sgd()
const wrappers: readonly (readonly [name: string, make: Make])[] = [
  ['averaged', (settings) => core.averaged(inner, settings as never)],
  ['mechanic', (settings) => core.mechanic(inner, settings as never)],
  ['scheduleFree', (settings) => core.scheduleFree(inner, settings as never)],
  ['skipNonFinite', (settings) => core.skipNonFinite(inner, settings as never)],
]
const schedules: readonly (readonly [name: string, make: Make])[] = [
  ['constantSchedule', core.constantSchedule as Make],
  ['linear', core.linear as Make],
  ['cosine', core.cosine as Make],
  ['polynomial', core.polynomial as Make],
  ['warmupStableDecay', core.warmupStableDecay as Make],
]

function refusal(call: () => unknown): core.FreestepError {
  try {
    call()
  } catch (error) {
    if (error instanceof core.FreestepError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

/** What no option of any algorithm takes. */
const never: readonly (readonly [what: string, value: unknown, words: string])[] = [
  ['NaN', Number.NaN, 'NaN'],
  ['a text', 'abc', '"abc"'],
  ['a BigInt', 1n, '1n, a BigInt'],
  ['a Symbol', Symbol('x'), 'a Symbol'],
  ['an object', {}, 'an object'],
  ['a promise', Promise.resolve(1), 'a promise'],
  ['a factory', core.sgd, 'the factory sgd, which was not called'],
  ['an algorithm', core.sgd(), 'the algorithm sgd'],
  ['an array of another kind', Int32Array.of(1), 'an Int32Array'],
  ['a list of no use', [1, 2, 3, 4, 5], 'an array of 5'],
]
/** Numbers, most of which are outside of most ranges. */
const numbers = [-1, -1e-9, 0, 0.5, 1, 1.5, 1e31, 1e308, -1e308, 5e-324, 1e-31, Infinity, -Infinity]

describe.each(algorithms)('$name', ({ name, factory }) => {
  const { ranges, defaults } = factory.algorithm
  test('declares a range for each default, which holds', () => {
    expect(Object.keys(ranges)).toEqual(Object.keys(defaults))
    for (const [option, value] of Object.entries(defaults))
      expect(ranges[option].holds(value), option).toBe(true)
  })
  test.each(Object.keys(ranges))('%s', (option) => {
    for (const [what, value, words] of never) {
      const error = refusal(() => factory({ [option]: value }))
      expect(error.message, what).toContain(
        `${name}: option ${option} is ${words}. Give ${ranges[option].says}.`,
      )
    }
    for (const value of numbers)
      if (!ranges[option].holds(value)) {
        const error = refusal(() => factory({ [option]: value }))
        expect(
          [error.code, error.message.includes(`option ${option} is ${value}.`)],
          String(value),
        ).toEqual(['bad-option', true])
      }
  })
  test.each(Object.keys(ranges))(
    '%s: every number that it takes makes a program, for single and double precision',
    (option) => {
      for (const value of numbers)
        if (ranges[option].holds(value)) {
          const algorithm = factory({ [option]: value }) as core.Algorithm
          for (const dtype of ['float32', 'float64'] as const) {
            const tensor = { name: 'x', shape: [2], size: 2, dtype }
            expect(() =>
              core.createProgram(algorithm, [tensor], [{ ...algorithm.options }]),
            ).not.toThrow()
          }
        }
    },
  )
  test('a name that is none', () => {
    const error = refusal(() => factory({ wieght: 1 }))
    expect(error.code).toBe('unknown-option')
    expect(error.message).toContain(`${name} has no option "wieght".`)
    if (name !== 'momo' && 'weightDecay' in ranges)
      expect(error.message).toContain('Did you mean "weightDecay"?')
  })
})

const broken: readonly unknown[] = [
  null,
  'lr',
  0.1,
  [],
  [0.1],
  () => 1,
  core.sgd,
  core.sgd(),
  1n,
  Symbol('x'),
  new Map(),
  Promise.resolve({}),
]
describe('what is no set of options', () => {
  test.each([
    ...algorithms.map(({ name, factory }) => [name, factory] as const),
    ...wrappers,
    ...schedules,
  ])('%s', (name, make) => {
    for (const settings of broken) {
      const error = refusal(() => make(settings))
      expect(error.message).toContain(`${name} takes options by name`)
      expect(error.code).toBe('bad-option')
    }
  })
})

describe('options of wrappers', () => {
  test.each([
    ['averaged', { gamma: 8 }],
    ['mechanic', { weightDecay: 0.01, eps: 1e-8, sInit: 1e-6, numBetas: 6 }],
    ['scheduleFree', { momentum: 0.9, weightLrPower: 2, r: 0, weightDecayAtY: 0 }],
  ])('%s', (name, options) => {
    const make = wrappers.find(([other]) => other === name)?.[1] as Make
    expect(make(options)).toMatchObject({ wrapper: { options } })
    for (const option of Object.keys(options)) {
      for (const [what, value, words] of never)
        expect(refusal(() => make({ [option]: value })).message, what).toContain(
          `${name}: option ${option} is ${words}.`,
        )
      for (const value of [-1, Infinity, -Infinity, 1e308, null, (k: number) => k])
        expect(refusal(() => make({ [option]: value })).message).toContain(
          `${name}: option ${option} is `,
        )
    }
    expect(refusal(() => make({ wieght: 1 })).code).toBe('unknown-option')
  })
  test.each([
    [
      () => core.clipByGlobalNorm(core.sgd() as never, 1 as never),
      'option max is the algorithm sgd. Give a finite number > 0.',
    ],
    [() => core.clipByGlobalNorm(Infinity, core.sgd()), 'option max is Infinity.'],
    [() => core.clipByGlobalNorm((() => 1) as never, core.sgd()), 'option max is a function.'],
    [() => core.clipByGlobalNorm(undefined as never, core.sgd()), 'option max is missing.'],
    [
      () => core.clipByGlobalNorm(1, core.sgd as never),
      'goes around an algorithm, such as sgd(). It got the factory sgd, which was not called.',
    ],
    [
      () => core.averaged(undefined as never),
      'averaged goes around an algorithm, such as sgd(). It got undefined.',
    ],
    [
      () => core.mechanic(core.sgd(), { sInit: 'abc' } as never),
      'mechanic: option sInit is "abc".',
    ],
    [
      () => core.mechanic(core.averaged(core.dog())),
      'mechanic cannot go around averaged(dog), whose point to evaluate at is not x.',
    ],
    [() => core.mechanic(core.prodigyGd()), 'mechanic cannot go around prodigyGd'],
    [
      () => core.scheduleFree(core.sgd(), { wieghtDecay: 1 } as never),
      'Did you mean "weightDecayAtY"?',
    ],
    [
      () => core.skipNonFinite(core.sgd(), { max: 1 } as never),
      'skipNonFinite has no option "max". It has none.',
    ],
  ])('%#: %s', (call, words) => expect(refusal(call).message).toContain(words))
})

describe('schedules', () => {
  const good = {
    linear: { steps: 10 },
    cosine: { steps: 10, cycles: 2 },
    polynomial: { steps: 10, power: 2 },
    warmupStableDecay: { steps: 10, decay: 5 },
  }
  test.each(schedules)('%s: every option', (name, make) => {
    const options: Record<string, number> = {
      warmup: 2,
      peak: 0.5,
      ...good[name as keyof typeof good],
    }
    expect((make(options) as core.NamedSchedule).toJSON()).toEqual({ schedule: name, options })
    for (const option of Object.keys(options))
      for (const value of [Number.NaN, Infinity, -1, '1', 1n, null, () => 1])
        expect(refusal(() => make({ ...options, [option]: value })).message).toContain(
          `${name}: option ${option} is `,
        )
    for (const option of ['steps', 'warmup', 'cycles', 'decay'])
      if (option in options)
        expect(refusal(() => make({ ...options, [option]: 2.5 })).message).toContain(
          `option ${option} is 2.5.`,
        )
  })
  test.each([
    [() => core.linear({} as never), 'linear: option steps is missing. Give an integer ≥ 1.'],
    [
      () => core.linear({ stpes: 10 } as never),
      'linear has no option "stpes". Did you mean "steps"?',
    ],
    [() => core.linear({ steps: 10, cycles: 2 } as never), 'linear has no option "cycles".'],
    [() => core.polynomial({ steps: 10 } as never), 'polynomial: option power is missing.'],
    [
      () => core.warmupStableDecay({ steps: 10 } as never),
      'warmupStableDecay: option decay is missing.',
    ],
    [
      () => core.warmupStableDecay({ steps: 10, decay: 20 }),
      'a decay of 20 steps does not fit into 10 steps.',
    ],
    [
      () => core.warmupStableDecay({ steps: 10, decay: 6, warmup: 5 }),
      'a decay of 6 steps after a warm-up of 5 does not fit into 10 steps.',
    ],
    [() => core.linear({ steps: 10, warmup: 10 }), '10 steps are too few for a warm-up of 10.'],
    [() => core.linear({ steps: 10, floor: 2 }), 'the floor 2 is above the peak 1.'],
    [
      () => core.cosine({ steps: 10, cycles: 2.5 }),
      'cosine: option cycles is 2.5. Give an integer ≥ 1.',
    ],
    [
      () => core.cosine({ steps: 4, cycles: 10 }),
      '10 cycles are more than the 4 steps after the warm-up.',
    ],
    [
      () => core.scheduleFromJSON(null as never),
      'null is no schedule. Give { schedule, options }.',
    ],
    [
      () => core.scheduleFromJSON({ schedule: 'cosin', options: { steps: 3 } }),
      'There is no schedule "cosin". Did you mean "cosine"?',
    ],
    [
      () => core.scheduleFromJSON({ schedule: 'cosine' } as never),
      'cosine: option steps is missing.',
    ],
  ])('%#: %s', (call, words) => expect(refusal(call).message).toContain(words))
  test('cycles of two steps fall and rise', () => {
    expect([0, 1, 2, 3, 4].map(core.cosine({ steps: 4, cycles: 2 }))).toEqual(
      [1, 0.5, 1, 0.5, 0].map((v) => expect.closeTo(v, 12)),
    )
  })
})

test('an algorithm of plain defaults: their types, and lr as everywhere', () => {
  const plain = core.defineAlgorithm({
    name: 'plain',
    defaults: {
      lr: 1,
      c: 2,
      most: Infinity,
      on: false,
      mode: 'a',
      pair: [1, 2] as readonly [number, number],
      last: null as number | null,
    },
    state: () => ({}),
    step: ({ g }) => ({ u: g }),
  })
  expect(plain({ c: -3, most: 4, on: true, mode: 'b', pair: [3, 4], last: 1 }).options).toEqual({
    lr: 1,
    c: -3,
    most: 4,
    on: true,
    mode: 'b',
    pair: [3, 4],
    last: 1,
  })
  const refused = { lr: -1, c: Infinity, most: Number.NaN, on: 1, mode: 2, pair: [1], last: 'a' }
  for (const [option, value] of Object.entries(refused))
    expect(refusal(() => plain({ [option]: value } as never)).message).toContain(
      `plain: option ${option} is `,
    )
})

test('an algorithm made from another keeps its ranges', () => {
  const mine = core.defineAlgorithm({
    ...core.adam.algorithm,
    name: 'mine',
    defaults: { ...core.adam.algorithm.defaults, lr: 0.5 },
  })
  expect(mine().options).toMatchObject({ lr: 0.5, eps: 1e-8 })
  expect(refusal(() => mine({ betas: [0.9, 1] })).message).toContain(
    'mine: option betas is [0.9, 1]. Give 2 numbers, each a number in [0, 1).',
  )
})
