// The recorded results, apps/experiments/records: JSON with a line for each run, so that a new
// recording shows in a comparison as the runs that changed.
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeWhole } from '../report.ts'
import { slug } from './curves.ts'
import type { Results } from './experiment.ts'

const FOLDER = fileURLToPath(new URL('../../records', import.meta.url))

/**
 * Keeps results; those of a file of the user's beside those of the experiment itself. Returns the
 * path.
 */
export async function writeRecord(results: Results): Promise<string> {
  await mkdir(FOLDER, { recursive: true })
  const path = join(FOLDER, `${nameOf(results)}.json`)
  const { traces, ...rest } = results
  const lines = traces.map((trace) => JSON.stringify(trace))
  await writeWhole(
    path,
    `${JSON.stringify(rest).slice(0, -1)},"traces":[\n${lines.join(',\n')}\n]}\n`,
  )
  return path
}

/** All recorded results, by name. */
export async function readRecords(): Promise<{ name: string; results: Results }[]> {
  const files = (await readdir(FOLDER).catch(() => [])).filter((file) => file.endsWith('.json'))
  const names = files.map((file) => file.replace('.json', '')).sort()
  return Promise.all(
    names.map(async (name) => ({
      name,
      results: JSON.parse(await readFile(join(FOLDER, `${name}.json`), 'utf8')),
    })),
  )
}

const nameOf = ({ experiment, data }: Results) =>
  data === undefined ? experiment : `${experiment}-${slug(data)}`
