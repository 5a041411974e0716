/**
 * Layer 4: far from the origin float32 still sees how far it has moved. Algorithms that estimate a
 * distance start with moves of 1e-6, which vanish when x₀ − x is taken from rounded parameters;
 * with x − x₀ accumulated they do not.
 */
import type { MaybePromise } from '@freestep/core'
import { expect } from 'vitest'
import type { Kit } from '../kit.ts'
import { quad } from '../problems.ts'
import { reference } from '../reference.ts'
import { type Stack, vector, withSession } from '../session.ts'
import { table } from '../table.ts'

const steps = 100

/** Registers the layer. */
export function moved<P, Done extends MaybePromise<void>>(kit: Kit<P, Done>): void {
  for (const row of table.filter(({ distance }) => distance !== undefined))
    for (const start of [16, 128, 256, 1024])
      kit.test(`${row.name} from ${start}: ${row.distance}`, [row.name, 'moved'], async (stack) => {
        const relative = kit.tolerance(1e-3, 1e-9, row.name, 'moved')
        const found = await final(stack, row, start)
        const expected = await final(reference('float64'), row, start)
        expect(Math.abs(found / expected - 1), `${found}, not ${expected}`).toBeLessThan(relative)
      })
}

/** The distance estimated after some steps on `quad` from far away. */
function final<P, Done extends MaybePromise<void>>(
  stack: Stack<P, Done>,
  row: (typeof table)[number],
  start: number,
): Promise<number> {
  const problem = quad(start)
  return withSession(stack, row.make(), { x: vector(problem.x0[0]) }, {}, async (session) => {
    for (let k = 0; k < steps; k++) {
      const { x } = await session.params()
      await session.step({ x: problem.gradient([x])[0] }, problem.loss([x]))
    }
    return (await session.scalars())[row.distance as string]
  })
}
