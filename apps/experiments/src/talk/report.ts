// The report of an experiment: one HTML file that needs nothing else, no network and no script. Verdicts, figures,
// tables, setting, and the numbers behind them as JSON.
import { Html, html } from '../html.ts'
import { STYLE } from '../report.ts'
import type { Experiment, Figure, Results, Verdict } from './experiment.ts'
import { tables } from './table.ts'

/** The report as the text of an HTML file. */
export function renderReport(experiment: Experiment, results: Results): string {
  const { title, about, metric } = experiment
  const { traces, facts, notes, command } = results
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${new Html(STYLE + OWN)}</style>
</head>
<body>
<header>
<p class="kicker">freestep: the talk, reproduced</p>
<h1>${title}</h1>
<p class="lead">${about}</p>
</header>
<main>
<section><h2>What became of it</h2>${experiment.verdicts(traces).map(verdict)}</section>
${experiment.figures(traces).map(figure)}
${tables(traces, experiment).map(
  ({ problem, heads, cells, rows }) => html`<section><h2>${problem}</h2><div class="scroll"><table>
<thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${cells.map(
    ([name, ...rest], i) =>
      html`<tr class="${rows[i].free ? 'free' : (rows[i].rank ?? 'grid')}"><th scope="row">${name}</th>${rest.map((cell) => html`<td>${cell}</td>`)}</tr>`,
  )}</tbody></table></div></section>`,
)}
<p class="note">${reading(metric.gap)}</p>
<section><h2>Setting</h2>
<dl>${[['made by', command] as const, ...facts].map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
${notes.map((note) => html`<p class="note">${note}</p>`)}
</section>
</main>
<script type="application/json" id="results">${new Html(JSON.stringify(traces).replaceAll('<', '\\u003c'))}</script>
</body>
</html>
`
  return page.text
}

/** How the tables are read. */
export const reading = (gap: 'difference' | 'ratio'): string =>
  `Mean over the seeds and ${gap === 'ratio' ? 'the factor' : 'the deviation'} around it; then the ${gap === 'ratio' ? 'quotient to' : 'difference from'} ` +
  'the best tuned Adam; d is the method’s own estimate of a distance at the end; steps/s is measured and depends on what else the machine was doing.'

const verdict = ({ claim, verdict: outcome, because }: Verdict): Html =>
  html`<div class="claim"><p><b class="${outcome.replaceAll(' ', '-')}">${outcome}</b> ${claim}</p><p class="note">${because}</p></div>`

const figure = ({ title, caption, svg }: Figure): Html =>
  html`<section><h2>${title}</h2><figure><div class="scroll">${new Html(svg)}</div><figcaption>${caption}</figcaption></figure></section>`

const OWN = `
body{max-width:908px}
.claim{margin:14px 0;padding-left:14px;border-left:3px solid var(--line)}
.claim p{margin:0}.claim b{margin-right:6px}
.claim .reproduced{color:#2b8a3e}.claim .not-reproduced{color:#c92a2a}.claim .partly-reproduced{color:#a66300}
@media(prefers-color-scheme:dark){.claim .reproduced{color:#69db7c}.claim .not-reproduced{color:#ff8787}.claim .partly-reproduced{color:#ffc078}}
tr.free th,tr.free td{font-weight:600}tr.grid{color:var(--muted)}
td:nth-child(2){text-align:left}th:nth-child(2){text-align:left}
`
