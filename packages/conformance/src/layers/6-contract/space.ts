/**
 * R^p: how it is cut into tensors does not matter to what is global, thousands of tensors are no
 * more than one, and where the gradient is zero nothing becomes NaN.
 */
import { adamW, type MaybePromise, prodigy } from '@freestep/core'
import { expect } from 'vitest'
import type { Kit } from '../../kit.ts'
import { fill, generator } from '../../numbers.ts'
import type { Row } from '../../row.ts'
import { named, type Stack, vector, withSession } from '../../session.ts'
import { table } from '../../table.ts'
import { close, gradients, params, start } from './fixture.ts'

/** Registers the tests. */
export function space<P, Done extends MaybePromise<void>>(kit: Kit<P, Done>): void {
  cuts(kit)
  zeros(kit)
}

function cuts<P, Done extends MaybePromise<void>>(kit: Kit<P, Done>): void {
  const size = 12
  const a = fill(size, (i) => 0.1 + i / size)
  const b = fill(size, (i) => (i % 3) - 1)
  /** Runs on ½ Σ a (x − b)² with R^p cut into tensors of the given sizes. */
  const run = (stack: Stack<P, Done>, row: Row, settings: object, sizes: readonly number[]) => {
    const starts = sizes.map((_, t) => sizes.slice(0, t).reduce((sum, each) => sum + each, 0))
    const cut = (x: readonly number[]) =>
      sizes.map((each, t) => x.slice(starts[t], starts[t] + each))
    const names = sizes.map((_, t) => `p${t}`)
    return withSession(
      stack,
      row.make(settings),
      named(cut(fill(size, (i) => i / 8 - 0.5))),
      {},
      async (session) => {
        for (let k = 0; k < 8; k++) {
          const x = Object.values(await session.params()).flat()
          const loss = x.reduce((sum, each, i) => sum + 0.5 * a[i] * (each - b[i]) ** 2, 0)
          const g = cut(x.map((each, i) => a[i] * (each - b[i])))
          await session.step(Object.fromEntries(names.map((name, t) => [name, g[t]])), loss)
        }
        return { x: Object.values(await session.params()).flat() }
      },
    )
  }
  for (const row of table.filter(({ global }) => global))
    kit.test(
      `${row.name}: cutting a tensor into several changes nothing`,
      [row.name, 'cutting', 'contract'],
      async (stack) => {
        for (const settings of row.variants) {
          // The option keeps every p-th coordinate of each tensor, so there the cut matters.
          const { sliceP = 1 } = row.make(settings).options as { readonly sliceP?: number }
          if (sliceP !== 1) continue
          const whole = await run(stack, row, settings, [size])
          const cut = await run(stack, row, settings, [5, 1, 6])
          const tolerance = kit.tolerance(1e-4, 1e-11, row.name, 'contract')
          expect(
            close(cut, whole, tolerance),
            `${JSON.stringify(settings)}: ${cut.x}, not ${whole.x}`,
          ).toBe(true)
        }
      },
    )

  const { manyTensors = 10_000 } = kit.options
  kit.test(`${manyTensors} tensors of size 1`, ['contract', 'many tensors'], async (stack) => {
    const draw = generator(13)
    const values = fill(manyTensors, draw)
    const algorithm = () => prodigy({ d0: 0.01 })
    const many = named(values.map((value) => [value]))
    const separate = await withSession(stack, algorithm(), many, {}, async (session) => {
      for (let k = 0; k < 2; k++)
        await session.step(Object.fromEntries(values.map((value, i) => [`p${i}`, [value + k]])))
      return { x: Object.values(await session.params()).flat() }
    })
    const together = await withSession(
      stack,
      algorithm(),
      { p: vector(values) },
      {},
      async (session) => {
        for (let k = 0; k < 2; k++) await session.step({ p: values.map((value) => value + k) })
        return { x: (await session.params()).p }
      },
    )
    expect(close(separate, together, kit.tolerance(1e-5, 1e-12, 'many tensors', 'contract'))).toBe(
      true,
    )
  })
}

function zeros<P, Done extends MaybePromise<void>>(kit: Kit<P, Done>): void {
  const zero = { w: [0, 0, 0], b: [0, 0] }
  for (const row of table)
    kit.test(`${row.name}: zero gradients`, [row.name, 'contract'], async (stack) => {
      for (const settings of row.variants)
        await withSession(stack, row.make(settings), params, {}, async (session) => {
          const finite = async (when: string) => {
            const numbers = [
              ...Object.values(await session.params()).flat(),
              ...Object.values(await session.scalars()),
            ]
            expect(numbers.filter(Number.isNaN), `${JSON.stringify(settings)} ${when}`).toEqual([])
          }
          for (let k = 0; k < 3; k++) await session.step(zero, 0)
          await finite('after zero gradients')
          for (const step of gradients) await session.step(step, 1)
          await finite('after zero gradients and others')
          await session.step(zero, 0)
          await finite('after zero gradients at the end')
        })
    })

  kit.test('nothing moves while all gradients are zero', ['contract'], async (stack) => {
    for (const row of table) {
      // These shrink the parameters by themselves.
      if (row.name === adamW.algorithm.name || row.name === 'dadaptAdan') continue
      await withSession(stack, row.make(), params, {}, async (session) => {
        for (let k = 0; k < 3; k++) await session.step(zero, 0)
        expect(await session.params(), row.name).toEqual(start)
      })
    }
  })
}
