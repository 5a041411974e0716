/**
 * What callers get wrong, fused and operation by operation: losses that are none, options of steps,
 * groups and of the backend, arguments in each other's places. Each is a FreestepError, and changes
 * nothing. And numbers at the edge of what options take, which are right.
 */
import vm from 'node:vm'
import { describe, expect, test } from 'vitest'
import * as F from '../src/index.ts'

async function refusal(call: () => unknown): Promise<F.FreestepError> {
  try {
    await call()
  } catch (error) {
    if (error instanceof F.FreestepError) return error
    throw error
  }
  throw new Error('nothing was refused')
}
const ways = [true, false] as const

describe.each(ways)('the loss, fused %s', (fused) => {
  const cases: readonly (readonly [what: string, loss: unknown, words: string])[] = [
    ['a promise', Promise.resolve(1), 'The loss is a promise. Await it'],
    ['an empty array', new Float32Array(0), 'The loss has 0 numbers. Give one'],
    ['a BigInt', 1n, 'The loss is 1n, a BigInt. Give a finite number'],
    ['two numbers', Float32Array.of(1, 2), 'The loss has 2 numbers. Give one'],
    ['null', null, 'The loss is null. Give a finite number'],
    ['a text', '0.5', 'The loss is "0.5". Give a finite number'],
    ['a function', () => 1, 'The loss is a function. Give a finite number'],
    ['an empty list', [], 'The loss is []. Give a finite number'],
    ['a list of one', [1], 'The loss is [1]. Give a finite number'],
    ['NaN', Number.NaN, 'The loss is NaN. Give a finite number'],
    ['Infinity', Infinity, 'The loss is Infinity. Give a finite number'],
    ['a NaN in an array', Float64Array.of(Number.NaN), 'The loss is NaN. Give a finite number'],
    ['an object', { value: 1 }, 'The loss is an object. Give a Float32Array or a Float64Array'],
    ['true', true, 'The loss is true. Give a finite number'],
    ['a Symbol', Symbol('loss'), 'The loss is a Symbol. Give a finite number'],
    ['integers', Int32Array.of(1), 'The loss is an Int32Array. Give a Float32Array'],
  ]
  test.each(cases)('%s', async (_what, loss, words) => {
    for (const algorithm of [
      F.polyak(),
      F.momo(),
      F.sps(),
      F.averaged(F.momo()),
      F.sgd(),
      F.prodigy(),
    ] as F.Algorithm[]) {
      const x = Float64Array.of(1)
      const optimizer = await F.createOptimizer(algorithm, { x }, await F.cpu({ fused }))
      const step = () => optimizer.step({ x: Float64Array.of(1) }, { loss: loss as never })
      // To those that do not use it, it may be any number.
      if (words.includes(' NaN.') || words.includes(' Infinity.'))
        if (['sgd', 'prodigy'].includes(algorithm.name)) {
          expect(step).not.toThrow()
          continue
        }
      const error = await refusal(step)
      expect(error.message).toContain(words)
      expect([x[0], optimizer.steps]).toEqual([1, 0])
    }
  })
  test('a number, and an array of one of either precision, are taken', async () => {
    for (const loss of [0.5, Float64Array.of(0.5), Float32Array.of(0.5)]) {
      const x = Float64Array.of(1)
      const optimizer = await F.createOptimizer(F.polyak(), { x }, await F.cpu({ fused }))
      optimizer.step({ x: Float64Array.of(1) }, { loss })
      expect(x[0]).toBe(0.5)
    }
  })
  test('skipNonFinite leaves out a step whose loss is not finite', async () => {
    const x = Float64Array.of(1)
    const optimizer = await F.createOptimizer(
      F.averaged(F.skipNonFinite(F.polyak())),
      { x },
      await F.cpu({ fused }),
    )
    for (const loss of [Number.NaN, Infinity, Float64Array.of(-Infinity)])
      optimizer.step({ x: Float64Array.of(1) }, { loss })
    expect([x[0], (await optimizer.scalars()).skipped]).toEqual([1, 3])
    await expect(
      refusal(() => optimizer.step({ x: Float64Array.of(1) }, { loss: 'NaN' as never })),
    ).resolves.toMatchObject({
      code: 'bad-option',
    })
  })
})

describe.each(ways)('arguments, fused %s', (fused) => {
  const g = { x: Float64Array.of(1) }
  const make = async (options?: object, algorithm: unknown = F.momo()) =>
    F.createOptimizer(
      algorithm as F.Algorithm,
      { x: Float64Array.of(1) },
      await F.cpu({ fused }),
      options as never,
    )
  const step = async (options: unknown) => (await make()).step(g, options as never)
  const cases: readonly (readonly [what: string, call: () => unknown, words: string])[] = [
    [
      'a step option that is none',
      () => step({ los: 1 }),
      'step has no option "los". Did you mean "loss"?',
    ],
    [
      'a loss without its name',
      () => step(0.5),
      'step takes options by name, such as { loss: … }. It got 0.5.',
    ],
    ['null for options', () => step(null), 'It got null.'],
    [
      'save with an option that is none',
      async () => (await make()).save({ param: true } as never),
      'save has no option "param". Did you mean "params"?',
    ],
    [
      'save with a wrong value',
      async () => (await make()).save({ params: 1 } as never),
      'save: option params is 1. Give a boolean.',
    ],
    [
      'an option of createOptimizer',
      () => make({ group: [] }),
      'createOptimizer has no option "group". Did you mean "groups"?',
    ],
    [
      'splitGroups of another type',
      () => make({ splitGroups: 'yes' }),
      'createOptimizer: option splitGroups is "yes". Give a boolean.',
    ],
    [
      'groups that are no list',
      () => make({ groups: { params: ['x'] } }),
      'option groups is an object. Give a list of groups',
    ],
    ['a group that is a name', () => make({ groups: ['x'] }), 'A parameter group is "x".'],
    [
      'a group without params',
      () => make({ groups: [{ lr: 1 }] }),
      'The params of a parameter group are undefined.',
    ],
    [
      'a name for a list of names',
      () => make({ groups: [{ params: 'x' }] }),
      'The params of a parameter group are "x".',
    ],
    [
      'a promise for membership',
      () => make({ groups: [{ params: async () => false }] }),
      'params of a group gave a promise.',
    ],
    [
      'a factory that was not called',
      () => make({}, F.prodigy),
      'the algorithm is the factory prodigy, which was not called. Give one that is made',
    ],
    ['no algorithm', () => make({}, null), 'the algorithm is null.'],
    [
      'a backend that was not awaited',
      () => F.createOptimizer(F.sgd(), { x: Float64Array.of(1) }, F.cpu() as never),
      'the backend is a promise. Give one that is there, such as await cpu().',
    ],
    [
      'a backend that was not made',
      () => F.createOptimizer(F.sgd(), { x: Float64Array.of(1) }, F.cpu as never),
      'the backend is a function.',
    ],
    [
      'a parameter without its name',
      async () => F.createOptimizer(F.sgd(), Float64Array.of(1) as never, await F.cpu()),
      'the parameters are a Float64Array. Give tensors by name',
    ],
    [
      'no parameters',
      async () => F.createOptimizer(F.sgd(), null as never, await F.cpu()),
      'the parameters are null.',
    ],
  ]
  test.each(cases)('%s', async (_what, call, words) =>
    expect((await refusal(call)).message).toContain(words),
  )
})

test.each([
  [{ thread: 2 }, 'cpu has no option "thread". Did you mean "threads"?'],
  [{ threads: 1e9 }, 'cpu: option threads is 1000000000. Give an integer from 1 to 256.'],
  [{ threads: Number.NaN }, 'cpu: option threads is NaN.'],
  [{ threads: '2' }, 'cpu: option threads is "2".'],
  [{ fused: 'no' }, 'cpu: option fused is "no". Give a boolean.'],
  [{ dtype: 'float16' }, 'cpu: option dtype is "float16". Give one of "float32", "float64".'],
  [{ target: 'webgpu' }, 'cpu: option target is "webgpu". Give one of "wasm", "js".'],
  [null, 'cpu takes options by name'],
  [4, 'cpu takes options by name, such as { dtype: … }. It got 4.'],
])('cpu(%o)', async (options, words) =>
  expect((await refusal(() => F.cpu(options as never))).message).toContain(
    `[freestep/cpu] ${words}`,
  ),
)

describe('options that cannot differ between groups', () => {
  const groups = (option: object) => [{ params: ['b'], ...option }]
  const two = () => ({ a: Float64Array.of(1), b: Float64Array.of(1) })
  const cases: readonly (readonly [F.Algorithm, object, string])[] = [
    [F.prodigy() as F.Algorithm, { d0: 1e-3 }, 'prodigy: option d0 cannot differ'],
    [F.prodigy() as F.Algorithm, { dCoef: 2 }, 'prodigy: option dCoef cannot differ'],
    [F.prodigy() as F.Algorithm, { growthRate: 1.02 }, 'prodigy: option growthRate cannot differ'],
    [F.prodigy() as F.Algorithm, { betas: [0.9, 0.99] }, 'prodigy: option betas cannot differ'],
    [
      F.prodigy() as F.Algorithm,
      { d0: 1e-3, dCoef: 2, weightDecay: 1 },
      'prodigy: options d0, dCoef cannot differ',
    ],
    [
      F.averaged(F.dadaptAdam()) as F.Algorithm,
      { dLimit: 2 },
      'averaged(dadaptAdam): option dLimit cannot differ',
    ],
    [F.momo() as F.Algorithm, { lb: 2 }, 'lb'],
  ]
  test.each(cases)('%#: %o', async (algorithm, option, words) => {
    const make = async (splitGroups: boolean) =>
      F.createOptimizer(algorithm, two(), await F.cpu(), {
        groups: groups(option) as never,
        splitGroups,
      })
    const { code, message } = await refusal(() => make(false))
    expect(code).toBe('bad-option')
    expect(message).toContain(words)
    expect((await make(true)).steps).toBe(0)
  })
})

describe.each(ways)('arrays of another realm, fused %s', (fused) => {
  const foreign = (kind: string, ...numbers: number[]) =>
    vm.runInNewContext(`${kind}.of(${numbers})`) as F.FloatArray
  test.each(['Float32Array', 'Float64Array'])('%s', async (kind) => {
    const x = foreign(kind, 1, 2)
    const optimizer = await F.createOptimizer(F.sgd({ lr: 0.5 }), { x }, await F.cpu({ fused }))
    optimizer.step({ x: foreign(kind, 1, -1) })
    expect([...x]).toEqual([0.5, 2.5])
    const bytes = F.toSafetensors(await optimizer.save({ params: true }))
    expect([...F.fromSafetensors(bytes).tensors['x/x'].data]).toEqual([0.5, 2.5])
  })
  test('others are described as what they are', async () => {
    const error = await refusal(async () =>
      F.createOptimizer(F.sgd(), { x: foreign('Int32Array', 1) }, await F.cpu({ fused })),
    )
    expect(error.message).toBe(
      '[freestep/cpu] x is an Int32Array. Give a Float32Array or a Float64Array.',
    )
  })
})

describe.each(ways)(
  'ε of 0, or nearly so, where a coordinate has no gradient, fused %s',
  (fused) => {
    const algorithms: readonly (readonly [name: string, make: (eps: number) => unknown])[] = [
      ['adam', (eps) => F.adam({ eps, lr: 0.1 })],
      ['adam, β₁ = 0', (eps) => F.adam({ eps, lr: 0.1, betas: [0, 0.9] })],
      ['adamG', (eps) => F.adamG({ eps })],
      ['cocob', (eps) => F.cocob({ eps })],
      ['cdowg', (eps) => F.cdowg({ eps })],
      ['dog', (eps) => F.dog({ eps })],
      ['adagrad', (eps) => F.adagrad({ eps })],
      ['dadaptAdagrad', (eps) => F.dadaptAdagrad({ eps })],
      ['dadaptAdam', (eps) => F.dadaptAdam({ eps })],
      ['dadaptAdam, preprint', (eps) => F.dadaptAdam({ eps, form: 'preprint' })],
      ['dadaptAdan', (eps) => F.dadaptAdan({ eps, weightDecay: 0 })],
      ['momoAdam', (eps) => F.momoAdam({ eps })],
      ['prodigy', (eps) => F.prodigy({ eps })],
      ['prodigy, d₀ = 1e-30', (eps) => F.prodigy({ eps, d0: 1e-30 })],
      ['prodigy, as the package', (eps) => F.prodigy({ eps, compat: 'prodigyopt' })],
      ['sps', (eps) => F.sps({ eps })],
      ['mechanic', (eps) => F.mechanic(F.sgd({ lr: 1 }), { eps, sInit: 1 })],
    ]
    const run = async (
      algorithm: unknown,
      kind: typeof Float32Array | typeof Float64Array,
      rows: readonly number[][],
    ) => {
      const x = kind.from([1, 1])
      const optimizer = await F.createOptimizer(
        algorithm as F.Algorithm,
        { x },
        await F.cpu({ fused }),
      )
      for (const row of rows) optimizer.step({ x: kind.from(row) as never }, { loss: 1 })
      return { x, scalars: Object.values(await optimizer.scalars()) }
    }
    test.each(algorithms)('%s', async (name, make) => {
      for (const kind of [Float32Array, Float64Array])
        for (const eps of [0, 1e-30]) {
          const { x, scalars } = await run(make(eps), kind, [
            [0, 0],
            [1, 0],
            [0.5, 0],
          ])
          expect([...x, ...scalars].every(Number.isFinite), `${kind.name}, ε = ${eps}: ${x}`).toBe(
            true,
          )
          expect(x[1]).toBe(1)
          // Of the smallest d₀, a few steps show nothing yet.
          if (!name.includes('1e-30')) expect(x[0]).toBeLessThan(1)
        }
    })
    test('Adam with ε = 0 by hand: the first step is lr, whatever the gradient', async () => {
      const { x } = await run(F.adam({ eps: 0, lr: 0.1 }), Float64Array, [[1e-3, 0]])
      expect(x[0]).toBeCloseTo(0.9, 14)
    })
  },
)
