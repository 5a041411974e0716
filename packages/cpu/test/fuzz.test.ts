/**
 * Random algorithms: expression graphs over all operations and scopes, several sums deep, fused
 * against eager to the last bit. What is added up are small integers, so that the order of
 * additions cannot show.
 */

import { type Chance, chance } from '@freestep/conformance'
import { expect, test } from 'vitest'
import {
  abs,
  add,
  cpu,
  createOptimizer,
  defineAlgorithm,
  div,
  type Expr,
  element,
  type FloatArray,
  max,
  min,
  mul,
  neg,
  perTensor,
  pow,
  type Scope,
  type State,
  scalar,
  sign,
  slice,
  sliced,
  sqrt,
  sub,
  sum,
  type Value,
  where,
} from '../src/index.ts'

const constants = [0.5, -1.25, 2, 0, 3, 1e-3, -0.1]
/** Cut off at ±8, and 0.5 in place of NaN, so that states stay interesting. */
const tame = (a: Expr) => where(a, min(a, 8), where(neg(a), max(a, -8), 0.5))

/** One more value, out of those there are: any operation, on operands whose scopes go together. */
function grow({ pick, below }: Chance, pool: readonly Value[]): Expr {
  const [other, mine] = pick([
    ['slice', 'element'],
    ['element', 'slice'],
  ] as const)
  const fitting = pool.filter(({ scope }) => scope !== other)
  const wide = fitting.filter(({ scope }) => scope === mine)
  const value = () => pick(below(3) && wide.length ? wide : fitting)
  const operand = (): Expr => (below(5) ? value() : pick(constants))
  return pick([
    () => add(value(), operand()),
    () => sub(operand(), value()),
    () => mul(value(), operand()),
    () => div(value(), operand()),
    () => div(operand(), value()),
    () => max(value(), operand()),
    () => min(operand(), value()),
    () => neg(value()),
    () => abs(value()),
    () => sqrt(value()),
    () => pow(abs(value()), pick([0.24, 1.5, 2])),
    () => sign(value()),
    () => where(value(), operand(), operand()),
    () => slice(value()),
    () => tame(value()),
    () => div(sum(where(value(), 1, 2), 'tensor'), 64),
    () => div(sum(where(value(), 3, where(value(), 1, 2))), 64),
  ])()
}

/** A random algorithm: always the same for a seed. */
function randomAlgorithm(seed: number) {
  const shape = chance(seed)
  const make: Record<Scope, (init: number) => State> = {
    element,
    slice: sliced,
    tensor: perTensor,
    global: scalar,
  }
  const scopes = ['element', 'element', 'slice', 'tensor', 'tensor', 'global', 'global'] as const
  const states = Object.fromEntries(
    scopes.map((scope, i) => [`${scope}${i}`, make[scope](shape.pick(constants))]),
  )
  return defineAlgorithm({
    name: `random${seed}`,
    defaults: { a: 1, b: 1, sliceP: 1 },
    state: () => states,
    step(values, h) {
      const random = chance(seed)
      const { below, pick } = random
      const all = values as unknown as Record<string, Value>
      const used = [
        'x',
        'g',
        ...(below(2) ? ['moved'] : []),
        ...(below(3) ? [] : ['loss']),
        ...Object.keys(states),
      ]
      const pool = [
        ...used.map((name) => all[name]),
        ...[h.a, h.b].filter((option) => typeof option !== 'number'),
      ]
      const size = pool.length
      for (let i = 0; i < 25; i++) {
        const value = grow(random, pool)
        if (typeof value !== 'number') pool.push(value)
      }
      // Every result hangs on the newest values of all scopes, sums among them.
      const newest = (scope: Scope) =>
        [...pool.slice(size)]
          .reverse()
          .filter((value) => value.scope === scope)
          .slice(0, 4)
      const result = (scope: Scope, fallback: Value): Expr => {
        const scalars = [...newest('global'), ...(scope === 'global' ? [] : newest('tensor'))]
        const values = newest(scope)
        if (!values.length || !below(5)) return fallback
        return tame(add(pick(values), scalars.length ? mul(pick(values), pick(scalars)) : 0.5))
      }
      const next = Object.keys(states).map((name) => [name, result(all[name].scope, all[name])])
      return { u: mul(0.125, result('element', all.g)), ...Object.fromEntries(next) }
    },
  })
}

const same = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  a.length === b.length && Array.from(a).every((value, i) => Object.is(value, b[i]))

test.each([...Array(200).keys()])('random algorithm %i', async (seed) => {
  const { draw, below, pick } = chance(seed + 1000)
  const kind = pick([Float32Array, Float64Array])
  const array = (size: number): FloatArray =>
    kind.from(Array.from({ length: size }, () => (below(8) ? 2 * draw() : 0)))
  const sizes = [1 + below(9), 64, 1, 1 + below(300)]
  const params = sizes.map(array)
  const given = () => Object.fromEntries(params.map((x, i) => [`p${i}`, x.slice()]))
  const algorithm = randomAlgorithm(seed)({
    a: below(2) ? (k) => 0.5 + k : 0.25,
    sliceP: 1 + below(4),
  })
  const options = { groups: below(2) ? [{ params: ['p1', 'p3'], b: 0.75 }] : [] }
  const optimizers = await Promise.all(
    [{ fused: false }, { target: 'wasm' } as const, { target: 'js' } as const].map(async (each) =>
      createOptimizer(algorithm, given(), await cpu(each), options),
    ),
  )
  for (let k = 0; k < 5; k++) {
    const gradients = Object.fromEntries(
      sizes.flatMap((size, i) => (i && !below(5) ? [] : [[`p${i}`, array(size)]])),
    )
    const loss = 1 + draw()
    for (const optimizer of optimizers) optimizer.step(gradients, { loss })
    const [wanted, ...found] = await Promise.all(
      optimizers.map((optimizer) => optimizer.save({ params: true })),
    )
    for (const [i, { tensors }] of found.entries())
      for (const [name, { data }] of Object.entries(wanted.tensors))
        expect(
          same(tensors[name].data, data),
          `${['wasm', 'js'][i]}, step ${k}: ${name} = ${tensors[name].data}, not ${data}`,
        ).toBe(true)
  }
})
