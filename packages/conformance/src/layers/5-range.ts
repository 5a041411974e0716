/**
 * Layer 5: single precision goes as far as its numbers do. Distances from 1e-12 to 1e12 and
 * gradients from 1e-18 to 1e18 (1e-9 to 1e9 on devices without double precision) give the same
 * estimate of the distance as double precision, within 1 %; what has none, the same x. That every
 * one of these problems has an answer that rounding does not decide is asserted in
 * test/range.test.ts. The option `large` adds what is between, and more than one set of options.
 */
import type { MaybePromise } from '@freestep/core'
import { expect } from 'vitest'
import type { Kit } from '../kit.ts'
import { relativeError } from '../numbers.ts'
import { huber } from '../problems.ts'
import { some } from '../quick.ts'
import { reference } from '../reference.ts'
import type { Row, Scale } from '../row.ts'
import { type Stack, vector, withSession } from '../session.ts'
import { table } from '../table.ts'

const steps = 40

/** Distances where gradients are near 1, and gradients at the distance 1. */
const around = (distances: readonly number[], gradients: readonly number[]): Scale[] => [
  ...distances.map((D) => ({ D, G: 1 })),
  ...gradients.map((G) => ({ D: 1, G })),
]

/** The ends of the range, for single numbers in double precision or not. */
const ends = (doubles: boolean): Scale[] =>
  doubles ? around([1e-12, 1e12], [1e-18, 1e18]) : around([1e-9, 1e9], [1e-9, 1e9])

/** Those, and what is between. */
export const scales: readonly Scale[] = [...ends(true), ...around([1e-6, 1, 1e6], [1e-9, 1e9])]

/** What changes the gradients and the loss a little, or leaves them. */
export type Noise = (value: number) => number

/**
 * The estimate of the distance after some steps (per tensor where it is), or x where there is none.
 */
export function arrival<P, Done extends MaybePromise<void>>(
  stack: Stack<P, Done>,
  row: Row,
  settings: object,
  { D, G }: Scale,
  noise: Noise = (value) => value,
): Promise<number[]> {
  const problem = huber(D, G)
  const params = { p0: vector(problem.x0[0]), p1: vector(problem.x0[1]) }
  return withSession(stack, row.make(settings), params, {}, async (session) => {
    for (let k = 0; k < steps; k++) {
      const { p0, p1 } = await session.params()
      // Where x is rounded gradients are off by as much, so noise is in x as well.
      const [g0, g1] = problem.gradient([p0.map(noise), p1.map(noise)])
      await session.step({ p0: g0.map(noise), p1: g1.map(noise) }, noise(problem.loss([p0, p1])))
    }
    const scalars = Object.entries(await session.scalars())
    const estimates = scalars.filter(([name]) => name.split('/')[0] === (row.distance ?? 'd'))
    return estimates.length
      ? estimates.map(([, d]) => d)
      : Object.values(await session.params()).flat()
  })
}

const known = new Map<string, Promise<number[]>>()

/** What double precision arrives at, computed once for all backends of a test file. */
function exact(row: Row, settings: object, scale: Scale): Promise<number[]> {
  const name = `${row.name} ${JSON.stringify([settings, scale])}`
  const found = known.get(name) ?? arrival(reference('float64'), row, settings, scale)
  known.set(name, found)
  return found
}

/** Registers the layer, for single precision. */
export function range<P, Done extends MaybePromise<void>>(kit: Kit<P, Done>): void {
  const { doubles = true, large } = kit.options
  const settingsOf = (row: Row, scale: Scale) => row.range(scale).slice(0, large ? Infinity : 1)
  for (const row of table)
    kit.test(`${row.name} over the whole range`, [row.name, 'range'], async (stack) => {
      const relative = kit.tolerance(1e-2, 0, row.name, 'range')
      for (const scale of some(large ? scales : ends(doubles), 4))
        for (const settings of settingsOf(row, scale)) {
          const found = await arrival(stack, row, settings, scale)
          const wanted = await exact(row, settings, scale)
          const where = `${JSON.stringify(scale)}, ${JSON.stringify(settings)}: ${found}, not ${wanted}`
          expect(relativeError([found], [wanted]), where).toBeLessThan(relative)
        }
    })
}
