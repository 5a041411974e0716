import { describe, expect, test } from 'vitest'
import { FreestepError, kindOf, prodigy, sgd, suggest } from '../src/index.ts'

test('an error says where, what, and what to do, and has a code', () => {
  const cause = new Error('device')
  const error = new FreestepError(
    'webgpu',
    'device-lost',
    'The device is gone. Make a new backend.',
    { cause },
  )
  expect(error).toBeInstanceOf(Error)
  expect(error.name).toBe('FreestepError')
  expect(error.code).toBe('device-lost')
  expect(error.message).toBe('[freestep/webgpu] The device is gone. Make a new backend.')
  expect(error.cause).toBe(cause)
})

describe('suggest', () => {
  const known = ['lr', 'betas', 'weightDecay', 'useBiasCorrection']
  test.each([
    ['weight_decay', ' Did you mean "weightDecay"?'],
    ['WEIGHTDECAY', ' Did you mean "weightDecay"?'],
    ['beta', ' Did you mean "betas"?'],
    ['Lr', ' Did you mean "lr"?'],
    ['weigthDecay', ' Did you mean "weightDecay"?'],
    ['wieght', ' Did you mean "weightDecay"?'],
    ['decay', ' Did you mean "weightDecay"?'],
    ['wd', ' Did you mean "weightDecay"?'],
    ['biasCorrection', ' Did you mean "useBiasCorrection"?'],
    ['baseLr', ' Did you mean "lr"?'],
    ['rl', ' Did you mean "lr"?'],
    ['x', ' Known: lr, betas, weightDecay, useBiasCorrection.'],
    ['banana', ' Known: lr, betas, weightDecay, useBiasCorrection.'],
    ['nothing', ' Known: lr, betas, weightDecay, useBiasCorrection.'],
    ['learningRate', ' Known: lr, betas, weightDecay, useBiasCorrection.'],
  ])('%s', (wrong, sentence) => expect(suggest(wrong, known)).toBe(sentence))

  test('of many names lists thirty', () => {
    const many = Array.from({ length: 40 }, (_, i) => `layer${i}.weight`)
    expect(suggest('nothing', many)).toMatch(/^ Known: layer0\.weight, .*layer29\.weight, …\.$/)
  })
  test('of no names says nothing', () => expect(suggest('a', [])).toBe(''))
})

test.each([
  [undefined, 'undefined'],
  [null, 'null'],
  [Number.NaN, 'NaN'],
  [-Infinity, '-Infinity'],
  ['0.1', '"0.1"'],
  [1n, '1n, a BigInt'],
  [Symbol('s'), 'a Symbol'],
  [prodigy, 'the factory prodigy, which was not called'],
  [sgd(), 'the algorithm sgd'],
  [() => 1, 'a function'],
  [Promise.resolve(1), 'a promise'],
  [{}, 'an object'],
  [Object.create(null), 'an object'],
  [new (class {})(), 'an object'],
  [new (class Extra {})(), 'an Extra'],
  [[0.9, '1'], '[0.9, "1"]'],
  [new Array(9).fill(0), 'an array of 9'],
  [new Map(), 'a Map'],
  [Int32Array.of(1), 'an Int32Array'],
  [Uint8Array.of(1), 'a Uint8Array'],
  [new ArrayBuffer(1), 'an ArrayBuffer'],
] as [unknown, string][])('what %s is, in a message', (value, words) =>
  expect(kindOf(value)).toBe(words),
)
