/**
 * The playgrounds: what they compute, against formulas that are written here; what they draw, read
 * back from where the curves are; what they train, until it reads nine of ten digits.
 */
import type { Page } from 'playwright'
import { describe, expect, test, vi } from 'vitest'
import { descend } from '../src/descent/descend.ts'
import { algorithmOf, methodNames } from '../src/descent/methods.ts'
import { distances, problems } from '../src/descent/problems.ts'
import { fromQuery, setupOf, toQuery } from '../src/descent/setup.ts'
import { curve, missing, openPages, site } from './browser.ts'

// Only ends a test that hangs.
vi.setConfig({ testTimeout: 900_000 })

describe('problems', () => {
  test.each(problems)('$title: the gradient is that of f, the solution is one', (problem) => {
    const { f, g, solution, start, window } = problem
    const points = [
      start,
      start.map((x, i) => 0.3 * x + 0.1 * (i + 1)),
      window.map(([least, most]) => 0.4 * least + 0.6 * most),
    ]
    for (const x of points) {
      const h = 1e-6
      const slopes = x.map((_, i) => {
        const moved = (by: number) => f(x.map((xj, j) => (i === j ? xj + by : xj)))
        return (moved(h) - moved(-h)) / (2 * h)
      })
      for (const [i, gi] of g(x).entries()) expect(gi).toBeCloseTo(slopes[i], 4)
    }
    for (const x of points)
      for (const t of [1, 0.1, 1e-3])
        expect(f(solution)).toBeLessThanOrEqual(f(x.map((xi, i) => t * xi + (1 - t) * solution[i])))
  })
  test('distances', () => expect(distances(problems[2], [3, -4])).toEqual({ l2: 5, max: 4 }))
})

describe('methods', () => {
  const quadratic = problems[2]
  const circumstances = { problem: quadratic, start: [8, 2], steps: 50, falling: false }

  test.each(methodNames)('%s can be run on everything', (name) => {
    for (const problem of problems)
      for (const falling of [false, true])
        expect(
          algorithmOf({ name }, { ...circumstances, problem, start: problem.start, falling }).name,
        ).toBe(name)
  })
  test('gradient descent is the closed form', async () => {
    const { x, gap } = await descend({ name: 'sgd', lr: 0.015 }, circumstances)
    expect(x).toHaveLength(51)
    x.forEach(([x0, x1], k) => {
      expect(x0).toBeCloseTo(8 * 0.985 ** k, 10)
      expect(x1).toBeCloseTo(2 * (-0.5) ** k, 10)
      expect(gap[k]).toBeCloseTo((x0 ** 2 + 100 * x1 ** 2) / 2, 10)
    })
  })
  test('what runs away ends', async () => {
    const { x } = await descend({ name: 'sgd', lr: 1 }, circumstances)
    expect(x.length).toBeLessThan(10)
  })
  test('polyak is told the least value, and takes the step that it gives', async () => {
    const { x } = await descend(
      { name: 'polyak' },
      { ...circumstances, problem: problems[0], start: [5] },
    )
    const f = 5 + 0.5001 * 16
    const g = 1 + 1.0002 * 4
    const least = problems[0].f(problems[0].solution)
    expect(x[1][0]).toBeCloseTo(5 - (f - least) / g, 12)
  })
})

describe('sharing', () => {
  test('a setup is its query', () => {
    const setup = {
      ...setupOf('rosenbrock'),
      start: [-1.5, 0.25],
      steps: 77,
      at: 13,
      falling: true,
      choices: [{ name: 'adam', lr: 0.03 }, { name: 'dog' }],
    }
    expect(fromQuery(toQuery(setup))).toEqual(setup)
  })
  test('nonsense is as at first', () => {
    const usual = setupOf('kink')
    expect(fromQuery('problem=none&start=a,b&steps=x&at=')).toEqual({ ...usual, at: 0 })
    expect(fromQuery('steps=1e9&methods=eval,prodigy,prodigy').choices).toEqual([
      { name: 'prodigy' },
    ])
    expect(fromQuery('steps=1e9').steps).toBe(2000)
  })
})

/** A cell of the table of small problems. */
const cell = (page: Page, method: string, column: number) =>
  page.locator(`[data-method="${method}"] td`).nth(column).textContent()

describe.skipIf(missing)('small problems, in the page', () => {
  const open = openPages()

  test('draws the estimates, the loss and the paths that the table says', async () => {
    const { page, wrong } = await open()
    await page.goto(
      `${site()}playground/?problem=quadratic&start=8,2&steps=40&methods=prodigyGd,sgd:0.015&at=40`,
    )
    await page.locator('[data-chart=estimates] path[aria-label=prodigyGd]').waitFor()
    const estimates = await curve(page, 'estimates', 'prodigyGd')
    expect(estimates).toHaveLength(41)
    expect(estimates[0].y).toBeCloseTo(1e-6, 9)
    expect(estimates[40].y).toBeCloseTo(Number(await cell(page, 'prodigyGd', 2)), 2)
    // d is at most the distance, which is drawn too.
    const across = await page
      .locator('[data-chart=estimates] [aria-label=rule] line[aria-label="‖x₀ − x*‖₂"]')
      .count()
    expect(across).toBe(1)
    for (const { y } of estimates) expect(y).toBeLessThanOrEqual(Math.hypot(8, 2))

    const losses = await curve(page, 'losses', 'sgd 0.015')
    losses.forEach(({ x, y }) => {
      const k = Math.round(x)
      expect(y).toBeCloseTo((64 * 0.985 ** (2 * k) + 400 * 0.25 ** k) / 2, 0)
    })
    const path = await curve(page, 'paths', 'sgd 0.015')
    path.slice(0, 6).forEach(({ x, y }, k) => {
      expect(x).toBeCloseTo(8 * 0.985 ** k, 1)
      expect(y).toBeCloseTo(2 * (-0.5) ** k, 1)
    })
    expect(wrong).toEqual([])
  })

  test('scrubs, adds a method, starts where one clicks, and is shared by its address', async () => {
    const { page, wrong } = await open()
    await page.goto(`${site()}playground/?problem=rosenbrock&steps=100&methods=prodigy`)
    await page.locator('[data-method=prodigy]').waitFor()
    await page.locator('.scrub input[type=range]').fill('0')
    await expect.poll(() => cell(page, 'prodigy', 0)).toBe('-1.200, 1.000')
    await page.click('.chip:text-is("dog")')
    await page.locator('[data-method=dog]').waitFor()
    const box = await page.locator('[data-chart=paths] svg').boundingBox()
    await page
      .locator('[data-chart=paths] svg')
      .click({ position: { x: (box?.width ?? 0) / 2, y: (box?.height ?? 0) / 2 } })
    await expect.poll(() => cell(page, 'dog', 0)).not.toBe('-1.200, 1.000')
    const [there, address] = [await cell(page, 'dog', 0), page.url()]
    await page.click('.chip:text-is("Copy link")')
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(address)

    const other = await open()
    await other.page.goto(address)
    await expect.poll(() => cell(other.page, 'dog', 0)).toBe(there)
    expect([...wrong, ...other.wrong]).toEqual([])
  })
})

/** A number of the table of the race. */
const number = async (page: Page, run: string, column: string) =>
  Number.parseFloat(
    (await page.locator(`[data-run="${run}"] [data-cell=${column}]`).textContent()) || '0',
  )

describe.skipIf(missing)('handwritten digits, in the page', () => {
  const open = openPages()

  test('in WebAssembly, Prodigy reads nine of ten; stops, goes on, and does so behind a hidden tab; what is drawn is what is said', async () => {
    const { page, wrong } = await open()
    await page.goto(`${site()}playground/digits.html?device=wasm&lr=0.00001`, {
      waitUntil: 'networkidle',
    })
    await page.click('button:text-is("Train")')
    const accuracy = () => number(page, 'prodigy', 'accuracy')
    const step = () => number(page, 'prodigy', 'step')
    await expect.poll(step, { timeout: 600_000 }).toBeGreaterThan(9)

    await page.click('button:text-is("Stop")')
    await page.waitForFunction(() => document.querySelector('[data-state=paused]'))
    // A turn may still be under way.
    await page.waitForTimeout(1000)
    const stopped = await step()
    await page.waitForTimeout(1000)
    expect(await step()).toBe(stopped)
    await page.click('button:text-is("Go on")')
    await expect.poll(step, { timeout: 600_000 }).toBeGreaterThan(stopped)

    // A hidden tab shows no frames; training goes on in its worker, and the charts catch up.
    await page.evaluate(() => {
      const { requestAnimationFrame } = window
      window.requestAnimationFrame = () => 0
      Object.assign(window, { shown: requestAnimationFrame })
    })
    const hidden = await step()
    const drawn = await curve(page, 'losses', 'Prodigy')
    await expect.poll(step, { timeout: 600_000 }).toBeGreaterThan(hidden + 9)
    expect(await curve(page, 'losses', 'Prodigy')).toEqual(drawn)
    await page.evaluate(() => {
      window.requestAnimationFrame = (
        window as unknown as { shown: typeof requestAnimationFrame }
      ).shown
    })

    await expect.poll(accuracy, { timeout: 600_000, interval: 500 }).toBeGreaterThan(90)
    // Adam at a learning rate that is far too small, on the same batches.
    expect(await number(page, 'adam', 'accuracy')).toBeLessThan(80)
    expect(await number(page, 'prodigy', 'speed')).toBeGreaterThan(0)
    expect(await number(page, 'prodigy', 'd')).toBeGreaterThan(1e-4)

    await page.click('button:text-is("Stop")')
    await page.waitForTimeout(1000)
    const [accuracies, estimates] = [
      await curve(page, 'accuracy', 'Prodigy'),
      await curve(page, 'estimates', 'Prodigy'),
    ]
    expect(accuracies.at(-1)?.y).toBeCloseTo(await accuracy(), 0)
    expect(estimates.at(-1)?.x).toBeCloseTo(await step(), -1)
    expect(estimates.at(-1)?.y).toBeCloseTo(await number(page, 'prodigy', 'd'), 4)
    // The picture of the digits, and what they are taken for.
    expect(await page.locator('.sample li').count()).toBe(20)
    expect(await page.locator('.sample li.wrong').count()).toBeLessThan(8)

    // Another rate: Adam starts again, and what it reached stays to be seen.
    await page.locator('.rate input').fill('-3')
    await page.locator('.rate input').dispatchEvent('change')
    await page.click('button:text-is("Go on")')
    await expect
      .poll(() => number(page, 'adam', 'accuracy'), { timeout: 600_000, interval: 500 })
      .toBeGreaterThan(60)
    expect(await page.locator('[data-run^=tried]').textContent()).toContain('Adam, lr 0.00001')
    expect((await curve(page, 'losses', 'Adam, lr 0.00001')).length).toBeGreaterThan(3)
    expect(wrong).toEqual([])
  })

  test('on WebGPU, Prodigy learns', async () => {
    const { page, wrong } = await open()
    await page.goto(`${site()}playground/digits.html?device=webgpu`, { waitUntil: 'networkidle' })
    await page.click('button:text-is("Train")')
    await expect
      .poll(() => page.textContent('[role=status]'), { timeout: 600_000 })
      .toContain('WebGPU')
    await expect
      .poll(() => number(page, 'prodigy', 'accuracy'), { timeout: 600_000, interval: 500 })
      .toBeGreaterThan(60)
    expect(wrong).toEqual([])
  })
})
