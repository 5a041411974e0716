/**
 * The parts of the compiler by themselves: the trace, the scalar programs, the check of what comes
 * out, names.
 */
import {
  abs,
  add,
  defineAlgorithm,
  div,
  element,
  type Interpreter,
  mul,
  norm1,
  perTensor,
  scalar,
  sqrt,
  sub,
  sum,
} from '@freestep/core'
import { describe, expect, test } from 'vitest'
import { compile, emitJs, emitWasm, type Kernels, type Pass, trace, verify } from '../src/index.ts'
import { namer } from '../src/lower/names.ts'
import { programOf } from './programs.ts'
import { start } from './run.ts'

describe('trace', () => {
  test('computes once what an algorithm computes twice', () => {
    const { outputs } = trace(
      ({ x }) => ({ a: mul(x, x), b: add(mul(x, x), 1) }),
      { x: 'element' },
      false,
    )
    const [a, b] = [outputs.get('a'), outputs.get('b')]
    expect(b?.args[0]).toBe(a)
  })

  test('tells 0 from -0, and loads from each other', () => {
    const { outputs } = trace(
      ({ x, y }) => ({ a: add(x, 0), b: add(x, -0), c: add(y, 0) }),
      { x: 'element', y: 'element' },
      false,
    )
    expect(new Set(outputs.values()).size).toBe(3)
  })

  test('gives arguments smaller ids', () => {
    const { outputs } = trace(
      ({ x, d }) => ({ a: div(sqrt(x), add(d, sum(abs(x)))) }),
      { x: 'element', d: 'global' },
      false,
    )
    const visit = (node: NonNullable<ReturnType<typeof outputs.get>>): void =>
      node.args.forEach((arg) => {
        expect(arg.id).toBeLessThan(node.id)
        visit(arg)
      })
    for (const node of outputs.values()) visit(node)
  })

  test('slices only where something is sliced', () => {
    const sliceOf = (sliced: boolean) =>
      trace(
        ({ x }) => ({ a: (x.in as Interpreter).slice(x) }),
        { x: 'element' },
        sliced,
      ).outputs.get('a')?.op
    expect([sliceOf(false), sliceOf(true)]).toEqual(['load', 'slice'])
  })
})

describe('what need not be done is not done', () => {
  const passesOf = (kernels: Kernels) =>
    kernels.stages.filter((stage): stage is Pass => stage.kind === 'pass')

  test('dead code', () => {
    const wasteful = defineAlgorithm({
      name: 'wasteful',
      defaults: {},
      state: () => ({ unused: element() }),
      step({ x, g }) {
        sum(mul(x, g))
        return { u: g }
      },
    })
    const [pass, ...more] = passesOf(compile(programOf(wasteful()), 'step'))
    expect(more).toEqual([])
    expect(pass.loops[0].body.map(({ op }) => op)).toEqual(['add'])
  })

  test('states that start at zero', () => {
    const zeros = defineAlgorithm({
      name: 'zeros',
      defaults: {},
      state: () => ({ a: element(), b: scalar() }),
      step: ({ g }) => ({ u: g }),
    })
    expect(compile(programOf(zeros()), 'init').stages).toEqual([])
  })
})

test('sums of what each tensor has', () => {
  // Σₜ tensor · ‖gₜ‖₁ with two tensors would need two; one tensor, several levels of the scalar
  // program.
  const levels = defineAlgorithm({
    name: 'levels',
    defaults: {},
    state: () => ({ a: perTensor(2), b: scalar(3) }),
    step({ g, a, b }) {
      const each = mul(a, norm1(g, 'tensor'))
      const all = sum(each)
      const again = sum(mul(sub(all, b), a))
      return { u: mul(again, g), a: div(each, all), b: add(all, a.scope === 'tensor' ? sum(a) : 0) }
    },
  })
  const program = programOf(levels(), [3])
  const step = compile(program, 'step')
  const { arrays, run } = start(program, [step, compile(program, 'init')], [0, 0, 0])
  run[1](0)
  arrays.g.set([1, -2, 3])
  run[0](0)
  // each = 2·6, all = 12, again = (12 − 3)·2 = 18
  expect([...arrays.x]).toEqual([18, -36, 54])
  run[0](0)
  // a = 1, b = 12 + 2: each = 6, all = 6, again = (6 − 14)·1
  expect([...arrays.x]).toEqual([10, -20, 30])
})

test('states may have any name', () => {
  const names = [
    'i',
    's',
    'k',
    'max',
    'for',
    'tensor',
    'sum0',
    't12',
    't1_',
    'a.b',
    'a_b',
    '1',
    'globals',
    'segment',
    '@x',
    '$x',
    'Σ',
  ]
  const hostile = defineAlgorithm({
    name: 'hostile',
    defaults: {},
    state: () => Object.fromEntries(names.map((name, i) => [name, i % 2 ? element(i) : scalar(i)])),
    step: ({ g, ...values }) => {
      const states = names.map((name) => (values as Record<string, typeof g>)[name])
      return {
        u: states.reduce((total, state) => add(total, state) as typeof g, g),
        ...Object.fromEntries(names.map((name, i) => [name, add(states[i], i % 2 ? g : 1)])),
      }
    },
  })
  const program = programOf(hostile(), [2])
  const step = compile(program, 'step')
  const { arrays, run } = start(program, [step, compile(program, 'init')], [0, 0])
  run[1](0)
  arrays.g.set([1, 2])
  run[0](0)
  const total = names.reduce((sum, _, i) => sum + i, 0)
  expect([...arrays.x]).toEqual([total + 1, total + 2])
  expect([...arrays.t12]).toEqual([8, 9])
  expect(WebAssembly.validate(emitWasm(step, 'float32'))).toBe(true)
  expect(emitJs(step, 'float32')).toContain('fround')
})

test('names are given once', () => {
  const name = namer(['i'])
  expect(['i', 'a.b', 'a_b', 'a.b', '1', 't5', ''].map(name)).toEqual([
    'i_',
    'a_b',
    'a_b_',
    'a_b',
    '_1',
    't5_',
    '_',
  ])
})

describe('the check refuses', () => {
  const plain = defineAlgorithm({
    name: 'plain',
    defaults: {},
    state: () => ({ a: element(), d: scalar() }),
    step: ({ g, a, d }) => ({ u: mul(mul(2, d), add(a, g)), a: g, d: sum(g) }),
  })
  const kernels = compile(programOf(plain()), 'step')
  const pass = kernels.stages.find((stage): stage is Pass => stage.kind === 'pass') as Pass
  const [loop] = pass.loops
  const withLoop = (change: Partial<typeof loop>): Kernels => ({
    ...kernels,
    stages: kernels.stages.map((stage) =>
      stage === pass ? { ...pass, loops: [{ ...loop, ...change }] } : stage,
    ),
  })
  const outputs = ['x', 'a', 'd']

  test('nothing that is right', () => expect(() => verify(kernels, outputs)).not.toThrow())
  test.each([
    [
      'a value that is not computed',
      withLoop({ body: loop.body.slice(1) }),
      'before it is computed',
    ],
    [
      'an order that does not work',
      withLoop({ body: [...loop.body].reverse() }),
      'before it is computed',
    ],
    [
      'two stores of one array',
      withLoop({ stores: [...loop.stores, loop.stores[0]] }),
      'is written twice',
    ],
    ['a missing store', withLoop({ stores: [] }), 'is never written'],
    ['a store of the wrong scope', withLoop({ scope: 'slice' }), 'is stored in a loop over slices'],
    [
      'a number that is not computed',
      { ...kernels, stages: kernels.stages.slice(1) },
      'does not hold',
    ],
    [
      'a state read after the pass that overwrites it',
      { ...kernels, stages: [...kernels.stages, pass] },
      'after it was overwritten',
    ],
  ] as const)('%s', (_, wrong, message) => expect(() => verify(wrong, outputs)).toThrow(message))
})
