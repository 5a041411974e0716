// The experiments of the talk from the command line: all nine with --quick, held to what the
// theorems say of them; the same numbers for the same seed; the same numbers after an interruption;
// the page that is made of the records.
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { parseHTML } from 'linkedom'
import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { cli } from '../src/cli.ts'
import { checkpointAt } from '../src/talk/checkpoint.ts'
import { conduct } from '../src/talk/conduct.ts'
import { generateDocs } from '../src/talk/docs.ts'
import type { Experiment, Plan, Run, Trace } from '../src/talk/experiment.ts'
import { experiments } from '../src/talk/experiments/index.ts'
import { follow, type Progress } from '../src/talk/follow.ts'

vi.setConfig({ testTimeout: 900_000, hookTimeout: 900_000 }) // never a matter of how busy the machine is

const NAMES = [
  ...[
    'normalization',
    'prehistory',
    'convex',
    'vision',
    'lstm',
    'transformer',
    'vit',
    'reconstruction',
    'open-questions',
  ],
]

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'freestep-'))
})

async function talk(words: readonly string[], signal?: AbortSignal) {
  const [out, err] = [new PassThrough(), new PassThrough()]
  const code = await cli(['talk', ...words], { out, err, ...(signal && { signal }) })
  const text = (stream: PassThrough): string => stream.read()?.toString() ?? ''
  return { code, out: text(out), err: text(err) }
}

/** All but the time it took. */
const timeless = (traces: readonly Trace[]) =>
  traces.map(({ stepsPerSecond: _, ...trace }) => trace)
const named = (name: string) => experiments.find((each) => each.name === name) as Experiment
const plan = (name: string): Promise<Plan> =>
  named(name).plan({ scale: 'quick', seeds: 1, seed: 1 })
const silent = { begin() {}, sample() {}, end() {} }

test('without a name the nine are listed', async () => {
  const { code, out } = await talk([])
  expect(code).toBe(0)
  expect(out.match(/^ {2}\S+/gm)?.map((line) => line.trim())).toEqual(NAMES)
})

describe.each(NAMES)('%s --quick', (name) => {
  let run: Awaited<ReturnType<typeof talk>>
  let html: string
  let traces: Trace[]
  beforeAll(async () => {
    const report = join(mkdtempSync(join(tmpdir(), 'freestep-')), 'report.html')
    run = await talk([name, '--quick', '--report', report])
    html = readFileSync(report, 'utf8')
    traces = JSON.parse(parseHTML(html).document.querySelector('#results')?.textContent ?? '')
    expect(existsSync(`${report}.checkpoint`)).toBe(false)
  })

  test('ends well, with a line for every run and nothing but text', () => {
    expect(run.code).toBe(0)
    expect(run.out + run.err).not.toMatch(/[^\P{C}\n]/u)
    expect(run.err.match(/^\d+\/\d+ /gm)).toHaveLength(traces.length)
  })
  test('shows every row of the table, the grid with its best and worst, in the report, too', () => {
    const { document } = parseHTML(html)
    const shown = [...document.querySelectorAll('tbody tr')].map((row) =>
      [...row.children].map((cell) => cell.textContent),
    )
    const printed = run.out.split('\n').map((line) => line.split(/\s{3,}/))
    for (const row of shown) expect(printed).toContainEqual(row.filter((cell) => cell !== ''))
    expect(html).toMatch(/\(best\)/)
    expect(html).toMatch(/\(worst\)/)
  })
  test('writes one report that needs nothing else', () => {
    expect(html.replaceAll(/http:\/\/www\.w3\.org\/\d+\/(svg|xlink|xhtml)/g, '')).not.toContain(
      '://',
    )
    const { document } = parseHTML(html)
    expect(document.querySelectorAll('link, img, iframe, script[src]').length).toBe(0)
    expect(document.querySelectorAll('svg').length).toBeGreaterThan(1)
    expect(html).not.toMatch(/NaN|undefined|\[object/)
  })
  test('judges every claim', () => {
    expect(named(name).verdicts(traces).length).toBeGreaterThan(1)
    for (const { because } of named(name).verdicts(traces)) expect(because).toMatch(/\d/)
  })

  if (['normalization', 'prehistory', 'convex'].includes(name))
    test('keeps to the theorems at every step', () => {
      const finals = (key: string) =>
        traces.flatMap(({ final }) => (typeof final[key] === 'number' ? [final[key]] : []))
      const held = finals('gapOverBound')
      expect(held.length).toBeGreaterThan(4)
      for (const quotient of held) expect(quotient).toBeLessThanOrEqual(1)
      for (const quotient of finals('dOverD')) expect(quotient).toBeLessThanOrEqual(1 + 1e-9)
      // The bounds say something: somewhere they are within a factor of twenty.
      expect(Math.max(...held)).toBeGreaterThan(0.05)
    })
})

describe('a fixed seed', () => {
  test.each([
    [
      'convex',
      (run: Run) =>
        run.problem === 'stochastic' && ['Prodigy', 'DoG', 'Adam'].includes(run.method.name),
    ],
    ['vit', (run: Run) => run.method.name === 'Prodigy'],
  ] as const)('gives the same numbers again, and another others: %s', async (name, chosen) => {
    const traces = async (seed: number) => {
      const { runs, ...rest } = await named(name).plan({ scale: 'quick', seeds: 1, seed })
      const path = join(folder, String(Math.random()))
      return (
        (await conduct({ ...rest, runs: runs.filter(chosen) }, checkpointAt(path, ''), silent)) ??
        []
      )
    }
    const first = timeless(await traces(1))
    expect(first.length).toBeGreaterThan(0)
    expect(timeless(await traces(1))).toEqual(first)
    const others = timeless(await traces(2)).map(({ seed: _, ...trace }) => trace)
    expect(others).not.toEqual(first.map(({ seed: _, ...trace }) => trace))
  })
})

describe('an interruption', () => {
  /**
   * Follows a run, cut off after so many steps, and again, each time through text as the checkpoint
   * keeps it.
   */
  async function inPieces(run: Run, length: number): Promise<Trace> {
    let kept: Progress | undefined
    for (;;) {
      let turns = 0
      const trace: Trace | undefined = await follow(
        run,
        {
          every: 0,
          sample() {},
          async turn(save) {
            if (++turns < length) return false
            kept = JSON.parse(JSON.stringify(await save()))
            return true
          },
        },
        kept,
      )
      if (trace) return trace
    }
  }

  test.each([
    ['convex', 'full batch', 'Prodigy GD', 250],
    ['convex', 'stochastic', 'DoG', 700],
    ['vision', 'VGG-like', 'DoG', 15],
    ['vit', 'ViT', 'Prodigy', 20],
    ['lstm', 'LSTM', 'D-Adaptation Adam', 25],
  ])('changes nothing: %s, %s, %s', async (name, problem, method, length) => {
    const run = (await plan(name)).runs.find(
      (each) => each.problem === problem && each.method.name === method,
    ) as Run
    const whole = await follow(run, { every: 1e9, sample() {}, turn: async () => false })
    expect(timeless([await inPieces(run, length)])).toEqual(timeless([whole as Trace]))
  })

  test('leaves a checkpoint, with which the same command goes on, and only the same', async () => {
    const report = join(folder, 'r.html')
    const words = ['normalization', '--quick', '--report', report]
    const interrupted = await talk(words, AbortSignal.abort())
    expect(interrupted.code).toBe(130)
    expect(interrupted.err).toContain(
      'interrupted; to continue: npm start -- talk normalization --quick',
    )
    expect(readdirSync(folder)).toEqual(['r.html.checkpoint'])

    const other = await talk([...words, '--seeds', '2'])
    expect(other.code).toBe(1)
    expect(other.err).toMatch(
      /^error: .*r\.html\.checkpoint is where "npm start -- talk normalization --quick --seeds 1" was interrupted/,
    )

    expect((await talk(words)).code).toBe(0)
    expect(readdirSync(folder)).toEqual(['r.html'])
    const results = (path: string): Trace[] =>
      JSON.parse(
        parseHTML(readFileSync(path, 'utf8')).document.querySelector('#results')?.textContent ?? '',
      )
    const again = join(folder, 'again.html')
    await talk(['normalization', '--quick', '--report', again])
    expect(timeless(results(report))).toEqual(timeless(results(again)))
  })

  test('a file that is no checkpoint is refused, and --fresh begins without it', async () => {
    const report = join(folder, 'r.html')
    writeFileSync(`${report}.checkpoint`, '{"traces":')
    const refused = await talk(['normalization', '--quick', '--report', report])
    expect([refused.code, refused.out]).toEqual([1, ''])
    expect(refused.err).toMatch(/is no checkpoint of an experiment/)
    expect((await talk(['normalization', '--quick', '--report', report, '--fresh'])).code).toBe(0)
    expect(readdirSync(folder)).toEqual(['r.html'])
  })
})

test('--data takes a LIBSVM file of two classes, --svg writes the figures', async () => {
  const rows = Array.from(
    { length: 80 },
    (_, i) => `${i % 3 ? 1 : 0} 1:${Math.sin(i).toFixed(3)} ${2 + (i % 4)}:${(i % 7) / 7}`,
  )
  writeFileSync(join(folder, 'rows'), rows.join('\n'))
  const words = [
    'convex',
    '--quick',
    '--data',
    join(folder, 'rows'),
    '--report',
    join(folder, 'r.html'),
    '--svg',
    join(folder, 'svg'),
  ]
  const { code, out } = await talk(words)
  expect(code).toBe(0)
  expect(out).toMatch(/data +rows, 6\d rows, 6 features/)
  expect(out).not.toContain('not reproduced: d̂')
  const figures = readdirSync(join(folder, 'svg'))
  expect(figures).toContain('convex-full-batch-d.svg')
  for (const name of figures)
    expect(readFileSync(join(folder, 'svg', name), 'utf8')).toMatch(
      /^<svg .*xmlns="http:\/\/www\.w3\.org\/2000\/svg".*<\/svg>$/s,
    )
})

describe('bad input: one line on stderr, exit code 1, nothing written', () => {
  test.each<[string, string[], RegExp]>([
    [
      'an unknown experiment',
      ['visoin'],
      /^error: there is no experiment 'visoin': known are normalization, .*; did you mean 'vision'\?$/,
    ],
    ['no seeds', ['vit', '--seeds', '0'], /^error: .*--seeds.* whole number from 1/],
    ['data for an experiment without', ['vit', '--data', 'f'], /^error: vit takes no --data$/],
    ['no such file', ['convex', '--data', 'gone'], /^error: no such file: .*gone$/],
    [
      'an unknown option',
      ['vit', '--quik'],
      /^error: unknown option '--quik' \(Did you mean --quick\?\)$/,
    ],
    ['a stray argument', ['vit', 'lstm'], /^error: too many arguments/],
    [
      'no folder for the report',
      ['vit', '--report', 'no/such/r.html'],
      /^error: --report: there is no folder/,
    ],
  ])('%s', async (_, words, message) => {
    const before = readdirSync(folder)
    const { code, out, err } = await talk(['--report', join(folder, 'r.html'), ...words])
    expect([code, out]).toEqual([1, ''])
    expect(err.trimEnd()).toMatch(message)
    expect(readdirSync(folder)).toEqual(before)
  })
  test('a file of three classes', async () => {
    writeFileSync(
      join(folder, 'rows'),
      Array.from({ length: 30 }, (_, i) => `${i % 3} 1:${i}`).join('\n'),
    )
    const { err } = await talk([
      'convex',
      '--data',
      join(folder, 'rows'),
      '--report',
      join(folder, 'r.html'),
    ])
    expect(err).toMatch(/^error: rows has 3 classes; logistic regression takes a file of two$/m)
  })
})

test('docs/experiments.md and its figures are those of the records', async () => {
  const { page, figures } = await generateDocs()
  const docs = new URL('../../../docs/', import.meta.url)
  expect(
    readFileSync(new URL('experiments.md', docs), 'utf8') === page,
    'npm start -- talk docs was forgotten',
  ).toBe(true)
  const written = readdirSync(new URL('experiments/', docs)).filter((file) => file.endsWith('.svg'))
  expect(written.sort()).toEqual(Object.keys(figures).sort())
  const differs = written.filter(
    (name) => readFileSync(new URL(`experiments/${name}`, docs), 'utf8') !== figures[name],
  )
  expect(differs).toEqual([])
})
