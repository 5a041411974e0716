/**
 * What is refused: everything a caller can get wrong is answered with a FreestepError, and nothing
 * has changed then.
 */
import {
  createOptimizer,
  FreestepError,
  type MaybePromise,
  momo,
  prodigy,
  sgd,
} from '@freestep/core'
import { expect } from 'vitest'
import type { Kit } from '../../kit.ts'
import { type Stack, vector, withSession } from '../../session.ts'
import { expectRefusal, gradients, params, snapshot, start } from './fixture.ts'

/** Registers the tests. */
export function refusals<P, Done extends MaybePromise<void>>(kit: Kit<P, Done>): void {
  const { dtypes = ['float32'] } = kit.options
  const tensor = (stack: Stack<P, Done>, values: readonly number[], dtype = kit.dtype) =>
    stack.tensor(values, [values.length], dtype)

  kit.test('a refused step changes nothing', ['contract'], (stack) =>
    withSession(stack, prodigy({ d0: 0.1 }), params, {}, async (session) => {
      const { optimizer } = session
      await session.step(gradients[0])
      const before = await snapshot(session)
      const good = await tensor(stack, [1, 1, 1])
      const short = await tensor(stack, [1, 1])
      const refused: [string, () => unknown][] = [
        ['unknown-parameter', () => optimizer.step({ w: good, weights: good })],
        ['bad-shape', () => optimizer.step({ b: short, w: short })],
        ['missing-gradient', () => optimizer.step({})],
        ['missing-gradient', () => optimizer.step(undefined)],
        ['missing-gradient', () => optimizer.step(undefined, { loss: 1 })],
        ['missing-gradient', () => optimizer.step({ w: undefined, b: null })],
      ]
      const other = dtypes.find((dtype) => dtype !== kit.dtype)
      const wrong = other && (await tensor(stack, [1, 1, 1], other))
      if (wrong) refused.push(['bad-dtype', () => optimizer.step({ w: wrong })])
      for (const [code, call] of refused) {
        await expectRefusal(code, call)
        expect(await snapshot(session)).toEqual(before)
      }
      for (const each of [good, short, wrong]) if (each) stack.dispose?.(each)
      await session.step(gradients[1])
      expect(optimizer.steps).toBe(2)
    }),
  )

  kit.test('a step without the loss that it needs changes nothing', ['contract'], (stack) =>
    withSession(stack, momo(), params, {}, async (session) => {
      const before = await snapshot(session)
      await expectRefusal('missing-loss', () => session.step(gradients[0]))
      expect(await snapshot(session)).toEqual(before)
      await session.step(gradients[0], 1)
      expect(session.optimizer.steps).toBe(1)
    }),
  )

  kit.test('what cannot be optimized is refused at once', ['contract'], async (stack) => {
    const w = await tensor(stack, start.w)
    const create = (options: object, tensors: Record<string, P> = { w }) =>
      createOptimizer(sgd(), tensors, stack.backend, options)
    await expectRefusal('unknown-parameter', () => create({}, {}))
    await expectRefusal('unknown-parameter', () => create({ groups: [{ params: ['v'], lr: 1 }] }))
    await expectRefusal('unknown-option', () =>
      create({ groups: [{ params: ['w'], learningRate: 1 }] }),
    )
    for (const nothing of [undefined, {}, 'w'])
      await expect(create({}, { w: nothing as P })).rejects.toBeInstanceOf(FreestepError)
    stack.dispose?.(w)
  })

  kit.test(
    'one tensor under two names is refused, when an optimizer is made and when it goes on with more',
    ['contract'],
    async (stack) => {
      const w = await tensor(stack, start.w)
      const create = (tensors: Record<string, P>) =>
        createOptimizer(sgd({ lr: 1 }), tensors, stack.backend)
      await expectRefusal('shared-memory', () => create({ w, v: w }))
      const optimizer = await create({ w })
      const now = optimizer.params.w
      await expectRefusal('shared-memory', () => optimizer.extend({ w: now, v: now }))
      const g = await tensor(stack, [1, 1, 1])
      await optimizer.step({ w: g })
      expect(Array.from(await stack.read(optimizer.params.w))).toEqual(
        start.w.map((value) => value - 1),
      )
      optimizer.dispose()
      for (const each of [w, g]) stack.dispose?.(each)
    },
  )

  kit.test(
    'a gradient that is another parameter is read before that is written',
    ['contract'],
    (stack) =>
      withSession(
        stack,
        sgd({ lr: 1 }),
        { a: vector([1, 2]), b: vector([10, 20]) },
        {},
        async ({ optimizer }) => {
          await optimizer.step({ a: optimizer.params.b, b: optimizer.params.a })
          const { a, b } = optimizer.params
          expect([...Array.from(await stack.read(a)), ...Array.from(await stack.read(b))]).toEqual([
            -9, -18, 9, 18,
          ])
        },
      ),
  )

  kit.test('a disposed optimizer refuses; the parameters stay', ['contract'], async (stack) => {
    const w = await tensor(stack, start.w)
    const optimizer = await createOptimizer(prodigy(), { w }, stack.backend)
    const kept = Array.from(await stack.read(w))
    optimizer.dispose()
    optimizer.dispose()
    const g = await tensor(stack, [1, 1, 1])
    await expectRefusal('disposed', () => optimizer.step({ w: g }))
    await expectRefusal('disposed', () => optimizer.scalars())
    await expectRefusal('disposed', () => optimizer.evaluated())
    expect(Array.from(await stack.read(w))).toEqual(kept)
    stack.dispose?.(w)
    stack.dispose?.(g)
  })
}
