/**
 * Layer 2: sums are near the exact one, and the same run gives the same bits twice.
 * Not how they are computed, which is the backend's affair.
 */
import { add, defineAlgorithm, type MaybePromise, perTensor, scalar, sum } from '@freestep/core'
import { expect } from 'vitest'
import type { Kit } from '../kit.ts'
import { exactSum, fill, generator } from '../numbers.ts'
import { quick } from '../quick.ts'
import { named, type Stack, withSession } from '../session.ts'

/** Keeps the sum of the gradients of the last step; x moves by it. */
const total = defineAlgorithm({
  name: 'total',
  defaults: {},
  state: () => ({ all: scalar(), each: perTensor(), twice: scalar() }),
  step: ({ g }) => ({ u: sum(g), all: sum(g), each: sum(g, 'tensor'), twice: sum(add(g, g)) }),
})()

const rounded = (dtype: string) => (dtype === 'float32' ? Math.fround : (a: number) => a)

/**
 * Addends that a careless sum gets wrong: all alike, of very different sizes, or with a large one
 * in front.
 */
const addends: Readonly<Record<string, (length: number) => number[]>> = {
  'all 0.1': (length) => fill(length, () => 0.1),
  'of eight orders of magnitude': (length) => {
    const draw = generator(3)
    return fill(length, () => 10 ** (4 * draw()))
  },
  'a large one first': (length) => fill(length, (i) => (i === 0 ? 1000 * length : 0.7)),
}

/** Registers the layer. */
export function sums<P, Done extends MaybePromise<void>>(kit: Kit<P, Done>): void {
  const run = async (stack: Stack<P, Done>, gradients: readonly (readonly number[])[]) => {
    const params = named(gradients.map((g) => fill(g.length, () => 0)))
    return withSession(stack, total, params, {}, async (session) => {
      await session.step(Object.fromEntries(gradients.map((g, i) => [`p${i}`, g])))
      return { scalars: await session.scalars(), moved: (await session.params()).p0[0] }
    })
  }
  const long = kit.options.large ? [100_000, 10_000_000] : [100_000]
  const lengths = [10, 1000, ...(quick ? [] : long)]

  for (const [name, make] of Object.entries(addends))
    for (const length of lengths)
      kit.test(`a sum of ${length} numbers, ${name}`, ['sums'], async (stack) => {
        const relative = kit.tolerance(1e-6, 1e-10, 'sums')
        const g = make(length).map(rounded(kit.dtype))
        const exact = exactSum(g)
        const { scalars, moved } = await run(stack, [g])
        for (const [value, expected] of [
          [scalars.all, exact],
          [scalars['each/p0'], exact],
          [scalars.twice, 2 * exact],
          [moved, exact],
        ])
          expect(Math.abs(value / expected - 1)).toBeLessThan(relative)
      })

  kit.test('a sum over tensors of many sizes', ['sums'], async (stack) => {
    const draw = generator(5)
    const gradients = [1, 2, 31, 256, 257, 4097, 65536].map((length) =>
      fill(length, () => rounded(kit.dtype)(1.5 + draw())),
    )
    const { scalars } = await run(stack, gradients)
    const relative = kit.tolerance(1e-6, 1e-10, 'sums')
    expect(Math.abs(scalars.all / exactSum(gradients.flat()) - 1)).toBeLessThan(relative)
    for (const [i, g] of gradients.entries())
      expect(Math.abs(scalars[`each/p${i}`] / exactSum(g) - 1)).toBeLessThan(relative)
  })

  kit.test('the same sum twice, bit for bit', ['sums'], async (stack) => {
    const draw = generator(9)
    const gradients = [99_991, 1031, 7].map((length) => fill(length, draw))
    const first = await run(stack, gradients)
    expect(await run(stack, gradients)).toEqual(first)
  })
}
