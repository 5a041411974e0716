/**
 * The recordings see small mistakes: every file of them fails an algorithm whose update is slightly
 * off, or that forgets a state.
 */
import { type Algorithm, mul } from '@freestep/core'
import { describe, expect, test } from 'vitest'
import { loadGolden, runTrajectory } from '../src/goldens.ts'
import { exact } from '../src/layers/3-trajectories.ts'
import { quad } from '../src/problems.ts'
import { some } from '../src/quick.ts'
import type { GoldenFile, Trajectory } from '../src/recording.ts'
import { reference } from '../src/reference.ts'
import type { Row } from '../src/row.ts'
import { vector, withSession } from '../src/session.ts'
import { table } from '../src/table.ts'

/** The row with its algorithm's step changed. */
const broken = (
  row: Row,
  change: (outputs: ReturnType<Algorithm['step']>) => ReturnType<Algorithm['step']>,
): Row => ({
  ...row,
  make: (settings) => {
    const algorithm = row.make(settings)
    return { ...algorithm, step: (values, h) => change(algorithm.step(values, h)) }
  },
})

async function trajectoriesOf({ file, takes, leftOut }: GoldenFile): Promise<Trajectory[]> {
  const { trajectories } = await loadGolden(file)
  return trajectories.filter((t) => t.dtype === 'float64' && (takes?.(t) ?? true) && !leftOut?.(t))
}
const worst = async (row: Row, golden: GoldenFile, trajectories: readonly Trajectory[]) =>
  Promise.all(
    trajectories.map(async (t) => (await runTrajectory(reference(), row, golden, t, exact)).excess),
  )

/** Whether one of the recordings fails it. */
async function anySees(
  row: Row,
  golden: GoldenFile,
  trajectories: readonly Trajectory[],
): Promise<boolean> {
  for (const trajectory of trajectories)
    if ((await worst(row, golden, [trajectory]))[0] > 1) return true
  return false
}

/**
 * States whose next value no recording depends on: shown but not used, constant, a maximum of what
 * never falls, m with β₁ = 0.
 */
const unused = ['eta', 'tau', 'dHat', 'x0', 'lambdaMax']
const rows = table.flatMap((row) =>
  row.goldens.map((golden) => [row.name, golden.file, row, golden] as const),
)

describe.each(rows)('%s, %s', (_name, _file, row, golden) => {
  test('an update off by one part in 10⁴ is seen in every trajectory', async () => {
    const off = broken(row, ({ u, ...next }) => ({ ...next, u: mul(1 + 1e-4, u) }))
    expect(
      Math.min(...(await worst(off, golden, some(await trajectoriesOf(golden), 8)))),
    ).toBeGreaterThan(1)
  })

  test('an update in the wrong direction is seen', async () => {
    const wrong = broken(row, ({ u, ...next }) => ({ ...next, u: mul(-1, u) }))
    expect(Math.min(...(await worst(wrong, golden, await trajectoriesOf(golden))))).toBeGreaterThan(
      1e3,
    )
  })

  test('a state that is not updated is seen', async () => {
    const trajectories = await trajectoriesOf(golden)
    const { step: _, ...definition } = row.make(golden.settings?.({}, trajectories[0]) ?? {})
    for (const forgotten of Object.keys(definition.state(definition.options as never))) {
      if (
        unused.includes(forgotten) ||
        (forgotten === 'm' && golden.file === 'schedulefree_wrapper')
      )
        continue
      const forgetful = broken(
        row,
        ({ [forgotten]: __, ...next }) => next as ReturnType<Algorithm['step']>,
      )
      expect(await anySees(forgetful, golden, trajectories), forgotten).toBe(true)
    }
  })
})

test('the reference gives the numbers of Prodigy far from the origin', async () => {
  const prodigy = table.find(({ name }) => name === 'prodigy') as Row
  const found = await Promise.all(
    [16, 128, 256, 1024].map((start) => {
      const problem = quad(start)
      return withSession(
        reference(),
        prodigy.make(),
        { x: vector(problem.x0[0]) },
        {},
        async (session) => {
          for (let k = 0; k < 200; k++)
            await session.step({ x: problem.gradient([(await session.params()).x])[0] })
          return Number((await session.scalars()).d.toPrecision(6))
        },
      )
    }),
  )
  expect(found).toEqual([7.12876, 47.6944, 119.887, 518.037])
})
