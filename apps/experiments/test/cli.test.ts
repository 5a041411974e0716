// The app from its command line to its exit code, output and files.
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { parseHTML } from 'linkedom'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { cli } from '../src/cli.ts'

vi.setConfig({ testTimeout: 300_000 }) // never a matter of how busy the machine is

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'freestep-'))
})
const path = (name: string) => join(folder, name)
const write = (name: string, text: string | Uint8Array) => {
  writeFileSync(path(name), text)
  return path(name)
}

async function run(...words: string[]) {
  const [out, err] = [new PassThrough(), new PassThrough()]
  const code = await cli(words, { out, err })
  const text = (stream: PassThrough) => stream.read()?.toString() ?? ''
  return { code, out: text(out) as string, err: text(err) as string }
}

/**
 * Two classes that a line separates but for a few rows, with a quantity, categories, a gap and an
 * identifier.
 */
const flowers = [
  'width,"kind, as <b>seen</b>",id,class',
  ...Array.from({ length: 120 }, (_, i) => {
    const width = (Math.sin(i) * 3 + (i % 2) * 2).toFixed(3)
    return `${i === 7 ? '' : width},${i % 3 ? 'wild' : '"grown ""inside"""'},n${i},${i % 2 ? 'rose' : 'daisy'}`
  }),
].join('\n')

const rows = (out: string) =>
  out
    .slice(out.indexOf('optimizer '))
    .split('\n\n')[0]!
    .split('\n')
    .map((line) => line.split(/\s{2,}/))

describe('a run on a CSV file', () => {
  const options = [
    '--target',
    'class',
    '--ignore',
    'id',
    '--optimizer',
    'prodigy,Adam,dog',
    '--epochs',
    '30',
    '--batch',
    '32',
  ]
  const start = (...more: string[]) =>
    run('--data', write('flowers.csv', flowers), ...options, '--report', path('r.html'), ...more)

  test('prints the table, and writes one report that needs nothing else', async () => {
    const { code, out, err } = await start()
    expect(code).toBe(0)
    const table = rows(out)
    expect(table[0]).toEqual([
      'optimizer',
      'learning rate',
      'test accuracy',
      'final loss',
      'final d',
      'ms per step',
    ])
    const names = table.slice(2).map(([name, rate]) => `${name} ${rate}`)
    const grid = ['1e-5', '1e-4', '1e-3', '0.01', '0.1', '1'].map((rate) => `Adam ${rate}`)
    expect(names).toEqual(['Prodigy none', ...grid, 'DoG none'])
    expect(out).toContain('96 training and 24 test rows')
    expect(out).toContain('Missing values: width 1')
    expect(out).toContain('steps     90 (epochs: 30)')
    expect(out.trimEnd().split('\n').at(-1)).toBe(`Report: ${path('r.html')}`)
    expect(out).toContain('\nSteps were fused, on the wasm backend of tfjs.\n')
    expect(out + err).not.toMatch(/[^\P{C}\n]/u) // no control characters where nobody watches
    expect(err.match(/^Prodigy .*loss .*accuracy .*%.* d /gm)).toHaveLength(4)
    expect(readdirSync(folder).sort()).toEqual(['flowers.csv', 'r.html'])

    const html = readFileSync(path('r.html'), 'utf8')
    expect(html.replaceAll(/http:\/\/www\.w3\.org\/\d+\/(svg|xlink)/g, '')).not.toContain('://')
    const { document } = parseHTML(html)
    expect(document.querySelectorAll('link, img, iframe, script[src], b').length).toBe(0)
    expect(document.querySelectorAll('[href]:not([href^="#"]), [src]').length).toBe(0)
    const cells = [...document.querySelectorAll('tbody tr')].map((row) =>
      [...row.children].map((cell) => cell.textContent),
    )
    expect(cells.map((row) => row.filter((cell) => cell !== ''))).toEqual(table.slice(2))
    const results = JSON.parse(document.querySelector('#results')!.textContent!)
    expect(results.map(({ samples }: { samples: unknown[] }) => samples.length > 40)).toEqual(
      Array(8).fill(true),
    )
    for (const [i, { accuracy, loss, d }] of results.entries()) {
      const [share, final, distance] = table[i + 2]!.slice(2).map(Number.parseFloat)
      expect(share).toBeCloseTo(100 * accuracy, 2)
      expect(Math.abs(final! / loss - 1)).toBeLessThan(0.005)
      if (d !== undefined) expect(Math.abs(distance! / d - 1)).toBeLessThan(0.005)
    }
    expect(document.querySelectorAll('svg').length).toBe(3)
    // One line per run in each of the figures over steps that has something to draw.
    expect(
      document.querySelectorAll('path[class^="run-"], g[class^="run-"]').length,
    ).toBeGreaterThanOrEqual(10)
  })

  test('gives the same table for the same seed, whatever was trained before, and another for another', async () => {
    const results = async (seed: string) =>
      rows((await start('--seed', seed)).out).map((row) => row.slice(0, -1))
    const first = await results('3')
    const other = await results('4')
    expect(await results('3')).toEqual(first)
    expect(other).not.toEqual(first)
  })

  test('takes steps operation by operation if asked, with nearly the same results', async () => {
    const losses = (out: string) =>
      rows(out)
        .slice(2)
        .map((row) => Number(row[3]))
    const [fused, eager] = [(await start()).out, (await start('--eager')).out]
    expect(eager).toContain(
      '\nSteps were taken operation by operation, on the wasm backend of tfjs.\n',
    )
    const expected = losses(eager)
    for (const [i, loss] of losses(fused).entries())
      expect(Math.abs(loss / expected[i]! - 1)).toBeLessThan(0.01)
    expect(readFileSync(path('r.html'), 'utf8')).toContain(
      '<dd>taken operation by operation, on the wasm backend of tfjs</dd>',
    )
  })

  test('gives nearly the same losses on both backends', async () => {
    const losses = async (backend: string) =>
      rows((await start('--backend', backend, '--optimizer', 'prodigy,adam@0.01')).out)
        .slice(2)
        .map((row) => Number(row[3]))
    const [wasm, cpu] = [await losses('wasm'), await losses('cpu')]
    for (const [i, loss] of wasm.entries()) expect(Math.abs(loss / cpu[i]! - 1)).toBeLessThan(0.02)
  })

  test('shows a loss that is no number as what it is, in the report too', async () => {
    const { code, out } = await start('--optimizer', 'sgd@1e30,prodigy')
    expect(code).toBe(0)
    expect(rows(out)[2]!.slice(0, 2)).toEqual(['SGD', '1e+30'])
    expect(rows(out)[2]![3]).toBe('NaN')
    expect(readFileSync(path('r.html'), 'utf8')).toContain('<td>NaN</td>')
  })
})

describe('a run on a quantity', () => {
  /** Prices that are linear in the area and the age, but for a hundredth. */
  const houses = [
    'fläche;alter;preis',
    ...Array.from({ length: 200 }, (_, i) => {
      const [area, age] = [80 + 40 * Math.sin(i), i % 50]
      const price = 1000 + 20 * area - 10 * age + 5 * Math.sin(17 * i)
      return `${area.toFixed(2).replace('.', ',')};${age};${price.toFixed(1).replace('.', ',')}`
    }),
  ].join('\r\n')

  test('has R² in the table and in the report, and says what everything was taken as', async () => {
    const file = write('häuser.csv', `\ufeff${houses}\r\n`)
    const words = [
      '--data',
      file,
      '--target',
      'preis',
      '--model',
      'logistic',
      '--report',
      path('r.html'),
    ]
    const { code, out, err } = await run(
      ...words,
      '--optimizer',
      'prodigy,adam@0.1,adam@0.01,adam@1e-3',
    )
    expect([code, out]).toEqual([0, expect.stringContaining('preis: a quantity, mean ')])
    expect(rows(out)[0]![2]).toBe('test R²')
    for (const [name, rate, r2] of rows(out).slice(2, 4)) {
      expect([`${name} ${rate}`, Number(r2) > 0.99]).toEqual([
        expect.stringMatching(/^(Prodigy none|Adam 0.1)$/),
        true,
      ])
    }
    expect(out).toContain(
      'preis holds numbers, taken as a quantity; for classes say --task classification.',
    )
    expect(out).toContain('Numbers: alter.\nNumbers with a decimal comma: fläche.')
    expect(out).toContain('Without a learning rate: Prodigy R² 1.000.')
    expect(out).toContain(
      '  model     logistic 2-1\n  loss      mean squared error of the standardised target\n  batch     8\n',
    )
    expect(out).toContain('  steps     600 (epochs: 30), lr falls by a cosine')
    expect(err).toMatch(/^Prodigy .* 100% .* R² 1\.000/m)
    const html = readFileSync(path('r.html'), 'utf8')
    expect(html).toContain('<th scope="col">test R²</th>')
    expect(html).toContain('left unexplained, 1 − R²')
    expect(html).not.toContain('NaN')
  })
  test('of words is refused', async () => {
    const file = write('f.csv', flowers)
    const { code, err } = await run(
      '--data',
      file,
      '--target',
      'class',
      '--task',
      'regression',
      '--report',
      path('r.html'),
    )
    expect([code, err]).toEqual([
      1,
      "error: f.csv: column 'class' holds 'daisy', which is not a number; leave out --task to predict classes\n",
    ])
  })
})

test('a run on LIBSVM text, by logistic regression', async () => {
  const text = Array.from(
    { length: 60 },
    (_, i) => `${i % 2 ? '+1' : '-1'} ${1 + (i % 2)}:1 ${3 + (i % 5)}:0.5`,
  ).join('\n')
  const { code, out } = await run(
    ...[
      '--data',
      write('data', text),
      '--model',
      'logistic',
      '--optimizer',
      'prodigy',
      '--quick',
      '--report',
      path('r.html'),
    ],
  )
  expect(code).toBe(0)
  expect(out).toContain('model     logistic 7-2')
  expect(rows(out)[2]![2]).toBe('100.00%')
})

test('a run on MNIST', async () => {
  const { code, out } = await run('--quick', '--optimizer', 'prodigy', '--report', path('r.html'))
  expect(code).toBe(0)
  expect(out).toContain('60,000 training and 10,000 test rows')
  expect(out).toContain('LeCun')
  expect(Number.parseFloat(rows(out)[2]![2]!)).toBeGreaterThan(90)
})

describe('bad input: one line on stderr, exit code 1, nothing written', () => {
  const csv = () => write('f.csv', flowers)
  test.each<[string, () => string[], RegExp]>([
    ['no such file', () => ['--data', path('gone.csv')], /^error: no such file: .*gone\.csv$/],
    ['a folder', () => ['--data', folder], /^error: a folder, not a file: /],
    [
      'no text',
      () => ['--data', write('f.csv', Uint8Array.of(97, 255))],
      /^error: not UTF-8 text: .*f\.csv; save it as CSV UTF-8$/,
    ],
    [
      'no such column',
      () => ['--data', csv(), '--target', 'clas'],
      /^error: f\.csv has no column 'clas' \(--target\); did you mean 'class'\?$/,
    ],
    [
      'an empty file',
      () => ['--data', write('f.csv', ''), '--target', 'y'],
      /^error: f\.csv is empty$/,
    ],
    [
      'a single class',
      () => ['--data', write('f.csv', 'x,y\n1,a\n2,a'), '--target', 'y'],
      /^error: f\.csv: column 'y' holds a single class/,
    ],
    [
      'a stray word',
      () => ['--data', write('f.csv', `${flowers}\nwide,wild,n,rose`), '--target', 'class'],
      /^error: f\.csv, line 122, column 'width': 'wide' is not a number/,
    ],
    [
      'an unknown optimizer',
      () => ['--optimizer', 'adam,prodgy'],
      /^error: unknown optimizer 'prodgy': known are prodigy, dadaptAdam, dog, adam, adamW, sgd; did you mean 'prodigy'\?$/,
    ],
    ['no optimizer', () => ['--optimizer', ''], /^error: unknown optimizer ''/],
    [
      'a bad learning rate',
      () => ['--optimizer', 'adam@fast'],
      /^error: --optimizer 'adam@fast': a learning rate above 0/,
    ],
    ['no epochs', () => ['--epochs', '0'], /^error: .*--epochs.* whole number from 1/],
    ['half an epoch', () => ['--epochs', '0.5'], /^error: .*--epochs/],
    ['a batch of words', () => ['--batch', 'many'], /^error: .*--batch/],
    ['a negative seed', () => ['--seed', '-1'], /^error: .*--seed/],
    ['an unknown model', () => ['--model', 'forest'], /^error: .*mlp, logistic/],
    ['an unknown backend', () => ['--backend', 'webgl'], /^error: .*wasm, cpu/],
    [
      'an unknown option',
      () => ['--epoch', '3'],
      /^error: unknown option '--epoch' \(Did you mean --epochs\?\)$/,
    ],
    ['a missing value', () => ['--data'], /^error: .*--data/],
    ['a stray argument', () => ['prodigy'], /^error: too many arguments/],
    ['columns without data', () => ['--target', 'y'], /^error: --target, .*--data FILE$/],
    ['a task without data', () => ['--task', 'regression'], /^error: --target, .*--data FILE$/],
    ['an unknown task', () => ['--task', 'ranking'], /^error: .*classification, regression/],
    ['a header of no kind', () => ['--header', 'maybe'], /^error: .*yes, no/],
    ['decimals of no kind', () => ['--decimal', 'dot'], /^error: .*point, comma/],
    [
      'no folder for the report',
      () => ['--report', join(folder, 'gone', 'r.html')],
      /^error: --report: there is no folder/,
    ],
    ['a folder as report', () => ['--report', folder], /^error: --report: .* is not a file$/],
  ])('%s', async (_, words, message) => {
    const given = words()
    const before = readdirSync(folder)
    const report = given.includes('--report') ? [] : ['--report', path('r.html')]
    const { code, out, err } = await run(...report, ...given)
    expect([code, out]).toEqual([1, ''])
    expect(err.endsWith('\n')).toBe(true)
    expect(err.trimEnd()).toMatch(message)
    expect(err.trimEnd()).not.toContain('\n')
    expect(readdirSync(folder)).toEqual(before)
  })
  test('an old report survives', async () => {
    write('r.html', 'old')
    const { code } = await run(
      '--data',
      write('f.csv', 'x,y\n'),
      '--target',
      'y',
      '--report',
      path('r.html'),
    )
    expect([code, readFileSync(path('r.html'), 'utf8')]).toEqual([1, 'old'])
  })
})

test('--help lists the options and is no error', async () => {
  const { code, out, err } = await run('--help')
  expect([code, err]).toEqual([0, ''])
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const options = [...readme.matchAll(/^\| `(--[a-z]+)/gm)].map(([, option]) => option!)
  const talk = ['--seeds', '--svg', '--fresh', '--record']
  expect(options.length).toBeGreaterThan(20)
  for (const option of options.filter((each) => !talk.includes(each))) expect(out).toContain(option)
  for (const word of ['2026-12-31', '1.234,5', 'R²', '30 epochs', 'cosine', 'talk'])
    expect(out).toContain(word)
})
