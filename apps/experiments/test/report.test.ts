// The figures and the report on results that no training run has to produce first.
import { parseHTML } from 'linkedom'
import { expect, test } from 'vitest'
import { ACCURACY, R_SQUARED, type Words } from '../src/objective.ts'
import { renderReport } from '../src/report.ts'
import { parseRuns } from '../src/runs.ts'
import type { Result } from '../src/train.ts'

const result = (
  optimizer: string,
  loss: (step: number) => number,
  score = 0.9,
  d?: (step: number) => number,
): Result => ({
  run: parseRuns(optimizer)[0]!,
  samples: [1, 10, 100, 1000].map((step) => ({ step, loss: loss(step), d: d?.(step) })),
  score,
  loss: loss(1000),
  d: d?.(1000),
  msPerStep: 1,
  execution: { backend: 'wasm', fused: true },
})
const render = (results: Result[], words: Words = ACCURACY) =>
  parseHTML(
    renderReport(results, {
      title: '</title><script>',
      testRows: 50,
      words,
      facts: [['data', '<b>&']],
      notes: ['"\''],
    }),
  ).document

/** The corners of the path of a run's line in a figure. */
const corners = (svg: Element, run: number) =>
  [
    ...(svg.querySelector(`.run-${run} path, path.run-${run}`)?.getAttribute('d') ?? '').matchAll(
      /(-?[\d.]+),(-?[\d.]+)/g,
    ),
  ].map(([, x, y]) => [Number(x), Number(y)] as const)

test('a power law is a straight line on the logarithmic axes, falling for a loss, rising for a distance', () => {
  const document = render([
    result(
      'prodigy',
      (step) => 8 / step,
      0.9,
      (step) => 1e-6 * step ** 2,
    ),
  ])
  const [loss, distance] = [...document.querySelectorAll('svg')].map((svg) => corners(svg, 0))
  for (const [points, sign] of [
    [loss!, 1],
    [distance!, -1],
  ] as const) {
    expect(points.length).toBe(4)
    const slopes = points.slice(1).map(([x, y], i) => (y - points[i]![1]) / (x - points[i]![0]))
    for (const slope of slopes) {
      expect(slope * sign).toBeGreaterThan(0) // y grows downwards
      expect(slope / slopes[0]!).toBeCloseTo(1, 2)
    }
  }
})

test('the figure of the grid has a dot for each rate and a level for each run without; no error counts as half a row', () => {
  const rates = ['adam@1e-3', 'adam@0.01', 'adam@0.1']
  const document = render([
    ...rates.map((name, i) => result(name, (step) => 1 / step, 0.9 + 0.05 * i)),
    result(
      'prodigy',
      (step) => 1 / step,
      1,
      () => 1,
    ),
  ])
  const grid = [...document.querySelectorAll('svg')].at(-1)!
  const dots = [...grid.querySelectorAll('circle')].map((dot) =>
    [dot.getAttribute('cx'), dot.getAttribute('cy')].map(Number),
  )
  expect(dots.length).toBe(3)
  expect(dots[1]![0]! - dots[0]![0]!).toBeCloseTo(dots[2]![0]! - dots[1]![0]!, 1)
  expect(grid.querySelectorAll('line.run-3, .run-3 line').length).toBe(1)
  // Errors of 10 %, 5 % and half of 1 in 50 (1 %), on a logarithmic axis.
  expect((dots[2]![1]! - dots[0]![1]!) / (dots[1]![1]! - dots[0]![1]!)).toBeCloseTo(
    Math.log(10) / Math.log(2),
    1,
  )
})

test('what is no number is left out of the figures and named in the table', () => {
  const document = render([
    result('sgd@1', () => Number.NaN),
    result('prodigy', (s) => (s > 50 ? Number.POSITIVE_INFINITY : 1 / s)),
  ])
  const [loss] = document.querySelectorAll('svg')
  expect([corners(loss!, 0).length, corners(loss!, 1).length]).toEqual([0, 2])
  const cells = [...document.querySelectorAll('tbody td')].map((cell) => cell.textContent)
  expect(cells).toContain('NaN')
  expect(cells).toContain('Infinity')
  expect(document.querySelectorAll('svg').length).toBe(1)
})

test('what the user named stays text', () => {
  const document = render([result('prodigy', () => 1)])
  expect(document.querySelector('h1')!.textContent).toBe('</title><script>')
  expect(document.querySelector('dd')!.textContent).toBe('<b>&')
  expect(
    [...document.querySelectorAll('script')].map((script) => script.getAttribute('type')),
  ).toEqual(['application/json'])
})

test('a quantity is shown by its R², on the axis by what is left of it; what is no number is worst', () => {
  const rates = ['adam@1e-3', 'adam@0.01', 'adam@0.1', 'adam@1']
  const scores = [0.5, 0.95, -1e30, Number.NaN]
  const document = render(
    rates.map((name, i) => result(name, (step) => 1 / step, scores[i])),
    R_SQUARED,
  )
  const heads = [...document.querySelectorAll('thead th')].map((head) => head.textContent)
  expect(heads[2]).toBe('test R²')
  const column = [...document.querySelectorAll('tbody td:nth-of-type(2)')].map(
    (cell) => cell.textContent,
  )
  expect(column).toEqual(['0.500', '0.950', '-1.00e+30', 'NaN'])
  expect(document.querySelector('.lead')!.textContent).toBe(
    'Adam at the best of 4 learning rates (0.01): R² 0.950; at the worst (1): R² NaN.',
  )
  const grid = [...document.querySelectorAll('svg')].at(-1)!
  expect(grid.outerHTML).not.toContain('NaN,')
  const heights = [...grid.querySelectorAll('circle')].map((dot) => Number(dot.getAttribute('cy')))
  // 1 − R² is 0.5, 0.05, and 10 where it is more.
  expect((heights[0]! - heights[1]!) / (heights[2]! - heights[0]!)).toBeCloseTo(
    Math.log(10) / Math.log(20),
    2,
  )
  expect(heights[2]).toBe(heights[3])
  const numbers = JSON.parse(document.querySelector('#results')!.textContent!)
  expect(numbers.map(({ r2 }: { r2: unknown }) => r2)).toEqual([0.5, 0.95, -1e30, 'NaN'])
})
