/**
 * The built site in headless Chromium: every page, on a desk and on a phone, light and dark. What its interactive parts do is in
 * chooser.test.ts and playground.test.ts.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import axe from 'axe-core'
import type { Page } from 'playwright'
import { describe, expect, inject, test, vi } from 'vitest'
import { missing, openPages, site } from './browser.ts'
import { root } from './markdown.ts'

// Only ends a test that hangs.
vi.setConfig({ testTimeout: 900_000 })

const folder = join(root, 'apps/docs/site')
const pages = missing || !inject('site') || !existsSync(folder) ? [] : htmlIn(folder)

function htmlIn(path: string): string[] {
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll('\\', '/'))
  return names.filter((name) => name.endsWith('.html') && name !== '404.html').sort()
}

/** The pages that are written by hand. */
const written = pages.filter((name) => !name.startsWith('api/'))

/** One of each kind. */
const kinds = [
  ...['index', 'start', 'choose-an-adapter', 'choose-an-algorithm', 'how-it-works', 'algorithms/index', 'algorithms/prodigy'],
  ...['wrappers/scheduleFree', 'coming-from/pytorch', 'packages/cpu', 'playground/index', 'playground/digits'],
  ...['api/index', 'api/core/index', 'api/core/functions/createOptimizer', 'api/core/interfaces/Optimizer'],
].map((name) => `${name}.html`)

/** Goes to a page of the site as a click on a link does, and waits until it is there. */
async function follow(page: Page, name: string): Promise<void> {
  await page.evaluate((path) => {
    const link = document.body.appendChild(document.createElement('a'))
    link.href = path
    link.click()
    link.remove()
  }, `/${name}`)
  const shown = `_${name.replace(/(index)?\.html$/, '')}`.replace(/[./]+/g, '_')
  if (name === 'index.html') await page.locator('.front h1').waitFor()
  else await page.locator(`.vp-doc.${escaped(shown)}`).waitFor()
}

const escaped = (text: string) => text.replace(/[^\w-]/g, (character) => `\\${character}`)

/** The pages that stick out at the side. */
const width = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth)

describe.skipIf(missing)('the site', () => {
  const open = openPages()

  test('there are pages', () => {
    expect(written.length).toBeGreaterThan(45)
    expect(pages.length).toBeGreaterThan(250)
  })

  test('every page that is written by hand, as it is served: no error, no other host', async () => {
    const { page, wrong } = await open()
    for (const name of written) {
      await page.goto(site() + name, { waitUntil: 'load' })
      await page.locator('.VPContent :is(h1, h2)').first().waitFor()
    }
    expect(wrong).toEqual([])
  })

  test.each([1280, 390])('every page at %i pixels, by links: no error, no other host, nothing sticks out', async (wanted) => {
    const { page, wrong } = await open({ width: wanted })
    const wide: string[] = []
    await page.goto(site())
    for (const name of pages) {
      await follow(page, name)
      const found = await width(page)
      if (found > wanted) wide.push(`${name}: ${found}`)
    }
    expect(wrong).toEqual([])
    expect(wide).toEqual([])
  })

  test.each([
    { width: 1280, dark: false },
    { width: 390, dark: true },
  ])('axe finds nothing serious at $width pixels, dark: $dark', async (kind) => {
    const { page } = await open(kind)
    const found: string[] = []
    for (const name of kinds) {
      await page.goto(site() + name, { waitUntil: 'networkidle' })
      found.push(...(await faults(page)).map((fault) => `${name}: ${fault}`))
    }
    expect(found).toEqual([])
  })

  test('a search finds an option, an algorithm and an export', async () => {
    const { page, wrong } = await open()
    await page.goto(`${site()}start.html`)
    for (const [words, target] of [
      ['safeguardWarmup', 'algorithms/prodigy'],
      ['coin betting', 'algorithms/cocob'],
      ['createOptimizer', 'api/'],
    ]) {
      await page.keyboard.press('Control+k')
      await page.locator('.VPLocalSearchBox input').fill(words)
      await page.locator(`.VPLocalSearchBox a[href*="${target}"]`).first().waitFor()
      await page.keyboard.press('Escape')
    }
    expect(wrong).toEqual([])
  })

  test('formulas are set in the page as it is served', async () => {
    const response = await fetch(`${site()}algorithms/prodigy.html`)
    const html = await response.text()
    expect(html).toContain('class="katex-display"')
    expect(html).not.toContain('katex-error')
  })
})

/** What axe calls serious or worse. */
async function faults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate(() =>
    (window as unknown as { axe: typeof axe }).axe.run(document, { resultTypes: ['violations'] }),
  )
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id} ${target} ${failureSummary?.split('\n')[1]?.trim()}`),
    )
}
