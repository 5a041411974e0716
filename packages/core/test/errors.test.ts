import { describe, expect, test } from 'vitest'
import { FreestepError, suggest } from '../src/index.ts'

test('an error says where, what, and what to do, and has a code', () => {
  const cause = new Error('device')
  const error = new FreestepError('webgpu', 'device-lost', 'The device is gone. Make a new backend.', { cause })
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
    ['learningRate', ' Known: lr, betas, weightDecay, useBiasCorrection.'],
  ])('%s', (wrong, sentence) => expect(suggest(wrong, known)).toBe(sentence))

  test('of many names lists thirty', () => {
    const many = Array.from({ length: 40 }, (_, i) => `layer${i}.weight`)
    expect(suggest('nothing', many)).toMatch(/^ Known: layer0\.weight, .*layer29\.weight, …\.$/)
  })
  test('of no names says nothing', () => expect(suggest('a', [])).toBe(''))
})
