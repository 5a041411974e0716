// Makes the runs of an experiment one after the other, from where they were interrupted if they
// were, keeping a checkpoint on the way. What is seen of it meanwhile is progress.ts.
import type { Checkpoint } from './checkpoint.ts'
import type { Numbers, Plan, Run, Trace } from './experiment.ts'
import { follow } from './follow.ts'

/**
 * How often, in milliseconds, an interruption is looked for, and the checkpoint brought up to date.
 */
const [TURN, CHECKPOINT_EVERY] = [100, 10_000]

/** Who is told what goes on. */
export interface Audience {
  /** A run begins, or goes on after `steps`; `done` runs are finished. */
  begin(run: Run, done: number, steps: number): void
  sample(run: Run, done: number, steps: number, values: Numbers): void
  end(run: Run, done: number, trace: Trace): void
}

/**
 * The traces of all runs; undefined if the signal interrupted them, and then the checkpoint is up
 * to date.
 */
export async function conduct(
  { runs }: Plan,
  checkpoint: Checkpoint,
  audience: Audience,
  signal?: AbortSignal,
): Promise<Trace[] | undefined> {
  let { traces, current } = await checkpoint.read()
  let written = performance.now()
  for (const run of runs.slice(traces.length)) {
    if (signal?.aborted) {
      await checkpoint.write({ traces, current })
      return undefined
    }
    const done = traces.length
    audience.begin(run, done, current?.steps ?? 0)
    const watcher = {
      every: TURN,
      sample: (steps: number, values: Numbers) => audience.sample(run, done, steps, values),
      async turn(save: () => Promise<NonNullable<typeof current>>) {
        const interrupted = signal?.aborted ?? false
        if (interrupted || performance.now() - written > CHECKPOINT_EVERY) {
          await checkpoint.write({ traces, current: await save() })
          written = performance.now()
        }
        return interrupted
      },
    }
    const trace = await follow(run, watcher, current)
    if (trace === undefined) return undefined
    traces = [...traces, trace]
    current = undefined
    audience.end(run, done, trace)
  }
  return traces
}
