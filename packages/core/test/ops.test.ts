/**
 * The operations on plain numbers, and which scope their results have; what they compute on tensors
 * is each backend's to show.
 */
import { describe, expect, test } from 'vitest'
import {
  abs,
  add,
  div,
  dot,
  type Elementwise,
  type Expr,
  ema,
  FreestepError,
  host,
  type Interpreter,
  lerp,
  max,
  min,
  mul,
  neg,
  norm1,
  norm2,
  pow,
  ratio,
  type Scope,
  sign,
  slice,
  sqrt,
  square,
  sub,
  sum,
  type Value,
  where,
  widest,
} from '../src/index.ts'

/** Values that write down what was asked of them. */
interface Written extends Value {
  readonly text: string
}
const text = (a: Expr) => (typeof a === 'number' ? String(a) : (a as Written).text)
const recorder: Interpreter = {
  apply: (op, args, scope) => written(scope, `${op}(${args.map(text).join(', ')})`),
  sum: (a, to) => written(to, `sum ${to}(${text(a)})`),
  slice: (a) => written('slice', `slice(${text(a)})`),
}
const written = (scope: Scope, what: string): Written => ({ scope, in: recorder, text: what })
const g = written('element', 'g')
const t = written('tensor', 't')
const d = written('global', 'd')
const s = written('slice', 's')

describe('numbers are folded on the host', () => {
  test.each([
    ['add', add(1, 2, 3), 6],
    ['sub', sub(1, 3), -2],
    ['mul', mul(2, 3, 4), 24],
    ['div', div(1, 4), 0.25],
    ['div by zero', div(-1, 0), -Infinity],
    ['max', max(1, 2), 2],
    ['max of NaN', max(1, Number.NaN), Number.NaN],
    ['min', min(1, 2), 1],
    ['neg', neg(3), -3],
    ['abs', abs(-3), 3],
    ['sqrt', sqrt(9), 3],
    ['sqrt of a negative number', sqrt(-1), Number.NaN],
    ['pow', pow(4, 0.5), 2],
    ['sign', sign(-3), -1],
    ['sign of 0', sign(0), 0],
    ['where', where(1, 2, 3), 2],
    ['where 0', where(0, 2, 3), 3],
    ['where NaN', where(Number.NaN, 2, 3), 3],
    ['sum', sum(5), 5],
    ['slice', slice(5), 5],
    ['square', square(-3), 9],
    ['dot', dot(2, 3), 6],
    ['norm1', norm1(-2), 2],
    ['norm2', norm2(-2), 2],
    ['ema', ema(0.75, 4, 8), 5],
    ['lerp', lerp(1, 3, 0.25), 1.5],
    ['ratio', ratio(1, 4), 0.25],
    ['ratio of 0 and 0', ratio(0, 0), 0],
    ['ratio by 0', ratio(3, 0), 0],
  ])('%s', (_name, value, expected) => expect(value).toBe(expected))

  test('host has exactly the elementwise operations', () => {
    const all: Record<Elementwise, true> = {
      add: true,
      sub: true,
      mul: true,
      div: true,
      max: true,
      min: true,
      neg: true,
      abs: true,
      sqrt: true,
      pow: true,
      sign: true,
      where: true,
    }
    expect(Object.keys(host).sort()).toEqual(Object.keys(all).sort())
  })
})

describe('values go to their interpreter', () => {
  test.each([
    ['numbers stay numbers', add(g, 2), 'element', 'add(g, 2)'],
    ['from left to right', add(g, t, 1), 'element', 'add(add(g, t), 1)'],
    ['1 is no factor', mul(1, g, 1), 'element', 'g'],
    ['1 is no divisor', div(g, 1), 'element', 'g'],
    ['derived: square', square(g), 'element', 'mul(g, g)'],
    ['derived: dot', dot(g, g), 'global', 'sum global(mul(g, g))'],
    ['derived: norm1 per tensor', norm1(g, 'tensor'), 'tensor', 'sum tensor(abs(g))'],
    ['derived: norm2', norm2(g), 'global', 'sqrt(sum global(mul(g, g)))'],
    ['derived: ema folds 1 − β', ema(0.75, d, g), 'element', 'add(mul(0.75, d), mul(0.25, g))'],
    ['derived: ratio', ratio(d, t), 'tensor', 'where(t, div(d, t), 0)'],
    ['sums narrow', sum(g), 'global', 'sum global(g)'],
    ['a sum per tensor', sum(g, 'tensor'), 'tensor', 'sum tensor(g)'],
    ['a sum of what is per tensor', sum(t), 'global', 'sum global(t)'],
    ['what is per tensor already', sum(t, 'tensor'), 'tensor', 't'],
    ['what is one number already', sum(d), 'global', 'd'],
    ['and is narrower than asked', sum(d, 'tensor'), 'global', 'd'],
    ['slices of elements', slice(g), 'slice', 'slice(g)'],
    ['slices of scalars', slice(t), 'tensor', 't'],
    ['slices of slices', slice(s), 'slice', 's'],
  ] as [string, Expr, Scope, string][])('%s', (_name, value, scope, what) => {
    expect((value as Value).scope).toBe(scope)
    expect(text(value)).toBe(what)
  })

  test.each([
    [[d, 1], 'global'],
    [[1, t, d], 'tensor'],
    [[d, t, g], 'element'],
    [[t, s], 'slice'],
    [[s, s], 'slice'],
    [[s, g], undefined],
    [[1, 2], 'global'],
  ] as [Expr[], Scope | undefined][])('the widest of %o', (args, scope) =>
    expect(widest(args)).toBe(scope),
  )

  test('a sliced and a whole value do not mix', () => {
    expect(() => mul(g, s)).toThrow(FreestepError)
    expect(() => mul(g, s)).toThrow(
      '[freestep/core] mul mixes a sliced and a whole value. Pass the whole one through slice().',
    )
  })
})
