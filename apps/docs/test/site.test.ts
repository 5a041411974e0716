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

vi.setConfig({ testTimeout: 0 })

const folder = join(root, 'apps/docs/site')
const pages = missing || !inject('site') || !existsSync(folder) ? [] : htmlIn(folder)

function htmlIn(path: string): string[] {
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll('\\', '/'))
  return names.filter((name) => name.endsWith('.html') && name !== '404.html').sort()
}

/** The pages that are written by hand, and some of each kind that typedoc writes. */
const written = pages.filter((name) => !name.startsWith('api/'))
const looked = [
  ...written,
  ...pages.filter((name) =>
    /^api\/(index|core\/(index|functions\/createOptimizer|interfaces\/Optimizer|variables\/prodigy))\.html/.test(name),
  ),
]

describe.skipIf(missing)('the site', () => {
  const open = openPages()

  test('there are pages', () => {
    expect(written.length).toBeGreaterThan(45)
    expect(pages.length).toBeGreaterThan(250)
  })

  test.each([1280, 390])('every page at %i pixels: no error, no other host, nothing that sticks out', async (width) => {
    const tabs = await Promise.all([open({ width }), open({ width })])
    const rest = pages.slice()
    const wide: string[] = []
    await Promise.all(
      tabs.map(async ({ page }) => {
        for (let name = rest.shift(); name; name = rest.shift()) {
          await page.goto(site() + name, { waitUntil: 'load' })
          await page.waitForSelector('.VPContent :is(h1, h2)')
          const found = await page.evaluate(() => document.documentElement.scrollWidth)
          if (found > width) wide.push(`${name}: ${found}`)
        }
      }),
    )
    expect(tabs.flatMap(({ wrong }) => wrong)).toEqual([])
    expect(wide).toEqual([])
  })

  const kinds = [
    { width: 1280, dark: false },
    { width: 390, dark: true },
  ]
  test.each(kinds)('axe finds nothing serious at $width pixels, dark: $dark', async (kind) => {
    const { page } = await open(kind)
    const found: string[] = []
    for (const name of looked) {
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
