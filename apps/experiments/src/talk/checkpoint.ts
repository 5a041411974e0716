// Where an interrupted experiment continues: the finished runs and the state of the one under way,
// in a file beside the report. It is written whole or not at all, belongs to one set of choices,
// and goes when the experiment is done.
import { readFile, rm } from 'node:fs/promises'
import { InputError } from '../errors.ts'
import { writeWhole } from '../report.ts'
import type { Trace } from './experiment.ts'
import type { Progress } from './follow.ts'

/** What is kept. */
export interface Kept {
  readonly traces: Trace[]
  /** The run after the finished ones, if it had begun. */
  readonly current?: Progress | undefined
}

/** The checkpoint of one experiment with its choices. */
export interface Checkpoint {
  /** What was kept; nothing if there is no file. Refuses a file that belongs to other choices. */
  read(): Promise<Kept>
  write(kept: Kept): Promise<void>
  remove(): Promise<void>
}

/** The checkpoint in the file `path`; `command` says whose it is. */
export function checkpointAt(path: string, command: string): Checkpoint {
  return {
    async read() {
      const text = await readFile(path, 'utf8').catch(() => undefined)
      if (text === undefined) return { traces: [] }
      const file = parse(text, path)
      if (file.command === command) return file
      throw new InputError(
        `${path} is where "${file.command}" was interrupted: run that to continue it, or give --fresh to begin anew without it`,
      )
    },
    write: (kept) => writeWhole(path, JSON.stringify({ command, ...kept })),
    remove: () => rm(path, { force: true }),
  }
}

function parse(text: string, path: string): Kept & { command: string } {
  try {
    const file = JSON.parse(text)
    if (typeof file?.command === 'string' && Array.isArray(file.traces)) return file
  } catch {
    // falls through: cut off or not ours
  }
  throw new InputError(
    `${path} is no checkpoint of an experiment; move it, or give --fresh to begin anew in its place`,
  )
}
