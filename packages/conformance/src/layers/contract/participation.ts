/**
 * Who takes part in a step: a parameter without gradient, or whose lr is 0, stays as it is with all that is kept about it, and counts in
 * no sum.
 */
import { adam, createOptimizer, type MaybePromise } from '@freestep/core'
import { expect } from 'vitest'
import type { Kit } from '../../kit.ts'
import type { Row } from '../../row.ts'
import { type Gradients, type Stack, withSession } from '../../session.ts'
import { table } from '../../table.ts'
import { close, gradients, params, rowOf, start } from './fixture.ts'

/** Registers the tests. */
export function participation<P, Done extends MaybePromise<void>>(kit: Kit<P, Done>): void {
  const run = (stack: Stack<P, Done>, row: Row, steps: readonly Gradients[], options: object = {}, tensors = params) =>
    withSession(stack, row.make(row.variants[0]), tensors, options, async (session) => {
      for (const step of steps) await session.step(step, 1)
      return { params: await session.params(), scalars: await session.scalars() }
    })
  const alone = gradients.map(({ w }) => ({ w }))
  // Those whose first values depend on all parameters see b there, whether it takes part or not.
  const independent = table.filter(({ name }) => !['dog', 'averaged(dog)'].includes(name))

  for (const row of independent)
    kit.test(`${row.name}: a parameter without gradient stays and counts in no sum`, [row.name, 'contract'], async (stack) => {
      const expected = await run(stack, row, alone, {}, { w: params.w })
      const missing = await run(stack, row, alone)
      expect(missing.params.b).toEqual(start.b)
      expect(missing.params.w).toEqual(expected.params.w)
      for (const [name, value] of Object.entries(expected.scalars)) expect(missing.scalars[name]).toBe(value)
      const frozen = await run(stack, row, gradients, { groups: [{ params: ['b'], lr: 0 }] })
      expect(frozen.params.b).toEqual(start.b)
      expect(frozen.params.w).toEqual(expected.params.w)
    })

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

  kit.test('lr 0 for some steps is as if they had not been', ['contract'], async (stack) => {
    const lr = (k: number) => (k % 2 === 0 ? 0 : 0.1)
    const resting = await withSession(stack, adam({ lr }), params, {}, async (session) => {
      for (const step of gradients.slice(0, 3)) {
        const before = await session.params()
        await session.step({ w: [9, 9, 9], b: [9, 9] })
        expect(await session.params()).toEqual(before)
        await session.step(step)
      }
      return session.params()
    })
    const plain = await withSession(stack, adam({ lr: 0.1 }), params, {}, async (session) => {
      for (const step of gradients.slice(0, 3)) await session.step(step)
      return session.params()
    })
    expect(close(resting, plain, kit.tolerance(1e-6, 1e-14, 'contract'))).toBe(true)
  })

  kit.test('a NaN in one gradient stays where it is, if coordinates do not meet', ['contract'], async (stack) => {
    if (kit.options.nonFinite === false) return
    const poisoned = gradients.map((step, k) => (k === 0 ? { ...step, b: [Number.NaN, step.b?.[1] ?? 0] } : step))
    const found = await run(stack, rowOf('adam'), poisoned)
    const clean = await run(stack, rowOf('adam'), gradients)
    expect(found.params.w).toEqual(clean.params.w)
    expect(found.params.b[0]).toBeNaN()
    expect(found.params.b[1]).toBe(clean.params.b[1])
  })
}
