/**
 * Checkpoints: an optimizer that was saved continues bit for bit in another one, through bytes, and
 * on another backend too. Not the format of the bytes, nor which of them are refused: core has no
 * backend there.
 */
import { adam, fromSafetensors, type MaybePromise, sgd, toSafetensors } from '@freestep/core'
import { expect } from 'vitest'
import type { Kit } from '../../kit.ts'
import { reference } from '../../reference.ts'
import { withSession } from '../../session.ts'
import { table } from '../../table.ts'
import { close, expectRefusal, gradients, params, snapshot } from './fixture.ts'

const zeros = Object.fromEntries(
  Object.entries(params).map(([name, { shape, values }]) => [
    name,
    { shape, values: values.map(() => 0) },
  ]),
)
const [before, after] = [gradients.slice(0, 3), gradients.slice(3)]

/** Registers the tests. */
export function checkpoints<P, Done extends MaybePromise<void>>(kit: Kit<P, Done>): void {
  for (const row of table)
    kit.test(
      `${row.name}: a checkpoint continues bit for bit`,
      [row.name, 'contract', 'checkpoints'],
      async (stack) => {
        for (const settings of row.variants)
          for (const options of [{}, { groups: [{ params: ['b'] }], splitGroups: true }])
            await withSession(stack, row.make(settings), params, options, async (session) => {
              for (const step of before) await session.step(step, 1)
              const bytes = toSafetensors(await session.optimizer.save({ params: true }))
              for (const step of after) await session.step(step, 1)

              await withSession(stack, row.make(settings), zeros, options, async (other) => {
                await other.optimizer.load(fromSafetensors(bytes))
                for (const step of after) await other.step(step, 1)
                expect(await snapshot(other), JSON.stringify(settings)).toEqual(
                  await snapshot(session),
                )
              })
            })
      },
    )

  kit.test(
    'a checkpoint continues on another backend, and comes back',
    ['contract', 'checkpoints'],
    async (stack) => {
      for (const row of table) {
        const make = () => row.make(row.variants[0])
        const [expected, saved] = await withSession(stack, make(), params, {}, async (session) => {
          for (const step of before) await session.step(step, 1)
          const checkpoint = await session.optimizer.save({ params: true })
          for (const step of after) await session.step(step, 1)
          return [await session.params(), checkpoint]
        })
        const [there, away] = await withSession(
          reference(kit.dtype),
          make(),
          zeros,
          {},
          async (session) => {
            await session.optimizer.load(saved)
            const checkpoint = await session.optimizer.save({ params: true })
            for (const step of after) await session.step(step, 1)
            return [await session.params(), checkpoint]
          },
        )
        const back = await withSession(stack, make(), zeros, {}, async (session) => {
          await session.optimizer.load(away)
          for (const step of after) await session.step(step, 1)
          return session.params()
        })
        const relative = kit.tolerance(1e-4, 1e-10, row.name, 'checkpoints')
        expect(close(there, expected, relative), `${row.name} on the reference`).toBe(true)
        expect(close(back, expected, relative), `${row.name} back`).toBe(true)
      }
    },
  )

  kit.test('a checkpoint that does not fit changes nothing', ['contract', 'checkpoints'], (stack) =>
    withSession(stack, adam(), params, {}, async (session) => {
      for (const step of before) await session.step(step)
      const good = await session.optimizer.save({ params: true })
      const state = await snapshot(session)
      const { 'v/b': _, ...missing } = good.tensors
      const other = await withSession(stack, sgd(), params, {}, (each) => each.optimizer.save())
      for (const bad of [
        other,
        { ...good, tensors: missing },
        { ...good, tensors: { ...good.tensors, 'v/b': good.tensors['v/w'] } },
      ]) {
        await expectRefusal('bad-checkpoint', () => session.optimizer.load(bad))
        expect(await snapshot(session)).toEqual(state)
      }
      await session.optimizer.load(good)
      expect(await snapshot(session)).toEqual(state)
    }),
  )
}
