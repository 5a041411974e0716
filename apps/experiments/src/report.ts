// The report: one HTML file that needs nothing else, no network and no script. Figures, table, setting, notes, and the
// numbers behind the figures as JSON.
import { randomUUID } from 'node:crypto'
import { access, constants, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { distanceChart, gridChart, lossChart, runClass } from './charts.ts'
import { InputError } from './errors.ts'
import { Html, html } from './html.ts'
import { runName } from './runs.ts'
import { cells, conclusion, HEADS } from './table.ts'
import type { Result } from './train.ts'

/** What the report says besides the results. */
export interface Setting {
  readonly title: string
  /** Rows that the accuracies were measured on. */
  readonly testRows: number
  /** Name and value pairs: data, model, seed, ... */
  readonly facts: readonly (readonly [string, string])[]
  readonly notes: readonly string[]
}

/** Fails, before any work is done, if the report could not be written to `path`. */
export async function checkWritable(path: string): Promise<void> {
  const folder = dirname(path)
  const target = await stat(path).catch(() => undefined)
  if (target !== undefined && !target.isFile()) throw new InputError(`--report: ${path} is not a file`)
  await access(folder, constants.W_OK).catch(() => {
    throw new InputError(`--report: there is no folder ${folder} to write ${basename(path)} to`)
  })
}

/** Writes `text` to `path` whole or not at all: what stood there before stays until the new file is complete. */
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
export function renderReport(results: readonly Result[], { title, testRows, facts, notes }: Setting): string {
  const distances = distanceChart(results)
  const grid = gridChart(results, testRows)
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${new Html(STYLE + colours(results))}</style>
</head>
<body>
<header>
<p class="kicker">freestep</p>
<h1>${title}</h1>
<p class="lead">${conclusion(results)}</p>
</header>
<main>
${legend(results)}
${figure('Loss', 'Mean loss of the training batches since the previous point; every optimizer sees the same batches. Cut off at ten times the first loss.', lossChart(results))}
${distances && figure('Distance', DISTANCE, distances)}
${grid && figure('Tuning', 'Share of test rows classified wrongly for each learning rate of the grid; level lines are runs without a learning rate.', grid)}
<section><h2>Results</h2>${table(results)}</section>
<section><h2>Setting</h2>
<dl>${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
${notes.map((note) => html`<p class="note">${note}</p>`)}
</section>
</main>
<script type="application/json" id="results">${numbers(results)}</script>
</body>
</html>
`
  return page.text
}

const figure = (title: string, caption: string, svg: string): Html =>
  html`<section><h2>${title}</h2><figure><div class="scroll">${new Html(svg)}</div><figcaption>${caption}</figcaption></figure></section>`

const legend = (results: readonly Result[]): Html =>
  html`<ul class="legend">${results.map(
    ({ run }, i) => html`<li data-run="${i}"><i style="background:var(--${runClass(i)})"></i>${runName(run)}</li>`,
  )}</ul>`

function table(results: readonly Result[]): Html {
  const row = (result: Result, i: number) => {
    const [name, ...rest] = cells(result)
    const swatch = html`<i style="background:var(--${runClass(i)})"></i>`
    return html`<tr data-run="${i}"><th scope="row">${swatch}${name}</th>${rest.map((cell) => html`<td>${cell}</td>`)}</tr>`
  }
  return html`<div class="scroll"><table><thead><tr>${HEADS.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${results.map(row)}</tbody></table></div>`
}

/** All results as JSON that is safe inside a script element. Numbers that JSON lacks become text: "NaN". */
function numbers(results: readonly Result[]): Html {
  const plain = results.map(({ run: { optimizer, lr }, ...rest }) => ({ optimizer, lr, ...rest }))
  const text = JSON.stringify(plain, (_, value) => (typeof value === 'number' && !Number.isFinite(value) ? String(value) : value))
  return new Html(text.replaceAll('<', '\\u003c'))
}

/** A colour per run: strong ones without a learning rate; one hue per tuned optimizer, from its smallest rate to its largest. */
function colours(results: readonly Result[]): string {
  const free = [...new Set(results.filter(({ run }) => run.free).map(({ run }) => run.optimizer))]
  const tuned = [...new Set(results.filter(({ run }) => !run.free).map(({ run }) => run.optimizer))]
  const theme = (strong: readonly string[], from: number, to: number) =>
    results.map(({ run }, i) => {
      if (run.free) return `--${runClass(i)}:${strong[free.indexOf(run.optimizer) % strong.length]}`
      const group = results.filter((other) => other.run.optimizer === run.optimizer)
      const position = group.findIndex((other) => other.run.lr === run.lr) / Math.max(1, group.length - 1)
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

/** The style sheet of a report. */
export const STYLE = `
:root{color-scheme:light dark;--page:#fff;--text:#1c1c1f;--muted:#6b6b76;--line:#e4e4ea;--raised:#f7f7f9}
@media(prefers-color-scheme:dark){:root{--page:#131316;--text:#ececf1;--muted:#9c9ca8;--line:#2d2d34;--raised:#1b1b20}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:868px;padding:48px 24px 80px;background:var(--page);color:var(--text);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
h1{font-size:30px;line-height:1.2;margin:0 0 12px;letter-spacing:-.015em}
h2{font-size:18px;margin:44px 0 6px;letter-spacing:-.005em}
.kicker{margin:0 0 4px;color:var(--muted);font-size:14px;letter-spacing:.04em}
.lead{margin:0;font-size:17px;color:var(--text);max-width:46em}
.legend{position:sticky;top:0;z-index:1;display:flex;flex-wrap:wrap;gap:4px 18px;list-style:none;margin:28px 0 0;
padding:10px 0;background:var(--page);border-bottom:1px solid var(--line);font-size:14px}
.legend li,tr[data-run]{cursor:default}
i{display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:7px;vertical-align:-1px}
figure{margin:0}
.scroll{overflow-x:auto}
figure svg{display:block;width:100%;min-width:560px;height:auto;overflow:visible;color:var(--muted)}
figcaption,.note{color:var(--muted);font-size:14px;margin:6px 0 0}
[aria-label$="grid"]{color:var(--text)}
svg [class^="run-"]{transition:opacity .15s}
table{border-collapse:collapse;width:100%;font-size:15px;font-variant-numeric:tabular-nums}
th,td{padding:7px 18px 7px 0;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line);font-weight:inherit}
thead th{color:var(--muted);font-size:13px;font-weight:400}
th:first-child{text-align:left}
tbody tr:hover{background:var(--raised)}
th:last-child,td:last-child{padding-right:6px}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(240px,1fr));gap:12px 24px;margin:8px 0 20px}
dt{color:var(--muted);font-size:13px}dd{margin:0}
`
