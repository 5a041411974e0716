/**
 * Runs methods on a problem with @freestep/cpu, and keeps all there is to see of it. Not what is
 * drawn.
 */
import { type Algorithm, cpu, createOptimizer } from '@freestep/cpu'
import { algorithmOf, type Choice, type Circumstances, labelOf } from './methods.ts'
import type { Problem } from './problems.ts'

/** A run: what was the case before step 0, 1, …, and after the last. */
export interface Trace {
  readonly choice: Choice
  readonly label: string
  /** The points. */
  readonly x: readonly (readonly number[])[]
  /** f(x) − f(x*). */
  readonly gap: readonly number[]
  /** The estimate of the distance, where the method has one: d, or r̄. */
  readonly d: readonly (number | undefined)[]
}

/** What has run away is no number to draw. */
const lost = 1e12

/** Runs one method. */
export async function descend(choice: Choice, circumstances: Circumstances): Promise<Trace> {
  const { problem, start, steps } = circumstances
  return {
    choice,
    label: labelOf(choice),
    ...(await follow(algorithmOf(choice, circumstances), problem, start, steps)),
  }
}

/** Runs an algorithm. */
async function follow(
  algorithm: Algorithm,
  problem: Problem,
  start: readonly number[],
  steps: number,
): Promise<Pick<Trace, 'x' | 'gap' | 'd'>> {
  const optimizer = await createOptimizer(algorithm, { x: Float64Array.from(start) }, await cpu())
  const least = problem.f(problem.solution)
  const [x, gap, d]: [number[][], number[], (number | undefined)[]] = [[], [], []]
  for (let k = 0; ; k++) {
    const at = Array.from(optimizer.params.x)
    const f = problem.f(at)
    if (!(Math.max(...at.map(Math.abs)) < lost)) break
    const scalars = await optimizer.scalars()
    x.push(at)
    gap.push(Math.max(0, f - least))
    d.push(scalars.d ?? scalars.rBar)
    if (k === steps) break
    optimizer.step({ x: Float64Array.from(problem.g(at)) }, { loss: f })
  }
  optimizer.dispose()
  return { x, gap, d }
}
