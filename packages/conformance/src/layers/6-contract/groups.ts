/**
 * Groups: options for some of the parameters, by name or by a test, and groups that run by
 * themselves.
 */
import { createOptimizer, dog, FreestepError, type MaybePromise, sgd } from '@freestep/core'
import { expect } from 'vitest'
import type { Kit } from '../../kit.ts'
import { named, type Stack, withSession } from '../../session.ts'
import { table } from '../../table.ts'
import { gradients, params, rowOf } from './fixture.ts'

/** Registers the tests. */
export function groups<P, Done extends MaybePromise<void>>(kit: Kit<P, Done>): void {
  const three = named(
    [
      [1, 2],
      [3, 4],
      [5, 6],
    ],
    ['a', 'b', 'c'],
  )
  const ones = { a: [1, 1], b: [1, 1], c: [1, 1] }
  const exactly =
    (groups: readonly object[], expected: readonly (readonly number[])[]) =>
    (stack: Stack<P, Done>) =>
      withSession(stack, sgd({ lr: 0.5 }), three, { groups: groups as never }, async (session) => {
        await session.step(ones)
        expect(Object.values(await session.params())).toEqual(expected)
      })
  const moved = (a: number, b: number, c: number) => [
    [1 - a, 2 - a],
    [3 - b, 4 - b],
    [5 - c, 6 - c],
  ]
  kit.test(
    'groups by name',
    ['contract'],
    exactly([{ params: ['a', 'c'], lr: 0.25 }], moved(0.25, 0.5, 0.25)),
  )
  kit.test(
    'groups by a test',
    ['contract'],
    exactly([{ params: (name: string) => name > 'a', lr: 1 }], moved(0.5, 1, 1)),
  )
  kit.test(
    'of groups that name the same parameter the later wins, option by option',
    ['contract'],
    exactly(
      [
        { params: ['a', 'b'], lr: 0.25, weightDecay: 1 },
        { params: ['b', 'c'], lr: 1 },
        { params: ['a'], weightDecay: 0 },
      ],
      [
        [0.75, 1.75],
        [-1, -1],
        [4, 5],
      ],
    ),
  )
  kit.test(
    'groups with schedules',
    ['contract'],
    exactly([{ params: ['a'], lr: (k: number) => (k + 1) / 4 }], moved(0.25, 0.5, 0.5)),
  )

  for (const row of table.filter(({ oneLr }) => oneLr))
    kit.test(`${row.name}: one lr for all parameters`, [row.name, 'contract'], async (stack) => {
      const w = await stack.tensor([1], [1], stack.dtype)
      const b = await stack.tensor([1], [1], stack.dtype)
      const create = () =>
        createOptimizer(row.make(), { w, b }, stack.backend, {
          groups: [{ params: ['b'], lr: 0.5 }] as never,
        })
      await expect(create()).rejects.toBeInstanceOf(FreestepError)
      for (const tensor of [w, b]) stack.dispose?.(tensor)
    })

  kit.test(
    'groups that run by themselves are separate optimizers, bit for bit',
    ['contract'],
    async (stack) => {
      for (const name of ['prodigy', 'dog', 'dadaptAdam']) {
        const row = rowOf(name)
        const run = (tensors: typeof params, options: object = {}, settings: object = {}) =>
          withSession(
            stack,
            row.make({ ...row.variants[0], ...settings }),
            tensors,
            options,
            async (session) => {
              const names = Object.keys(tensors)
              for (const step of gradients)
                await session.step(Object.fromEntries(names.map((each) => [each, step[each]])))
              return session.params()
            },
          )
        const split = await run(params, {
          groups: [{ params: ['b'], weightDecay: 0.2 }],
          splitGroups: true,
        })
        expect(split.w).toEqual((await run({ w: params.w })).w)
        expect(split.b).toEqual((await run({ b: params.b }, {}, { weightDecay: 0.2 })).b)
      }
    },
  )

  kit.test('scalars are named by the parameter where each has its own', ['contract'], (stack) =>
    withSession(
      stack,
      dog(),
      params,
      { groups: [{ params: ['b'] }], splitGroups: true },
      async (session) => {
        await session.step(gradients[0])
        expect(Object.keys(await session.scalars()).sort()).toEqual([
          'G/b',
          'G/w',
          'eta/b',
          'eta/w',
          'rBar/b',
          'rBar/w',
        ])
      },
    ),
  )
}
