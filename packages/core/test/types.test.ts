/**
 * What does not compile, and what the compiler knows. Where the mistake can be made without types
 * too, it fails at once.
 */
import { describe, expect, expectTypeOf, test } from 'vitest'
import {
  type Algorithm,
  adam,
  averaged,
  type Backend,
  clipByGlobalNorm,
  cosine,
  createOptimizer,
  createOptimizerSync,
  type Declared,
  defineAlgorithm,
  dog,
  type Expr,
  element,
  fraction,
  type Hyper,
  linear,
  list,
  type MaybePromise,
  mechanic,
  nonNegative,
  type Optimizer,
  type OptionsOf,
  oneOf,
  orNull,
  type ProdigyOptions,
  positive,
  prodigy,
  type Schedule,
  type Settings,
  type SgdOptions,
  scalar,
  scheduleFree,
  sgd,
  skipNonFinite,
  type Value,
  warmupStableDecay,
} from '../src/index.ts'

/** Never run: only compiled. */
const compiled = (_: () => unknown) => expect(true).toBe(true)
declare const backend: Backend<Float32Array>
declare const later: Backend<Float32Array, Promise<void>>
declare const w: Float32Array

describe('settings', () => {
  test('options are numbers, or schedules where they are numbers', () => {
    expectTypeOf<Settings<SgdOptions>['lr']>().toEqualTypeOf<number | Schedule | undefined>()
    expectTypeOf<Settings<SgdOptions>['nesterov']>().toEqualTypeOf<boolean | undefined>()
    expectTypeOf<Settings<ProdigyOptions>['compat']>().toEqualTypeOf<
      'paper' | 'prodigyopt' | undefined
    >()
    expectTypeOf(prodigy).parameter(0).toEqualTypeOf<Settings<ProdigyOptions> | undefined>()
  })
  test('wrong settings', () => {
    // @ts-expect-error there is no such option
    expect(() => sgd({ learningRate: 0.1 })).toThrow('learningRate')
    // @ts-expect-error not a number
    expect(() => sgd({ lr: '0.1' })).toThrow('lr')
    // @ts-expect-error two numbers are needed
    expect(() => adam({ betas: [0.9] })).toThrow('betas')
    // @ts-expect-error what shapes the step has no schedule
    expect(() => sgd({ nesterov: () => true })).toThrow('nesterov')
    // @ts-expect-error there is no such choice
    compiled(() => prodigy({ compat: 'pytorch' }))
    // @ts-expect-error options are not positional
    compiled(() => sgd(0.1))
    // @ts-expect-error a BigInt is no number here
    expect(() => sgd({ lr: 1n })).toThrow('lr')
    // @ts-expect-error numbers of wrappers are numbers
    expect(() => mechanic(sgd(), { sInit: 'abc' })).toThrow('sInit')
    // @ts-expect-error the number comes first
    expect(() => clipByGlobalNorm(sgd(), 1)).toThrow('max')
    // @ts-expect-error it has no options
    expect(() => skipNonFinite(sgd(), { max: 1 })).toThrow('max')
    // @ts-expect-error a factory has to be called
    expect(() => averaged(sgd)).toThrow('sgd')
    // @ts-expect-error only cosine has cycles
    expect(() => linear({ steps: 10, cycles: 2 })).toThrow('cycles')
    // @ts-expect-error its fall has a length
    expect(() => warmupStableDecay({ steps: 10 })).toThrow('decay')
    // @ts-expect-error a schedule has an end
    compiled(() => cosine({ warmup: 10 }))
    compiled(() => linear({ steps: 10, warmup: 2 }))
  })
})

describe('algorithms', () => {
  test('know their options', () => {
    expectTypeOf(prodigy()).toEqualTypeOf<Algorithm<ProdigyOptions>>()
    expectTypeOf<OptionsOf<ReturnType<typeof sgd>>>().toEqualTypeOf<SgdOptions>()
    expectTypeOf(averaged(scheduleFree(sgd()))).toEqualTypeOf<Algorithm<SgdOptions>>()
    expectTypeOf(dog().options.lr).toEqualTypeOf<number | Schedule>()
  })
  test('their steps see numbers as expressions and choices as they are', () => {
    type H = Hyper<{
      lr: number
      betas: readonly [number, number]
      nesterov: boolean
      mode: 'a' | 'b'
      limit: number | null
    }>
    expectTypeOf<H['lr']>().toEqualTypeOf<Expr>()
    expectTypeOf<H['betas']>().toEqualTypeOf<readonly [Expr, Expr]>()
    expectTypeOf<H['nesterov']>().toEqualTypeOf<boolean>()
    expectTypeOf<H['mode']>().toEqualTypeOf<'a' | 'b'>()
    expectTypeOf<H['limit']>().toEqualTypeOf<Expr | null>()
  })
  test('declared defaults have the types of their values', () => {
    const declared = {
      lr: nonNegative(1),
      betas: list(fraction, 0.9, 0.999),
      on: false,
      mode: oneOf('a', 'b'),
      D: orNull(positive),
    }
    const own = defineAlgorithm({
      name: 'own',
      defaults: declared,
      state: () => ({}),
      step: ({ g }) => ({ u: g }),
    })
    type Own = OptionsOf<ReturnType<typeof own>>
    expectTypeOf<Own['lr']>().toEqualTypeOf<number>()
    expectTypeOf<Own['betas']>().toEqualTypeOf<readonly [number, number]>()
    expectTypeOf<Own['on']>().toEqualTypeOf<boolean>()
    expectTypeOf<Own['mode']>().toEqualTypeOf<'a' | 'b'>()
    expectTypeOf<Own['D']>().toEqualTypeOf<number | null>()
    // @ts-expect-error a default of another type
    compiled((): Declared<SgdOptions> => ({ ...sgd.algorithm.defaults, nesterov: nonNegative(1) }))
    compiled(() =>
      defineAlgorithm({
        name: 'own',
        defaults: {},
        state: () => ({}),
        // @ts-expect-error p is a number, no value
        step: ({ p }) => ({ u: p.scope }),
      }),
    )
  })
  test('a definition gives back its own states', () => {
    const own = { name: 'own', defaults: { lr: 1 }, state: () => ({ m: element(), d: scalar() }) }
    compiled(() =>
      defineAlgorithm({
        ...own,
        step: ({ g, m, moved, loss }) => {
          expectTypeOf(m).toEqualTypeOf<Value>()
          expectTypeOf(moved).toEqualTypeOf<Value>()
          expectTypeOf(loss).toEqualTypeOf<Value>()
          return { u: g, m }
        },
      }),
    )
    // @ts-expect-error there is no state v
    compiled(() => defineAlgorithm({ ...own, step: ({ g, v }) => ({ u: g, m: v }) }))
    // @ts-expect-error the update is missing
    compiled(() => defineAlgorithm({ ...own, step: ({ m }) => ({ m }) }))
    // @ts-expect-error there is no option momentum
    compiled(() => defineAlgorithm({ ...own, step: ({ g }, h) => ({ u: g, d: h.momentum }) }))
  })
})

describe('optimizers', () => {
  test('steps are synchronous where the backend is', () => {
    compiled(async () => {
      expectTypeOf(
        (await createOptimizer(sgd(), { w }, backend)).step,
      ).returns.toEqualTypeOf<void>()
      expectTypeOf((await createOptimizer(sgd(), { w }, later)).step).returns.toEqualTypeOf<
        Promise<void>
      >()
      expectTypeOf(createOptimizerSync(sgd(), { w }, backend)).toEqualTypeOf<
        Optimizer<Float32Array, void>
      >()
    })
    expectTypeOf<Optimizer<Float32Array, MaybePromise<void>>['params']>().toEqualTypeOf<
      Readonly<Record<string, Float32Array>>
    >()
  })
  test('groups take the options of the algorithm, wrapped or not', () => {
    compiled(() =>
      createOptimizer(prodigy(), { w }, backend, {
        groups: [{ params: ['w'], weightDecay: 0, lr: (k) => k }],
      }),
    )
    compiled(() =>
      createOptimizer(averaged(dog()), { w }, backend, {
        groups: [{ params: (name: string) => name === 'w', repsRel: 1e-4 }],
      }),
    )
    // @ts-expect-error dog has no d0
    compiled(() => createOptimizer(dog(), { w }, backend, { groups: [{ params: ['w'], d0: 1 }] }))
    // @ts-expect-error there is no such option
    compiled(() => createOptimizer(dog(), { w }, backend, { group: [] }))
    // @ts-expect-error a group says for which parameters
    compiled(() => createOptimizer(dog(), { w }, backend, { groups: [{ lr: 1 }] }))
  })
  test('tensors are those of the backend', () => {
    // @ts-expect-error a list of numbers is no Float32Array
    compiled(() => createOptimizer(sgd(), { w: [1, 2] }, backend))
    // @ts-expect-error the algorithm has to be made first
    compiled(() => createOptimizer(sgd, { w }, backend))
    // @ts-expect-error nor is a promise of a backend one
    compiled(() => createOptimizer(sgd(), { w }, Promise.resolve(backend)))
    compiled((optimizer?: Optimizer<Float32Array>) =>
      optimizer?.step({ w, v: null, u: undefined }, { loss: 1 }),
    )
    // @ts-expect-error a step takes a loss
    compiled((optimizer?: Optimizer<Float32Array>) => optimizer?.step({ w }, { los: 1 }))
    compiled((optimizer?: Optimizer<Float32Array>) =>
      // @ts-expect-error a loss is a number or a tensor
      optimizer?.step({ w }, { loss: Promise.resolve(1) }),
    )
    // @ts-expect-error gradients are named
    compiled((optimizer?: Optimizer<Float32Array>) => optimizer?.step([w]))
  })
})
