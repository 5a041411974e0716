// The report: one HTML file that needs nothing else, no network and no script. Figures, table,
// setting, notes, and the numbers behind the figures as JSON.
import { randomUUID } from 'node:crypto'
import { access, constants, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { distanceChart, gridChart, lossChart, runClass } from './charts.ts'
import { InputError } from './errors.ts'
import { type Html, html } from './html.ts'
import type { Words } from './objective.ts'
import { figure, page } from './page.ts'
import { runName } from './runs.ts'
import { cells, conclusion, headsOf } from './table.ts'
import type { Result } from './train.ts'

/** What the report says besides the results. */
export interface Setting {
  readonly title: string
  /** Rows that the scores were measured on. */
  readonly testRows: number
  /** What the scores are. */
  readonly words: Words
  /** Name and value pairs: data, model, seed, ... */
  readonly facts: readonly (readonly [string, string])[]
  readonly notes: readonly string[]
}

/** Fails, before any work is done, if the report could not be written to `path`. */
export async function checkWritable(path: string): Promise<void> {
  const folder = dirname(path)
  const target = await stat(path).catch(() => undefined)
  if (target !== undefined && !target.isFile())
    throw new InputError(`--report: ${path} is not a file`)
  await access(folder, constants.W_OK).catch(() => {
    throw new InputError(`--report: there is no folder ${folder} to write ${basename(path)} to`)
  })
}

/**
 * Writes `text` to `path` whole or not at all: what stood there before stays until the new file is
 * complete.
 */
export async function writeWhole(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomUUID()}.tmp`
  try {
    await writeFile(draft, text)
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    throw new InputError(`cannot write ${path}: ${(error as Error).message}`)
  }
}

const DISTANCE =
  'The estimate d of the distance from the initial weights to a solution, which takes the place of a learning rate. ' +
  'Prodigy and D-Adaptation Adam measure it per coordinate; for DoG it is r\u0304, the farthest it has moved in the Euclidean norm.'

/** The report as the text of an HTML file. */
export function renderReport(
  results: readonly Result[],
  { title, testRows, words, facts, notes }: Setting,
): string {
  const distances = distanceChart(results)
  const grid = gridChart(results, testRows, words)
  return page({
    kicker: 'freestep',
    title,
    lead: conclusion(results, words),
    style: colours(results),
    sections: [
      legend(results),
      figure(
        'Loss',
        `Mean loss of the training batches (${words.loss}) since the previous point; every optimizer sees the same batches. Cut off at ten times the first loss.`,
        lossChart(results),
      ),
      distances && figure('Distance', DISTANCE, distances),
      grid &&
        figure(
          'Tuning',
          `${words.caption}, for each learning rate of the grid; level lines are runs without a learning rate.`,
          grid,
        ),
      html`<section><h2>Results</h2>${table(results, words)}</section>`,
    ],
    facts,
    notes,
    results: results.map((result) => numbersOf(result, words)),
  })
}

const legend = (results: readonly Result[]): Html =>
  html`<ul class="legend">${results.map(
    ({ run }, i) =>
      html`<li data-run="${i}"><i style="background:var(--${runClass(i)})"></i>${runName(run)}</li>`,
  )}</ul>`

/** The numbers of a run, with the score under its own name. */
const numbersOf = (
  { run: { optimizer, lr }, score, samples, ...rest }: Result,
  { key }: Words,
) => ({
  optimizer,
  lr,
  [key]: score,
  samples: samples.map(({ score: measured, ...sample }) => ({ ...sample, [key]: measured })),
  ...rest,
})

function table(results: readonly Result[], words: Words): Html {
  const row = (result: Result, i: number) => {
    const [name, ...rest] = cells(result, words)
    const swatch = html`<i style="background:var(--${runClass(i)})"></i>`
    return html`<tr data-run="${i}"><th scope="row">${swatch}${name}</th>${rest.map((cell) => html`<td>${cell}</td>`)}</tr>`
  }
  return html`<div class="scroll"><table><thead><tr>${headsOf(words).map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${results.map(row)}</tbody></table></div>`
}

/**
 * A colour per run: strong ones without a learning rate; one hue per tuned optimizer, from its
 * smallest rate to its largest.
 */
function colours(results: readonly Result[]): string {
  const free = [...new Set(results.filter(({ run }) => run.free).map(({ run }) => run.optimizer))]
  const tuned = [...new Set(results.filter(({ run }) => !run.free).map(({ run }) => run.optimizer))]
  const theme = (strong: readonly string[], from: number, to: number) =>
    results.map(({ run }, i) => {
      if (run.free) return `--${runClass(i)}:${strong[free.indexOf(run.optimizer) % strong.length]}`
      const group = results.filter((other) => other.run.optimizer === run.optimizer)
      const position =
        group.findIndex((other) => other.run.lr === run.lr) / Math.max(1, group.length - 1)
      const lightness = (from + (to - from) * position).toFixed(3)
      return `--${runClass(i)}:oklch(${lightness} 0.07 ${290 - 95 * tuned.indexOf(run.optimizer)})`
    })
  const raise = results.map((_, i) => {
    const pointed = `body:has([data-run="${i}"]:hover)`
    return `${pointed} svg [class^="run-"]:not(.${runClass(i)}){opacity:.12}${pointed} [data-run="${i}"]{font-weight:600}`
  })
  const light = `:root{${theme(['#d9480f', '#1864ab', '#2b8a3e'], 0.84, 0.42).join(';')}}`
  const dark = `@media(prefers-color-scheme:dark){:root{${theme(['#ff922b', '#4dabf7', '#69db7c'], 0.42, 0.84).join(';')}}}`
  return `${light}\n${dark}\n${raise.join('\n')}`
}
