/**
 * Options are checked when the factory is called: names, ranges, shapes. Defaults are those of the
 * original implementations.
 */
import { describe, expect, test } from 'vitest'
import {
  type Algorithm,
  adam,
  adamG,
  dadaptAdan,
  dog,
  FreestepError,
  momo,
  polyak,
  prodigy,
  type Schedule,
  sgd,
  sps,
  subgradient,
} from '../src/index.ts'

/** What a call throws. */
function refusal(call: () => unknown): FreestepError {
  try {
    call()
  } catch (error) {
    if (error instanceof FreestepError) return error
    throw error
  }
  throw new Error('nothing was refused')
}
/** Calls a factory with settings that its type may refuse. */
const make = (factory: (settings?: never) => Algorithm, settings: object) => () =>
  factory(settings as never)
const schedule: Schedule = (k) => k

test('defaults are overlaid; undefined is as if left out', () => {
  expect(adam({ lr: 0.1, eps: undefined }).options).toEqual({
    lr: 0.1,
    betas: [0.9, 0.999],
    eps: 1e-8,
    weightDecay: 0,
    amsgrad: false,
    decouple: false,
  })
  expect(prodigy().options).toMatchObject({
    lr: 1,
    betas: [0.9, 0.999],
    beta3: null,
    eps: 1e-8,
    weightDecay: 0,
    decouple: true,
    useBiasCorrection: false,
    safeguardWarmup: false,
    d0: 1e-6,
    dCoef: 1,
    growthRate: Infinity,
    sliceP: 1,
  })
})

test('an unknown option is refused with the nearest one', () => {
  const error = refusal(make(prodigy, { weight_decay: 0.1 }))
  expect(error.code).toBe('unknown-option')
  expect(error.message).toBe(
    '[freestep/core] prodigy has no option "weight_decay". Did you mean "weightDecay"?',
  )
  expect(refusal(make(sgd, { nothing: 1 })).message).toContain('Known: lr, momentum')
})

describe('what an option cannot be', () => {
  const refused: [string, (settings?: never) => Algorithm, object, string][] = [
    ['a negative lr', sgd, { lr: -1 }, 'sgd: option lr is -1. Give a finite number ≥ 0.'],
    ['an infinite lr', sgd, { lr: Infinity }, 'finite number ≥ 0'],
    ['NaN', sgd, { lr: Number.NaN }, 'finite number ≥ 0'],
    ['a text', sgd, { lr: '0.1' }, 'option lr is "0.1"'],
    ['null where null means nothing', sgd, { lr: null }, 'finite number ≥ 0'],
    ['momentum 1', sgd, { momentum: 1 }, 'a number in [0, 1)'],
    ['a negative weight decay', prodigy, { weightDecay: -0.1 }, '≥ 0'],
    ['one β for two', adam, { betas: [0.9] }, '2 numbers, each a number in [0, 1)'],
    ['a number for a pair', adam, { betas: 0.9 }, '2 numbers'],
    ['β of 1', adam, { betas: [0.9, 1] }, '2 numbers, each a number in [0, 1)'],
    ['two β for three', dadaptAdan, { betas: [0.9, 0.99] }, '3 numbers'],
    ['a fourth β', adamG, { betas: [0.9, 0.9, 0.9, 0.9] }, '3 numbers'],
    ['d0 of 0', prodigy, { d0: 0 }, 'finite number > 0'],
    ['a schedule for d0', prodigy, { d0: schedule }, 'option d0 is a function'],
    ['a growth rate below 1', prodigy, { growthRate: 0.9 }, 'a number ≥ 1 (Infinity for no limit)'],
    ['half a slice', prodigy, { sliceP: 1.5 }, 'an integer ≥ 1'],
    ['a slice of 0', prodigy, { sliceP: 0 }, 'an integer ≥ 1'],
    ['a number for yes or no', prodigy, { decouple: 1 }, 'Give a boolean'],
    ['repsRel of 0', dog, { repsRel: 0 }, '> 0'],
    ['a schedule where null is meant', dog, { initEta: schedule }, 'initEta'],
    ['a negative ceiling', prodigy, { dLimit: -1 }, 'a number > 0 (Infinity for no limit)'],
    [
      'a text that is no choice of prodigy',
      prodigy,
      { compat: 'pytorch' },
      'Give one of "paper", "prodigyopt".',
    ],
    [
      'a text that is no choice of sps',
      sps,
      { adaptFlag: 'smooth' },
      'Give one of "smooth_iter", "constant".',
    ],
    ['half a step', prodigy, { adaptSteps: 1.5 }, 'an integer ≥ 0'],
  ]
  test.each(refused)('%s', (_what, factory, settings, words) => {
    const error = refusal(make(factory, settings))
    expect(error.code).toBe('bad-option')
    expect(error.message).toContain(words)
    expect(error.message).toMatch(/^\[freestep\/core\] /)
  })
})

describe('what an option can be', () => {
  test.each([
    ['lr of 0', sgd, { lr: 0 }],
    ['a schedule', sgd, { lr: schedule, momentum: schedule, weightDecay: schedule }],
    ['no limit', prodigy, { growthRate: Infinity, dLimit: Infinity, adaptSteps: Infinity }],
    ['null where it means the default', prodigy, { beta3: null }],
    ['a number in place of null', prodigy, { beta3: 0.9 }],
    ['another null', dog, { initEta: 0.1 }],
    ['bounds of any sign', polyak, { fOpt: -3, lrMax: Infinity }],
    ['a lower bound', momo, { lb: -1 }],
    ['both or none', subgradient, { D: 1, G: 2 }],
  ] as [string, (settings?: never) => Algorithm, object][])('%s', (_what, factory, settings) => {
    expect(make(factory, settings)().options).toMatchObject(settings)
  })
})
