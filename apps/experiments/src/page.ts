// A report as one HTML file that needs nothing else, no network and no script: its frame and its
// looks, which all reports share. Not what is in it.
import { type Content, Html, html } from './html.ts'

/** What a report says. */
export interface Page {
  readonly kicker: string
  readonly title: string
  readonly lead: string
  /** CSS beside that of all reports. */
  readonly style: string
  readonly sections: readonly Content[]
  readonly facts: readonly (readonly [name: string, value: string])[]
  readonly notes: readonly string[]
  /** The numbers behind it, which the file has as JSON. */
  readonly results: unknown
}

/** The report as the text of an HTML file. */
export const page = ({
  kicker,
  title,
  lead,
  style,
  sections,
  facts,
  notes,
  results,
}: Page): string =>
  html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${new Html(STYLE + style)}</style>
</head>
<body>
<header>
<p class="kicker">${kicker}</p>
<h1>${title}</h1>
<p class="lead">${lead}</p>
</header>
<main>
${sections.map((section) => html`${section}\n`)}<section><h2>Setting</h2>
<dl>${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
${notes.map((note) => html`<p class="note">${note}</p>`)}
</section>
</main>
<script type="application/json" id="results">${json(results)}</script>
</body>
</html>
`.text

/** A figure with its title and what it shows. */
export const figure = (title: string, caption: string, svg: string): Html =>
  html`<section><h2>${title}</h2><figure><div class="scroll">${new Html(svg)}</div><figcaption>${caption}</figcaption></figure></section>`

/** JSON that is safe inside a script element. Numbers that JSON lacks become text: "NaN". */
function json(results: unknown): Html {
  const text = JSON.stringify(results, (_, value) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  )
  return new Html(text.replaceAll('<', '\\u003c'))
}

/** The style sheet of a report. */
const STYLE = `
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
