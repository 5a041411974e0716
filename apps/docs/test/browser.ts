/**
 * The browser for the tests of the site: pages that remember what went wrong on them. Not the
 * tests.
 */
import { type Browser, chromium as driver, type Page } from 'playwright'
import { afterAll, beforeAll, inject } from 'vitest'
import { absent, chromium, softwareWebGPU } from '../../../scripts/absent.ts'

/** Why there is nothing to test with, if so. */
export const missing = absent('chromium', chromium ? undefined : 'there is no Chromium')

/** Where the site is. */
export const site = (): string => inject('site')

/** A page, and what was wrong on it: errors, and requests to other hosts. */
export interface Visit {
  readonly page: Page
  readonly wrong: string[]
}

/** How to open pages, for the tests of a file. */
export function openPages(): (options?: { width?: number; dark?: boolean }) => Promise<Visit> {
  let browser: Browser
  beforeAll(async () => {
    browser = await driver.launch({ executablePath: chromium, args: softwareWebGPU })
  })
  afterAll(() => browser?.close())

  return async ({ width = 1280, dark = false } = {}) => {
    const context = await browser.newContext({
      viewport: { width, height: width < 500 ? 844 : 900 },
      colorScheme: dark ? 'dark' : 'light',
      // Nothing moves while it is looked at.
      reducedMotion: 'reduce',
    })
    await context.grantPermissions(['clipboard-read', 'clipboard-write'])
    const page = await context.newPage()
    page.setDefaultTimeout(300_000)
    const wrong: string[] = []
    page.on('console', (message) => {
      if (message.type() === 'error') wrong.push(`${page.url()}: ${message.text()}`)
    })
    page.on('pageerror', (error) => wrong.push(`${page.url()}: ${error.message}`))
    context.on('request', (request) => {
      const url = request.url()
      if (!/^(data|blob):/.test(url) && !url.startsWith(site()))
        wrong.push(`${page.url()} asks for ${url}`)
    })
    return { page, wrong }
  }
}

/**
 * Where a curve was drawn, as numbers: the path of that label in the chart, each of its corners
 * through the inverted scales.
 */
export function curve(
  page: Page,
  chart: string,
  label: string,
): Promise<{ x: number; y: number }[]> {
  return page.evaluate(
    ([chart, label]) => {
      interface Scaled extends SVGSVGElement {
        scale(name: string): { invert(value: number): number }
      }
      const svg = document.querySelector<Scaled>(`[data-chart=${chart}] svg`)
      const path = svg?.querySelector(`path[aria-label="${label}"]`)?.getAttribute('d') ?? ''
      const corners = [...path.matchAll(/[ML](-?[\d.]+),(-?[\d.]+)/g)].map(([, x, y]) => [
        Number(x),
        Number(y),
      ])
      return corners.map(([x, y]) => ({
        x: svg?.scale('x').invert(x) ?? Number.NaN,
        y: svg?.scale('y').invert(y) ?? Number.NaN,
      }))
    },
    [chart, label] as const,
  )
}
