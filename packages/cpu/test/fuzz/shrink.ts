/** Smaller runs that fail as well: what is not needed is left out, one thing after the other. */
import type { Run, Step } from './run.ts'

const without = <T>(list: readonly T[]): T[][] => list.map((_, i) => list.filter((_, j) => j !== i))

/** Runs that are simpler by one thing. */
function simpler(run: Run): Run[] {
  const { steps, tensors, groups, wrappers, options } = run
  const eachStep = (change: (step: Step) => Step): Run => ({ ...run, steps: steps.map(change) })
  return [
    ...(steps.length > 1 ? [{ ...run, steps: steps.slice(0, -1) }] : []),
    ...(tensors.length > 1 ? without(tensors).map((fewer) => ({ ...run, tensors: fewer })) : []),
    ...without(wrappers).map((fewer) => ({ ...run, wrappers: fewer })),
    ...without(groups).map((fewer) => ({
      ...run,
      groups: fewer,
      splitGroups: run.splitGroups && fewer.length > 0,
    })),
    ...without(Object.entries(options)).map((fewer) => ({
      ...run,
      options: Object.fromEntries(fewer),
    })),
    eachStep((step) => ({ ...step, reload: false })),
    eachStep((step) => ({ ...step, zero: [] })),
    eachStep(({ lost: _, ...step }) => step),
    { ...run, tensors: tensors.map((tensor) => ({ ...tensor, from: 0 })) },
  ].filter((each) => JSON.stringify(each) !== JSON.stringify(run) && hasGradients(each))
}

/** Every step needs a gradient. */
const hasGradients = ({ steps, tensors }: Run) =>
  steps.every(({ absent }, k) =>
    tensors.some(({ name, from }) => from <= k && !absent.includes(name)),
  )

/** As small a run as one finds that way, with what is wrong with it. */
export async function shrink(
  run: Run,
  wrong: string,
  check: (run: Run) => Promise<string | undefined>,
): Promise<{ run: Run; wrong: string }> {
  for (const candidate of simpler(run)) {
    const found = await check(candidate)
    // An option that is gone may make another one impossible, which is another failure.
    if (found && found.includes('freestep/') === wrong.includes('freestep/'))
      return shrink(candidate, found, check)
  }
  return { run, wrong }
}
