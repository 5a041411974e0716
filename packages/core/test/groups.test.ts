/**
 * Which option has which value for which parameter, and what becomes of it: a number of the
 * program, a uniform, or a choice.
 */
import { describe, expect, test } from 'vitest'
import { optionsPerTensor, partition, resolve } from '../src/groups.ts'
import {
  type Algorithm,
  adam,
  FreestepError,
  Moment,
  prodigy,
  type TensorInfo,
  type Value,
} from '../src/index.ts'

const tensor = (name: string, ...shape: number[]): TensorInfo => ({
  name,
  shape,
  size: shape.reduce((a, b) => a * b, 1),
  dtype: 'float32',
})
const tensors = [tensor('body.weight', 4, 3), tensor('body.bias', 3), tensor('head.weight', 3, 2)]
const bias = (name: string) => name.endsWith('bias')

describe('options per parameter', () => {
  test('by name, later groups over earlier ones, option by option', () => {
    const options = optionsPerTensor(adam({ lr: 0.1 }), tensors, [
      { params: ['body.weight', 'body.bias'], lr: 0.5, weightDecay: 0.1 },
      { params: ['body.bias'], weightDecay: 0 },
    ])
    expect(options.map(({ lr, weightDecay }) => [lr, weightDecay])).toEqual([
      [0.5, 0.1],
      [0.5, 0],
      [0.1, 0],
    ])
  })
  test('by a test, which sees name and shape', () => {
    const seen: string[] = []
    const options = optionsPerTensor(adam(), tensors, [
      { params: (name, { shape }) => seen.push(name) > 0 && shape.length === 1, weightDecay: 0.1 },
    ])
    expect(options.map(({ weightDecay }) => weightDecay)).toEqual([0, 0.1, 0])
    expect(seen).toEqual(tensors.map(({ name }) => name))
  })
  test('undefined is as if left out', () => {
    expect(optionsPerTensor(adam(), tensors, [{ params: bias, lr: undefined }])[1].lr).toBe(1e-3)
  })
  test('unknown parameters and options are refused', () => {
    const parameter = () => optionsPerTensor(adam(), tensors, [{ params: ['body.wieght'] }])
    expect(parameter).toThrow(
      'A group names "body.wieght", which is no parameter. Did you mean "body.weight"?',
    )
    const option = () =>
      optionsPerTensor(adam(), tensors, [{ params: bias, weight_decay: 0 } as never])
    expect(option).toThrow(
      'adam (parameter group) has no option "weight_decay". Did you mean "weightDecay"?',
    )
    expect(() => optionsPerTensor(adam(), tensors, [{ params: bias, lr: -1 }])).toThrow(
      FreestepError,
    )
  })
})

describe('groups by themselves', () => {
  const names = ['body.weight', 'body.bias', 'head.weight']
  test.each([
    ['no group', [], [[0, 1, 2]]],
    ['one group, the rest first', [{ params: ['body.bias'] }], [[0, 2], [1]]],
    ['all in groups', [{ params: bias }, { params: (name: string) => !bias(name) }], [[1], [0, 2]]],
    ['the later wins', [{ params: names }, { params: ['head.weight'] }], [[0, 1], [2]]],
    ['a group that is empty', [{ params: () => false }], [[0, 1, 2]]],
  ] as [string, { params: string[] | ((name: string) => boolean) }[], number[][]][])(
    '%s',
    (_what, groups, expected) => expect(partition(tensors, groups)).toEqual(expected),
  )
})

describe('what options become', () => {
  const value = (name: string) => ({ scope: 'global', name }) as unknown as Value
  const of = (algorithm: Algorithm, groups: object[] = []) =>
    resolve(algorithm, optionsPerTensor(algorithm, tensors, groups as never))

  test('a number that is the same everywhere stays a number', () => {
    const { uniforms, hyper } = of(adam({ lr: 0.1 }))
    expect(uniforms).toEqual({})
    expect(hyper(value)).toMatchObject({ lr: 0.1, betas: [0.9, 0.999], amsgrad: false })
  })
  test('a schedule is one uniform', () => {
    const { uniforms, hyper } = of(adam({ lr: (k) => k + 1 }))
    expect(Object.keys(uniforms)).toEqual(['lr'])
    expect(uniforms.lr.scope).toBe('global')
    expect([0, 5].map((k) => uniforms.lr.at(new Moment(k), []))).toEqual([[1], [6]])
    expect(hyper(value)).toMatchObject({ lr: value('lr'), eps: 1e-8 })
  })
  test('what differs is one number per parameter, schedules among them', () => {
    const { uniforms } = of(adam({ lr: 0.1 }), [{ params: bias, lr: (k: number) => k }])
    expect(uniforms.lr.scope).toBe('tensor')
    expect(uniforms.lr.at(new Moment(3), [])).toEqual([0.1, 3, 0.1])
  })
  test('the entries of a pair are options of their own', () => {
    const { uniforms, hyper } = of(adam(), [{ params: bias, betas: [0.9, 0.99] }])
    expect(Object.keys(uniforms)).toEqual(['betas[1]'])
    expect(uniforms['betas[1]'].at(new Moment(0), [])).toEqual([0.999, 0.99, 0.999])
    expect(hyper(value)).toMatchObject({ betas: [0.9, value('betas[1]')] })
  })
  test('what shapes the step cannot differ', () => {
    expect(() => of(adam(), [{ params: bias, amsgrad: true }])).toThrow(
      'adam: option amsgrad shapes the step, so it cannot differ between groups. Use splitGroups, or one value.',
    )
  })
  test('an lr that is the number 0 freezes, one that falls to 0 does not', () => {
    expect(of(adam({ lr: () => 0 }), [{ params: bias, lr: 0 }]).frozen).toEqual([
      false,
      true,
      false,
    ])
  })
  test('strides are there where something is sliced', () => {
    expect(of(prodigy()).strides).toBeUndefined()
    expect(of(prodigy({ sliceP: 3 })).strides).toEqual([3, 3, 3])
    expect(of(prodigy(), [{ params: bias, sliceP: 2 }]).strides).toEqual([1, 2, 1])
    expect(of(adam()).strides).toBeUndefined()
  })
  test('a schedule that leaves its range is refused when it does', () => {
    const { uniforms } = of(adam({ lr: (k) => 1 - k, betas: [0.9, 0.99] }))
    expect(uniforms.lr.at(new Moment(0), [])).toEqual([1])
    expect(() => uniforms.lr.at(new Moment(2), [])).toThrow(
      'The schedule of lr gave -1 at step 2. It must return a finite number ≥ 0.',
    )
    expect(() => of(adam({ lr: () => Number.NaN })).uniforms.lr.at(new Moment(0), [])).toThrow(
      FreestepError,
    )
  })
})
