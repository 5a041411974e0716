/**
 * Programs: what core adds around an algorithm, what it finds out about one, and which algorithms
 * it refuses.
 */
import { describe, expect, test } from 'vitest'
import {
  type Algorithm,
  adam,
  add,
  averaged,
  clipByGlobalNorm,
  cocob,
  createProgram,
  dadaptAdan,
  dadaptLion,
  defineAlgorithm,
  dog,
  type Expr,
  element,
  FreestepError,
  mechanic,
  momo,
  mul,
  norm2,
  perTensor,
  prodigy,
  type State,
  scalar,
  scheduleFree,
  sgd,
  skipNonFinite,
  slice,
  sliced,
  sum,
  type TensorInfo,
} from '../src/index.ts'

const tensors: TensorInfo[] = [
  { name: 'w', shape: [5], size: 5, dtype: 'float32' },
  { name: 'b', shape: [2], size: 2, dtype: 'float32' },
]
const program = (algorithm: Algorithm, options: object[] = [{}, {}]) =>
  createProgram(
    algorithm,
    tensors,
    options.map((each) => ({ ...algorithm.options, ...each })),
  )

describe('what a program knows', () => {
  test('the states and their scopes; moved where it is used', () => {
    expect(program(sgd()).states).toEqual({})
    expect(program(sgd({ momentum: 0.9 })).states).toEqual({ m: 'element' })
    expect(program(dog()).states).toEqual({
      moved: 'element',
      rBar: 'global',
      G: 'global',
      eta: 'global',
      'sum.0': 'tensor',
    })
    expect(program(prodigy({ compat: 'prodigyopt' })).states).not.toHaveProperty('moved')
  })
  test('what is kept for tensors that sit a step out: nothing for sums of gradients, a share of each other sum', () => {
    expect(program(sgd({ momentum: 0.9 })).hidden).toEqual([])
    expect(program(prodigy()).hidden).toEqual(['decay.s', 'sum.0'])
    expect(program(prodigy({ weightDecay: 0.1, decouple: false })).hidden).toEqual([
      'decay.s',
      'sum.0',
    ])
    expect(program(dadaptLion()).hidden).toEqual(['decay.s', 'sum.0'])
    // ‖s‖² in the norm of v, and ‖s‖₁.
    expect(program(dadaptAdan()).hidden).toEqual(['decay.s', 'sum.0', 'sum.1'])
    const always = createProgram(prodigy(), tensors, [prodigy().options, prodigy().options], {
      absences: false,
    })
    expect(always.hidden).toEqual([])
    expect(always.uniforms).toEqual({})
  })
  test('sliced states are elements where nothing is sliced', () => {
    expect(program(prodigy()).states).toMatchObject({
      m: 'element',
      s: 'element',
      moved: 'element',
      d: 'global',
    })
    expect(program(prodigy({ sliceP: 3 })).states).toMatchObject({
      m: 'element',
      s: 'slice',
      moved: 'slice',
    })
    expect(program(prodigy({ sliceP: 3 })).strides).toEqual([3, 3])
  })
  test('whether the loss is used', () => {
    expect(program(momo()).usesLoss).toBe(true)
    expect(program(prodigy()).usesLoss).toBe(false)
    expect(program(averaged(momo())).usesLoss).toBe(true)
  })
  test('whether there is another point to evaluate at', () => {
    expect(program(dog()).evaluate).toBeUndefined()
    expect(program(averaged(dog())).evaluate).toBeTypeOf('function')
    expect(program(clipByGlobalNorm(1, averaged(dog()))).evaluate).toBeTypeOf('function')
    expect(program(clipByGlobalNorm(1, dog())).evaluate).toBeUndefined()
  })
  test('the names of wrapped algorithms, and all their states', () => {
    const { name, states } = program(skipNonFinite(scheduleFree(adam({ betas: [0, 0.99] }))))
    expect(name).toBe('skipNonFinite(scheduleFree(adam))')
    expect(states).toMatchObject({ v: 'element', weightSum: 'tensor', skipped: 'global' })
    expect(states).not.toHaveProperty('m')
  })
})

describe('algorithms that are refused', () => {
  const define = (
    state: Record<string, State>,
    step: (values: Record<string, never>) => Record<string, Expr | undefined>,
  ) =>
    defineAlgorithm({
      name: 'odd',
      defaults: { sliceP: 1 },
      state: () => state,
      step: step as never,
    })
  const refused: [string, Algorithm, string][] = [
    ['no update', define({}, () => ({}))(), 'odd: the step returned no u. Return the update as u.'],
    [
      'a state that was not declared',
      define({}, ({ g }) => ({ u: g, m: g }))(),
      'the step returned m, which is no state. Declare it in state().',
    ],
    [
      'a state of another scope',
      define({ d: scalar() }, ({ g }) => ({ u: g, d: g }))(),
      'the next value of d has scope element where global is declared',
    ],
    [
      'a sum where elements are declared',
      define({ m: element() }, ({ g }) => ({ u: g, m: sum(g) }))(),
      'the next value of m has scope global where element is declared',
    ],
    [
      'a first value of another scope',
      define({ d: perTensor((x) => norm2(x)) }, ({ g }) => ({ u: g }))(),
      'the first value of d has scope global where tensor is declared',
    ],
    [
      'a first value that follows a schedule',
      cocob({ eps: () => 1e-8 }),
      'cocob: the first value of L depends on the option eps, so that cannot be a schedule. Give a number.',
    ],
    [
      'undefined for a state',
      define({ m: element() }, ({ g }) => ({ u: g, m: undefined }))(),
      'the next value of m is undefined. Return a value or leave the name out.',
    ],
    [
      'a whole value where a slice is kept',
      define({ s: sliced() }, ({ g, s }) => ({ u: g, s: add(s, g) }))({ sliceP: 2 }),
      'add mixes a sliced and a whole value',
    ],
  ]
  test.each(refused)('%s', (_what, algorithm, words) => {
    const make = () => program(algorithm)
    expect(make).toThrow(FreestepError)
    expect(make).toThrow(words)
  })

  test('the good form of the same is taken', () => {
    const good = define({ s: sliced(slice), d: scalar(1) }, ({ g, s, d }) => ({
      u: mul(d, g),
      s: add(s, slice(g)),
      d: sum(s),
    }))
    expect(program(good({ sliceP: 2 })).states).toEqual({
      s: 'slice',
      d: 'global',
      'sum.0': 'tensor',
    })
    expect(program(good()).states).toEqual({ s: 'element', d: 'global', 'sum.0': 'tensor' })
  })

  test('a sliced update', () => {
    const sly = define({ s: sliced() }, ({ s }) => ({ u: s }))({ sliceP: 2 })
    expect(() => program(sly)).toThrow(FreestepError)
  })

  test('a wrapper around itself', () => {
    expect(() => program(averaged(averaged(dog())))).toThrow(
      'averaged cannot go around averaged(dog) twice',
    )
    expect(() => program(mechanic(mechanic(sgd())))).toThrow(FreestepError)
  })

  test('options of wrappers that cannot be', () => {
    for (const make of [
      () => clipByGlobalNorm(0, sgd()),
      () => clipByGlobalNorm(Number.NaN, sgd()),
      () => scheduleFree(sgd(), { momentum: 1 }),
      () => scheduleFree(sgd(), { r: 0.5 }),
    ])
      expect(make).toThrow(FreestepError)
  })
  test.each([
    ['averaged, γ below 0', () => averaged(sgd(), { gamma: -1 })],
    ['averaged, γ that is no number', () => averaged(sgd(), { gamma: Number.NaN })],
    ['mechanic without β', () => mechanic(sgd(), { numBetas: 0 })],
    ['mechanic from below 0', () => mechanic(sgd(), { sInit: -1 })],
  ])('%s', (_what, make) => expect(make).toThrow(FreestepError))
})
