// Holds every algorithm against the recordings of its authors' own code, on plain arrays in double precision, and prints a table: eager
// beside the compiled forms. Ends with an error if anything is off by more than 1e-10.
//   node packages/cpu/scripts/goldens.mjs        (after a build; `npx pnpm goldens` does both)
import process from 'node:process'
import { goldenReport } from '@freestep/conformance'
import { cpu } from '@freestep/cpu'

const limit = 1e-10
const forms = { eager: { fused: false }, wasm: { target: 'wasm' }, js: { target: 'js' } }

const reports = {}
for (const [name, options] of Object.entries(forms))
  reports[name] = await goldenReport({
    backend: await cpu({ dtype: 'float64', ...options }),
    dtype: 'float64',
    tensor: (numbers) => Float64Array.from(numbers),
    read: (array) => array,
  })

const { lines, leftOut: reasons } = reports.eager
const rows = lines.map(({ algorithm, file, ran, compared, chaotic, leftOut }, i) => [
  algorithm,
  file,
  String(ran),
  String(compared),
  String(chaotic),
  ...Object.values(reports).map((report) => report.lines[i].worst.toExponential(1)),
  String(leftOut),
])
const total = (column) => String(rows.reduce((sum, row) => sum + Number(row[column]), 0))
const head = [
  'algorithm',
  'recorded by',
  'trajectories',
  'records',
  'chaotic',
  ...Object.keys(reports),
  'left out',
]
const body = [head, ...rows, ['total', '', total(2), total(3), total(4), '', '', '', total(8)]]
const widths = head.map((_, i) => Math.max(...body.map((row) => row[i].length)))
for (const row of body)
  console.log(
    row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
  )

console.log('\nLeft out:')
for (const { what, reason } of reasons) console.log(`  ${what}: ${reason}`)

const bad = Object.entries(reports).flatMap(([name, report]) =>
  report.lines
    .filter(({ worst }) => !(worst < limit))
    .map(({ file, worst }) => `${file} (${name}): ${worst}`),
)
console.log(bad.length ? `\nAbove ${limit}: ${bad.join(', ')}` : `\nAll within ${limit}.`)
process.exitCode = bad.length ? 1 : 0
