/**
 * Who takes part in a step: a parameter without gradient, or in a group of lr 0, stays as it is,
 * and counts in sums with what it contributed last. An lr that is 0 at a step makes a step of
 * length 0.
 */
import {
  adam,
  add,
  createOptimizer,
  defineAlgorithm,
  element,
  fresh,
  type MaybePromise,
  mul,
  norm1,
  scalar,
  sgd,
  sum,
} from '@freestep/core'
import { expect } from 'vitest'
import type { Kit } from '../../kit.ts'
import { fill } from '../../numbers.ts'
import type { Row } from '../../row.ts'
import { type Gradients, named, type Stack, withSession } from '../../session.ts'
import { table } from '../../table.ts'
import { gradients, params, rowOf, start } from './fixture.ts'

/**
 * Keeps s ← s / 2 + g, and shows ‖s‖₁, Σ g and Σ 2 fresh(s): a state's sum, a gradient's, and that
 * of something made anew.
 */
const shares = defineAlgorithm({
  name: 'shares',
  defaults: {},
  state: () => ({ s: element(0, 0.5), norm: scalar(), total: scalar(), anew: scalar() }),
  step({ g, s }) {
    const s1 = add(mul(0.5, s), g)
    return { u: 0, s: s1, norm: norm1(s1), total: sum(g), anew: sum(fresh(mul(2, s1))) }
  },
})

/** Registers the tests. */
export function participation<P, Done extends MaybePromise<void>>(kit: Kit<P, Done>): void {
  const run = (
    stack: Stack<P, Done>,
    row: Row,
    steps: readonly Gradients[],
    options: object = {},
    tensors = params,
  ) =>
    withSession(stack, row.make(row.variants[0]), tensors, options, async (session) => {
      for (const step of steps) await session.step(step, 1)
      return { params: await session.params(), scalars: await session.scalars() }
    })
  const alone = gradients.map(({ w }) => ({ w }))
  // Those whose first values depend on all parameters see b there, whether it takes part or not.
  const independent = table.filter(({ name }) => !['dog', 'averaged(dog)'].includes(name))

  for (const row of independent)
    kit.test(
      `${row.name}: a parameter that never had a gradient stays and counts in no sum`,
      [row.name, 'contract'],
      async (stack) => {
        const expected = await run(stack, row, alone, {}, { w: params.w })
        const missing = await run(stack, row, alone)
        expect(missing.params.b).toEqual(start.b)
        expect(missing.params.w).toEqual(expected.params.w)
        for (const [name, value] of Object.entries(expected.scalars))
          expect(missing.scalars[name]).toBe(value)
        const frozen = await run(stack, row, gradients, { groups: [{ params: ['b'], lr: 0 }] })
        expect(frozen.params.b).toEqual(start.b)
        expect(frozen.params.w).toEqual(expected.params.w)
      },
    )

  kit.test('a step leaves the gradients as they were given', ['contract'], async (stack) => {
    const tensor = (values: readonly number[]) => stack.tensor(values, [values.length], stack.dtype)
    const [w, g] = [await tensor([1, 2, 3]), await tensor([0.5, -1, 2])]
    const optimizer = await createOptimizer(adam({ weightDecay: 0.1 }), { w }, stack.backend)
    await optimizer.step({ w: g })
    expect(Array.from(await stack.read(g))).toEqual([0.5, -1, 2])
    optimizer.dispose()
    for (const each of [w, g]) stack.dispose?.(each)
  })

  kit.test('a parameter that joins late starts afresh', ['contract'], async (stack) => {
    const late = await run(stack, rowOf('adamW'), [...alone.slice(0, 3), ...gradients.slice(0, 3)])
    const fresh = await run(stack, rowOf('adamW'), gradients.slice(0, 3))
    expect(late.params.b).toEqual(fresh.params.b)
  })

  kit.test('an lr of 0 is a step of length 0, at which momentum goes on', ['contract'], (stack) =>
    withSession(
      stack,
      sgd({ lr: (k) => k / 2, momentum: 0.5 }),
      named([[1, 2]], ['w']),
      {},
      async (session) => {
        await session.step({ w: [4, -8] })
        expect(await session.params()).toEqual({ w: [1, 2] })
        await session.step({ w: [2, 0] })
        expect(await session.params()).toEqual({ w: [1 - 2, 2 + 2] })
      },
    ),
  )

  kit.test(
    'a tensor that sits out keeps its share of sums; states behind an estimate decay when it returns',
    ['contract'],
    (stack) =>
      withSession(stack, shares(), named([[0, 0], [0]], ['a', 'b']), {}, async (session) => {
        const step = async (a: number | undefined, b: number | undefined) => {
          const of = (value: number | undefined, size: number) =>
            value === undefined ? undefined : fill(size, () => value)
          await session.step({ a: of(a, 2), b: of(b, 1) })
          const { norm, total, anew } = await session.scalars()
          return [norm, total, anew]
        }
        // s = (4, 4), 6: then a waits twice, at 1/2 of its share each time, and returns at s = (4,
        // 4) / 8 + 1.
        expect(await step(4, 6)).toEqual([14, 14, 28])
        expect(await step(undefined, 1)).toEqual([4 + 4, 1, 8])
        expect(await step(undefined, 0)).toEqual([2 + 2, 0, 4])
        expect(await step(1, undefined)).toEqual([3 + 1, 2, 6])
        expect(await step(0, 0)).toEqual([1.5 + 0.5, 0, 4])
      }),
  )

  kit.test('sums pass over what is not finite', ['contract'], (stack) =>
    withSession(stack, shares(), named([[0, 0, 0, 0], [0]], ['a', 'b']), {}, async (session) => {
      if (kit.options.nonFinite === false) return
      await session.step({ a: [1, Number.NaN, Infinity, 2], b: [-Infinity] })
      const { norm, total } = await session.scalars()
      expect([norm, total]).toEqual([3, 3])
      await session.step({ a: [1, 1, 1, 1], b: [1] })
      const after = await session.scalars()
      expect([after.norm, after.total]).toEqual([1.5 + 2, 5])
    }),
  )

  kit.test(
    'a NaN in one gradient stays where it is, if coordinates do not meet',
    ['contract'],
    async (stack) => {
      if (kit.options.nonFinite === false) return
      const poisoned = gradients.map((step, k) =>
        k === 0 ? { ...step, b: [Number.NaN, step.b?.[1] ?? 0] } : step,
      )
      const found = await run(stack, rowOf('adam'), poisoned)
      const clean = await run(stack, rowOf('adam'), gradients)
      expect(found.params.w).toEqual(clean.params.w)
      expect(found.params.b[0]).toBeNaN()
      expect(found.params.b[1]).toBe(clean.params.b[1])
    },
  )
}
