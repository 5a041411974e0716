// What is seen while an experiment runs: one bar over all runs on a terminal; elsewhere a line for
// every finished run.
import { SingleBar } from 'cli-progress'
import { figure } from '../format.ts'
import type { Screen } from '../progress.ts'
import type { Audience } from './conduct.ts'
import type { Metric, Numbers, Run } from './experiment.ts'
import { label } from './methods.ts'

/** Shows the runs of an experiment; `stop` is to be called even if one fails. */
export function showRuns(
  runs: readonly Run[],
  metric: Metric,
  screen: Screen,
): Audience & { stop(): void } {
  return screen.isTTY ? bar(runs, screen) : lines(runs, metric, screen)
}

const name = (run: Run) => `${run.problem}, ${label(run.method)}, seed ${run.seed}`

function bar(runs: readonly Run[], screen: Screen): Audience & { stop(): void } {
  const before: number[] = [0]
  for (const run of runs) before.push(before[before.length - 1] + run.steps)
  const bar = new SingleBar({
    format: '{bar} {percentage}%  run {run} of {runs}  {name}  {state}',
    barsize: 20,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    stream: screen,
  })
  bar.start(before[runs.length], 0, { run: 1, runs: runs.length, name: '', state: '' })
  const show = (run: Run, done: number, steps: number, state: string) =>
    bar.update(before[done] + steps, { run: done + 1, name: name(run), state })
  return {
    begin: (run, done, steps) => show(run, done, steps, ''),
    sample: (run, done, steps, values) => show(run, done, steps, describe(values)),
    end: (run, done) => show(run, done, run.steps, ''),
    stop: () => bar.stop(),
  }
}

function describe({ loss, d }: Numbers): string {
  return [
    `loss ${loss === undefined ? '' : figure(loss)}`,
    ...(d === undefined ? [] : [`d ${figure(d)}`]),
  ].join('  ')
}

function lines(runs: readonly Run[], metric: Metric, screen: Screen): Audience & { stop(): void } {
  return {
    begin(run, done, steps) {
      if (steps > 0)
        screen.write(`continues run ${done + 1} of ${runs.length} at step ${steps}: ${name(run)}\n`)
    },
    sample() {},
    end(run, done, { final, diverged }) {
      const value = diverged ? null : final[metric.key]
      const outcome =
        value === null || value === undefined
          ? (metric.absent ?? 'diverged')
          : `${metric.label} ${metric.format(value)}`
      screen.write(`${done + 1}/${runs.length} ${name(run)}: ${outcome}\n`)
    },
    stop() {},
  }
}
