/**
 * What the tests of the contract share: two small parameters, gradients for them, and how
 * optimizers are looked at and compared.
 */
import { FreestepError, type MaybePromise } from '@freestep/core'
import { expect } from 'vitest'
import { fill, generator } from '../../numbers.ts'
import type { Row } from '../../row.ts'
import { type Gradients, named, type Session } from '../../session.ts'
import { table } from '../../table.ts'

/** Where the parameters start. */
export const start = { w: [1, -2, 3], b: [0.5, 0.25] }
/** The parameters. */
export const params = named(Object.values(start), Object.keys(start))

/** The same gradients for every optimizer that asks: step k, coordinate i. */
const drawn = (sizes: Readonly<Record<string, number>>, steps: number): Gradients[] => {
  const draw = generator(21)
  return fill(steps, () =>
    Object.fromEntries(Object.entries(sizes).map(([name, size]) => [name, fill(size, draw)])),
  )
}
/** A few steps for them. */
export const gradients = drawn({ w: 3, b: 2 }, 6)

/** All that can be seen of an optimizer. */
export const snapshot = async (session: Session<unknown, MaybePromise<void>>) => ({
  params: await session.params(),
  scalars: await session.scalars(),
  steps: session.optimizer.steps,
})

/** Expects a FreestepError of the given kind, whose message has the form that all have. */
export async function expectRefusal(code: string, call: () => unknown): Promise<void> {
  const refusal = await Promise.resolve()
    .then(call)
    .then(
      () => 'nothing was refused',
      (error: unknown) => error,
    )
  expect(refusal).toBeInstanceOf(FreestepError)
  expect((refusal as FreestepError).code).toBe(code)
  expect((refusal as FreestepError).message).toMatch(/^\[freestep\/[a-z-]+\] .+\./)
}

/** Equal up to an error relative to the largest number. */
export function close(
  a: Readonly<Record<string, number[]>>,
  b: Readonly<Record<string, number[]>>,
  relative: number,
): boolean {
  const [x, y] = [Object.values(a).flat(), Object.values(b).flat()]
  const scale = Math.max(...y.map(Math.abs))
  return x.length === y.length && x.every((value, i) => Math.abs(value - y[i]) <= relative * scale)
}

/** The row of an algorithm. */
export function rowOf(name: string): Row {
  const row = table.find((each) => each.name === name)
  if (!row) throw new RangeError(`There is no row ${name}.`)
  return row
}
