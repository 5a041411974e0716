/**
 * The built site in headless Chromium: every page, on a desk and on a phone, light and dark. What
 * its interactive parts do is in chooser.test.ts and playground.test.ts.
 */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
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
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' }).map((name) =>
    name.replaceAll('\\', '/'),
  )
  return names.filter((name) => name.endsWith('.html') && name !== '404.html').sort()
}

/** The pages that are written by hand. */
const written = pages.filter((name) => !name.startsWith('api/'))

/** One of each kind: of the API pages, whose kinds are folders, the longest. */
const kinds = [
  ...[
    ...[
      'index',
      'start',
      'choose-an-adapter',
      'choose-an-algorithm',
      'how-it-works',
      'algorithms/index',
      'algorithms/prodigy',
    ],
    ...[
      'wrappers/scheduleFree',
      'coming-from/pytorch',
      'packages/cpu',
      'playground/index',
      'playground/digits',
      'experiments',
    ],
    ...['benchmarks', 'api/index', 'api/core/index'],
  ].map((name) => `${name}.html`),
  ...longest(pages.filter((name) => name.startsWith('api/') && !name.endsWith('/index.html'))),
]

/** The longest page in folders of each name. */
function longest(names: readonly string[]): string[] {
  const size = (name: string) => statSync(join(folder, name)).size
  const found = new Map<string, string>()
  for (const name of names) {
    const kind = basename(dirname(name))
    if (!found.has(kind) || size(name) > size(found.get(kind) as string)) found.set(kind, name)
  }
  return [...found.values()]
}

/**
 * Goes to a page of the site as a click on a link does, waits until it is there, and gives the
 * width of what is shown.
 */
function follow(page: Page, name: string): Promise<number> {
  const shown = `_${name.replace(/(index)?\.html$/, '')}`
    .replace(/[./]+/g, '_')
    .replace(/[^\w-]/g, '\\$&')
  const content = name === 'index.html' ? '.front h1' : `.vp-doc.${shown}`
  return page.evaluate(
    async ([path, content]) => {
      const link = document.body.appendChild(document.createElement('a'))
      link.href = path
      link.click()
      link.remove()
      // No frame is asked for: a browser that draws for several pages is slow to give one.
      while (!document.querySelector(content))
        await new Promise((resolve) => setTimeout(resolve, 5))
      return document.documentElement.scrollWidth
    },
    [`/${name}`, content] as const,
  )
}

/** How many look at pages at the same time. */
const visitors = 2

/**
 * Shares pages out: each visitor comes with a way to look at one, and takes the next that nobody
 * has taken.
 */
async function share(
  names: readonly string[],
  visitor: () => Promise<(name: string) => Promise<void>>,
): Promise<void> {
  const left = names.values()
  const one = async () => {
    const look = await visitor()
    for (const name of left) await look(name)
  }
  await Promise.all(Array.from({ length: visitors }, one))
}

describe.skipIf(missing)('the site', () => {
  const open = openPages()

  test('there are pages', () => {
    expect(written.length).toBeGreaterThan(45)
    expect(pages.length).toBeGreaterThan(250)
    const found = kinds
      .filter((name) => name.startsWith('api/'))
      .map((name) => basename(dirname(name)))
    expect(found).toEqual(
      expect.arrayContaining(['classes', 'functions', 'interfaces', 'type-aliases', 'variables']),
    )
  })

  test('every page that is written by hand, and one of each kind, as it is served: no error, no other host, nothing serious', async () => {
    const found: string[] = []
    await share([...new Set([...kinds, ...written])], async () => {
      const { page, wrong } = await open()
      return async (name) => {
        await page.goto(site() + name, { waitUntil: 'load' })
        await page.locator('.VPContent :is(h1, h2)').first().waitFor()
        const parts = kinds.includes(name) ? everything : whatIsItsOwn
        found.push(
          ...wrong.splice(0),
          ...(await faults(page, parts)).map((fault) => `${name}: ${fault}`),
        )
      }
    })
    expect(found).toEqual([])
  })

  test('one of each kind on a phone, dark: nothing serious', async () => {
    const found: string[] = []
    await share(kinds, async () => {
      const { page } = await open({ width: 390, dark: true })
      await page.goto(site())
      return async (name) => {
        await follow(page, name)
        found.push(...(await faults(page, everything)).map((fault) => `${name}: ${fault}`))
      }
    })
    expect(found).toEqual([])
  })

  test('every page at 1280 and 390 pixels, by links: no error, no other host, nothing sticks out', async () => {
    const found: string[] = []
    await share(pages, async () => {
      const { page, wrong } = await open()
      await page.goto(site())
      let [now, next] = [1280, 390]
      const measured = (name: string, wide: number) => {
        if (wide > now) found.push(`${name}: ${wide} of ${now}`)
      }
      return async (name) => {
        measured(name, await follow(page, name))
        // The next page comes at the width that this one ends with.
        ;[now, next] = [next, now]
        await page.setViewportSize({ width: now, height: 844 })
        measured(name, await page.evaluate(() => document.documentElement.scrollWidth))
        found.push(...wrong.splice(0))
      }
    })
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

  test('the bar at the side leads to every page that is written by hand', async () => {
    const html = await (await fetch(`${site()}start.html`)).text()
    const linked = (name: string) =>
      html.includes(` href="/${name.replace(/(^|\/)index\.html$/, '$1')}"`)
    expect(written.filter((name) => name !== 'index.html' && !linked(name))).toEqual([])
  })

  test('formulas are set in the page as it is served', async () => {
    const response = await fetch(`${site()}algorithms/prodigy.html`)
    const html = await response.text()
    expect(html).toContain('class="katex-display"')
    expect(html).not.toContain('katex-error')
  })
})

/**
 * All of a page; and what is not alike on all: the frame is, and so are formulas and the colours of
 * code.
 */
const everything = { include: ['body'] }
const whatIsItsOwn = { include: ['.VPContent .main'], exclude: ['.katex', 'pre.shiki'] }

/** What axe calls serious or worse, in parts of the page. */
async function faults(page: Page, parts: typeof everything): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe.source)
  const { violations } = await page.evaluate(
    (parts) =>
      (window as unknown as { axe: typeof axe }).axe.run(parts, { resultTypes: ['violations'] }),
    parts,
  )
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(
        ({ target, failureSummary }) => `${id} ${target} ${failureSummary?.split('\n')[1]?.trim()}`,
      ),
    )
}
