// The report of an experiment: one HTML file that needs nothing else, no network and no script.
// Verdicts, figures, tables, setting, and the numbers behind them as JSON.
import { type Html, html } from '../html.ts'
import { figure, page } from '../page.ts'
import type { Experiment, Results, Verdict } from './experiment.ts'
import { reading, tables } from './table.ts'

/** The report as the text of an HTML file. */
export function renderReport(experiment: Experiment, results: Results): string {
  const { title, about } = experiment
  const { traces, facts, notes, command } = results
  const shown = tables(traces, experiment)
  return page({
    kicker: 'freestep: the talk, reproduced',
    title,
    lead: about,
    style: OWN,
    sections: [
      html`<section><h2>What became of it</h2>${experiment.verdicts(traces).map(verdict)}</section>`,
      experiment.figures(traces).map(({ title, caption, svg }) => figure(title, caption, svg)),
      shown.map(table),
      html`<p class="note">${reading(shown, experiment)}</p>`,
    ],
    facts: [['made by', command], ...facts],
    notes,
    results: traces,
  })
}

const table = ({ problem, heads, cells, rows }: ReturnType<typeof tables>[number]): Html =>
  html`<section><h2>${problem}</h2><div class="scroll"><table>
<thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${cells.map(
    ([name, ...rest], i) =>
      html`<tr class="${rows[i].free ? 'free' : (rows[i].rank ?? 'grid')}"><th scope="row">${name}</th>${rest.map((cell) => html`<td>${cell}</td>`)}</tr>`,
  )}</tbody></table></div></section>`

const verdict = ({ claim, verdict: outcome, because }: Verdict): Html =>
  html`<div class="claim"><p><b class="${outcome.replaceAll(' ', '-')}">${outcome}</b> ${claim}</p><p class="note">${because}</p></div>`

const OWN = `
body{max-width:908px}
.claim{margin:14px 0;padding-left:14px;border-left:3px solid var(--line)}
.claim p{margin:0}.claim b{margin-right:6px}
.claim .reproduced{color:#2b8a3e}.claim .not-reproduced{color:#c92a2a}.claim .partly-reproduced{color:#a66300}
@media(prefers-color-scheme:dark){.claim .reproduced{color:#69db7c}.claim .not-reproduced{color:#ff8787}.claim .partly-reproduced{color:#ffc078}}
tr.free th,tr.free td{font-weight:600}tr.grid{color:var(--muted)}
td:nth-child(2){text-align:left}th:nth-child(2){text-align:left}
`
