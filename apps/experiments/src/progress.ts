// What is seen while a run trains: a bar on a terminal; elsewhere (a pipe, a log) four plain lines
// per run.
import { SingleBar } from 'cli-progress'
import { figure } from './format.ts'
import type { Words } from './objective.ts'
import { type Run, runName } from './runs.ts'
import type { Sample } from './train.ts'

/** Where progress is written; only a terminal gets control characters. */
export type Screen = NodeJS.WritableStream & { isTTY?: boolean }

/** Shows one run. */
export interface Progress {
  update(sample: Sample): void
  /** Ends the bar; to be called even if the run fails. */
  stop(): void
}

const NAME_WIDTH = 17 // "D-Adaptation Adam"
const LINES_PER_RUN = 4

/** The progress of `run`, which takes `steps` steps and is judged as `words` say. */
export function showProgress(run: Run, steps: number, words: Words, screen: Screen): Progress {
  const name = runName(run).padEnd(NAME_WIDTH)
  return screen.isTTY ? bar(name, steps, words, screen) : lines(name, steps, words, screen)
}

function bar(name: string, steps: number, words: Words, screen: Screen): Progress {
  const bar = new SingleBar({
    format: `${name} {bar} {share} {state}`,
    barsize: 20,
    barCompleteChar: '\u2588',
    barIncompleteChar: '\u2591',
    stream: screen,
  })
  bar.start(steps, 0, { share: share(0, steps), state: '' })
  return {
    update: (sample) =>
      bar.update(sample.step, { share: share(sample.step, steps), state: describe(sample, words) }),
    stop: () => bar.stop(),
  }
}

function lines(name: string, steps: number, words: Words, screen: Screen): Progress {
  let shown = 0
  return {
    update(sample) {
      const due = Math.floor((sample.step * LINES_PER_RUN) / steps)
      if (due === shown) return
      shown = due
      screen.write(`${name} ${share(sample.step, steps)}  ${describe(sample, words)}\n`)
    },
    stop() {},
  }
}

const share = (step: number, steps: number) => `${Math.floor((100 * step) / steps)}%`.padStart(4)

function describe({ loss: value, score, d }: Sample, words: Words): string {
  const parts = [
    `loss ${figure(value)}`.padEnd(13),
    `${words.score} ${score === undefined ? '' : words.format(score)}`,
  ]
  return [...parts, d === undefined ? '' : `d ${figure(d)}`].join('  ').trimEnd()
}
