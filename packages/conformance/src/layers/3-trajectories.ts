/**
 * Layer 3: trajectories against the recordings of the authors' own code, every option of them.
 * float64 has to meet them at 1e-10. In float32 they are met as far as rounding allows: the error
 * grows with the sensitivity that was recorded, and where the original code itself loses digits in
 * float32 the row says how many.
 */
import type { MaybePromise } from '@freestep/core'
import { describe, expect, test } from 'vitest'
import { loadGolden, runTrajectory } from '../goldens.ts'
import type { Kit } from '../kit.ts'
import { some } from '../quick.ts'
import { leftOutFiles, table } from '../table.ts'

/** The error that a float64 trajectory may have. */
export const exact = 1e-10

/** Registers the layer, one test per trajectory. */
export function trajectories<P, Done extends MaybePromise<void>>(kit: Kit<P, Done>): void {
  const files = table.flatMap((row) => row.goldens.map((golden) => ({ row, golden })))
  for (const { row, golden } of files)
    describe(`${row.name}: ${golden.file}`, async () => {
      const { trajectories: all } = await loadGolden(golden.file)
      for (const trajectory of some(all, 8)) {
        if (
          golden.takes?.(trajectory) === false ||
          (kit.dtype === 'float64' && trajectory.dtype === 'float32')
        )
          continue
        const { id, dtype, problem, options } = trajectory
        const name = `${id} ${dtype} ${problem} ${JSON.stringify(options)}`
        const reason = golden.leftOut?.(trajectory)
        if (reason) {
          test.skip(`${name} (left out: ${reason})`, () => {})
          continue
        }
        kit.test(name, [row.name, id, 'trajectories'], async (stack) => {
          const { excess, worst } = await runTrajectory(
            stack,
            row,
            golden,
            trajectory,
            kit.tolerance(5e-5, exact, id, row.name),
          )
          expect(excess, worst).toBeLessThan(1)
        })
      }
    })
  for (const [file, reason] of Object.entries(leftOutFiles))
    test.skip(`${file} (left out: ${reason})`, () => {})
}
