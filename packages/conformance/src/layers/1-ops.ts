/**
 * Layer 1: every operation, scope by scope, against the host's own arithmetic. An operation is
 * exposed as the update of a small algorithm, so that any backend can be asked, also one that only
 * runs fused kernels. Not tested: what ops.ts leaves undefined (0/0, the sign of NaN, the sign of
 * zero), and subnormal numbers.
 */
import {
  abs,
  add,
  defineAlgorithm,
  div,
  dot,
  type Expr,
  element,
  type MaybePromise,
  max,
  min,
  mul,
  neg,
  pow,
  scalar,
  sign,
  slice,
  sliced,
  sqrt,
  sub,
  sum,
  where,
} from '@freestep/core'
import { expect } from 'vitest'
import type { Kit } from '../kit.ts'
import { fill, generator, near } from '../numbers.ts'
import { reference } from '../reference.ts'
import { type Plain, type Stack, withSession } from '../session.ts'

/**
 * The operands: three of element scope, and options that are a value of global and of tensor scope.
 */
interface Operands {
  readonly a: Expr
  readonly b: Expr
  readonly c: Expr
  readonly global: Expr
  readonly tensor: Expr
}
type Expression = (operands: Operands) => Expr

/** The operations on elements. The domain says which operands are defined where all are finite. */
const elementwise: Readonly<
  Record<
    string,
    { expression: Expression; domain?: (a: number, b: number) => boolean; ulps?: number }
  >
> = {
  add: { expression: ({ a, b }) => add(a, b) },
  sub: { expression: ({ a, b }) => sub(a, b) },
  mul: { expression: ({ a, b }) => mul(a, b) },
  div: { expression: ({ a, b }) => div(a, b), domain: (_, b) => b !== 0 },
  max: { expression: ({ a, b }) => max(a, b) },
  min: { expression: ({ a, b }) => min(a, b) },
  neg: { expression: ({ a }) => neg(a) },
  abs: { expression: ({ a }) => abs(a) },
  sqrt: { expression: ({ a }) => sqrt(a), domain: (a) => a >= 0 },
  sign: { expression: ({ a }) => sign(a) },
  where: { expression: ({ a, b, c }) => where(a, b, c) },
  pow: { expression: ({ a }) => pow(a, 2.4), domain: (a) => a >= 0, ulps: 8 },
  'pow below 1': { expression: ({ a }) => pow(a, 0.24), domain: (a) => a >= 0, ulps: 8 },
  'a number on the left': { expression: ({ a }) => sub(0.1, mul(0.3, a)) },
  'a number on the right': { expression: ({ a }) => max(add(a, 0.1), -7) },
  'a number divided': { expression: ({ a }) => div(0.7, a), domain: (a) => a !== 0 },
  'a number as divisor': { expression: ({ a }) => div(a, 0.7) },
  'where, with numbers': { expression: ({ a, b }) => add(where(a, 0.1, b), where(b, a, 0.3)) },
  'where, by a number': { expression: ({ a, b }) => add(where(1, a, b), where(0, a, b)) },
}

/** What infinities and NaN become. The domain leaves out the undefined. */
const nonFinite: Readonly<
  Record<string, { expression: Expression; domain?: (a: number, b: number) => boolean }>
> = {
  add: elementwise.add,
  sub: elementwise.sub,
  mul: elementwise.mul,
  div: { ...elementwise.div, domain: (a, b) => !(a === 0 && b === 0) && Number.isFinite(a) },
  max: elementwise.max,
  min: elementwise.min,
  neg: elementwise.neg,
  abs: elementwise.abs,
  sqrt: { expression: ({ a }) => sqrt(a) },
  sign: { ...elementwise.sign, domain: (a) => !Number.isNaN(a) },
  where: elementwise.where,
  'where, not leaking': {
    expression: ({ a, b }) => where(a, b, div(b, 0)),
    domain: (a, b) => a > 0 && b !== 0,
  },
}

/** Values of different scopes meeting. Operands are near 1, so that sums keep their digits. */
const scopes: Readonly<Record<string, Expression>> = {
  'a number as update': () => 0.25,
  'an option, global': ({ a, global }) => mul(global, a),
  'an option, per tensor': ({ a, tensor }) => mul(tensor, a),
  'options alone': ({ global, tensor }) => div(sub(tensor, global), add(tensor, global)),
  'a global sum': ({ a }) => sum(a),
  'a sum per tensor': ({ a }) => sum(a, 'tensor'),
  'a sum of sums': ({ a }) => sum(mul(2, sum(a, 'tensor'))),
  'a sum per tensor of what is per tensor': ({ a, tensor }) =>
    sum(mul(tensor, sum(a, 'tensor')), 'tensor'),
  'global and element': ({ a, b }) => div(a, sqrt(sum(mul(b, b)))),
  'tensor and element': ({ a, b }) => div(a, sqrt(sum(mul(b, b), 'tensor'))),
  'global and tensor': ({ a, b }) => div(sum(a, 'tensor'), sum(b)),
  'global, tensor and element': ({ a, b, tensor }) =>
    mul(a, max(sum(b, 'tensor'), sum(mul(tensor, a)))),
  'where by a global value': ({ a, b }) => where(sub(sum(a), 1e9), a, b),
  'where by a value per tensor': ({ a, b, c }) => where(sub(sum(a, 'tensor'), 100), b, c),
  'where of scalars': ({ a, b }) => where(a, sum(b), sum(b, 'tensor')),
  'operations on global values': ({ a, b }) =>
    min(abs(neg(sum(a))), mul(sign(sub(sum(a), sum(b))), sum(b))),
  'operations per tensor': ({ a, b }) =>
    sub(max(sum(a, 'tensor'), sum(b, 'tensor')), sign(sum(a, 'tensor'))),
  'three sums, one after the other': ({ a, b }) =>
    sum(div(b, add(1, div(sum(div(a, sum(a))), sum(a))))),
}

/** With the option sliceP; the result is narrowed, since a sliced value cannot meet a whole one. */
const slices: Readonly<Record<string, Expression>> = {
  'sum of a slice': ({ a }) => sum(slice(a)),
  'sum of a slice per tensor': ({ a }) => sum(slice(a), 'tensor'),
  'products of slices': ({ a, b, tensor }) => dot(mul(tensor, slice(a)), slice(b)),
  'slice of a product': ({ a, b }) => dot(slice(mul(a, b)), 1),
}

/**
 * Exposes an expression: the operands arrive as three gradients one after the other, c first, and
 * only the third step moves x, which starts at 0, by the value of the expression.
 */
const expose = (expression: Expression) =>
  defineAlgorithm({
    name: 'expose',
    defaults: { on: 1, global: 1, tensor: 1, sliceP: 1 },
    state: () => ({ b: element(), c: element() }),
    step: ({ g: a, b, c }, { on, global, tensor }) => ({
      u: where(on, expression({ a, b, c, global, tensor }), 0),
      b: a,
      c: b,
    }),
  })({ on: (k) => (k === 2 ? 1 : 0), global: (k) => 0.25 + k })

const shapes = [[1], [3], [1, 257], [1031]]
const length = (shape: readonly number[]) => shape.reduce((product, dim) => product * dim, 1)

/**
 * The value of an expression on a backend, per tensor, with operands [a, b, c] per coordinate dealt
 * to the tensors in turn.
 */
async function evaluate<P, Done extends MaybePromise<void>>(
  stack: Stack<P, Done>,
  expression: Expression,
  operands: readonly (readonly number[])[],
  { empty = false, sliceP = 1 } = {},
): Promise<number[][]> {
  const all = empty ? [...shapes, [0]] : shapes
  const starts = all.map((_, t) => all.slice(0, t).reduce((sum, shape) => sum + length(shape), 0))
  const deal = (which: number) =>
    Object.fromEntries(
      all.map((shape, t) => [
        `p${t}`,
        fill(length(shape), (i) => operands[(starts[t] + i) % operands.length][which]),
      ]),
    )
  const params = Object.fromEntries(
    all.map((shape, t): [string, Plain] => [
      `p${t}`,
      { shape, values: fill(length(shape), () => 0) },
    ]),
  )
  const groups = all.map((_, t) => ({
    params: [`p${t}`],
    tensor: 0.5 + t,
    ...(sliceP > 1 && { sliceP: sliceP + t }),
  }))
  return withSession(stack, expose(expression), params, { groups }, async (session) => {
    for (const which of [2, 1, 0]) await session.step(deal(which))
    return Object.values(await session.params())
  })
}

/** All pairs of the numbers, with one of them, drawn, as third. */
function triples(
  numbers: readonly number[],
  allowed: (a: number, b: number) => boolean = () => true,
): number[][] {
  const draw = generator(7)
  const third = () => numbers[Math.floor(((draw() + 1) / 2) * numbers.length)]
  return numbers.flatMap((a) => numbers.filter((b) => allowed(a, b)).map((b) => [a, b, third()]))
}

const finite = [0, 1, -1, 0.5, -2.25, 3, 1e-3, -1e3, 1e10, -1e-10, 1 / 3, -Math.PI]
const special = [Infinity, -Infinity, Number.NaN, 0, 1.5, -2]
const nearOne = (): number[][] => {
  const draw = generator(11)
  return fill(1300, () => [1.5 + draw(), 1.5 + draw(), 1.5 + draw()])
}

/** Registers the layer. */
export function ops<P, Done extends MaybePromise<void>>(kit: Kit<P, Done>): void {
  const { nonFinite: knowsNonFinite = true, emptyTensors: empty = true } = kit.options
  const same = async (
    stack: Stack<P, Done>,
    expression: Expression,
    operands: readonly (readonly number[])[],
    relative: number,
    also: { empty?: boolean; sliceP?: number } = {},
  ) => {
    const actual = await evaluate(stack, expression, operands, { empty, ...also })
    const expected = await evaluate(reference(kit.dtype), expression, operands, { empty, ...also })
    const wrong = expected.flatMap((list, t) =>
      list.flatMap((value, i) =>
        near(actual[t][i], value, relative)
          ? []
          : [`coordinate ${i} of ${list.length}: ${actual[t][i]}, not ${value}`],
      ),
    )
    expect(actual.map((list) => list.length)).toEqual(expected.map((list) => list.length))
    expect(wrong.slice(0, 5)).toEqual([])
  }

  const ulp = kit.dtype === 'float32' ? 2 ** -23 : 2 ** -52
  for (const [name, { expression, domain, ulps = 0 }] of Object.entries(elementwise)) {
    const relative = kit.tolerance(ulps * ulp, ulps * ulp, name, 'ops')
    kit.test(name, ['ops'], (stack) => same(stack, expression, triples(finite, domain), relative))
  }
  if (knowsNonFinite)
    for (const [name, { expression, domain }] of Object.entries(nonFinite)) {
      const title = `${name}: infinities and NaN`
      kit.test(title, ['ops'], (stack) =>
        same(stack, expression, triples(special, domain), kit.tolerance(0, 0, title, 'ops')),
      )
    }
  for (const [name, expression] of Object.entries(scopes))
    kit.test(`scopes: ${name}`, ['ops'], (stack) =>
      same(stack, expression, nearOne(), kit.tolerance(1e-6, 1e-14, `scopes: ${name}`, 'sums')),
    )
  for (const [name, expression] of Object.entries(slices))
    for (const sliceP of [1, 2, 5])
      kit.test(`slices, p = ${sliceP}: ${name}`, ['ops'], (stack) =>
        same(stack, expression, nearOne(), kit.tolerance(1e-6, 1e-14, `slices: ${name}`, 'sums'), {
          sliceP,
        }),
      )

  kit.test('states of every scope start where they are told', ['ops'], async (stack) => {
    const start = defineAlgorithm({
      name: 'start',
      defaults: { sliceP: 2 },
      state: () => ({
        copied: element((x) => x),
        kept: sliced((x) => slice(x)),
        three: element(3),
        total: scalar((x) => sum(x)),
        seven: scalar(7),
      }),
      step: ({ copied, kept, three, total, seven }) => ({
        u: add(mul(copied, three), mul(total, seven), sum(kept)),
        copied: 0,
        total: 1,
        seven: 0.5,
        kept: mul(2, kept),
      }),
    })
    const params = { p: { shape: [5], values: [1, 2, 3, 4, 5] } }
    await withSession(stack, start(), params, {}, async (session) => {
      await session.step({ p: [0, 0, 0, 0, 0] })
      // x + 3x + 15·7 + (1 + 3 + 5)
      expect((await session.params()).p).toEqual([118, 122, 126, 130, 134])
      await session.step({ p: [0, 0, 0, 0, 0] })
      // 0·3 + 1·0.5 + 2·9 more
      expect((await session.params()).p).toEqual([136.5, 140.5, 144.5, 148.5, 152.5])
    })
  })
}
