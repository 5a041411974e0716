/**
 * Serves a page that measures, and opens it in headless Chromium unless it is to be opened by hand.
 * Not what is measured, which is the page's business.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright'
import { createServer } from 'vite'
import type { Report } from './report.ts'

/** How to find a browser, and which of its adapters to take. */
export interface BrowserOptions {
  readonly chromium?: string
  readonly gpu: boolean
  readonly serve: boolean
}

const usual = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/**
 * Measures in a browser and fills the report; with `serve`, only says where the page is. The query
 * is the page's.
 */
export async function measureInBrowser(
  query: string,
  options: BrowserOptions,
  report: Report,
): Promise<void> {
  const root = join(import.meta.dirname, '..')
  const server = await createServer({ root, configFile: false, logLevel: 'error' })
  await server.listen()
  const url = `${server.resolvedUrls?.local[0]}?${query}`
  if (options.serve) {
    console.log(`Open ${url} in a browser. Ctrl+C ends this.`)
    return
  }
  const executablePath = options.chromium ?? usual.find(existsSync)
  const software = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader']
  const args = [
    '--headless=new',
    '--no-sandbox',
    ...(options.gpu ? ['--enable-unsafe-webgpu'] : software),
  ]
  const browser = await chromium.launch({ executablePath, args })
  try {
    const page = await browser.newPage()
    page.on('pageerror', (error) => console.error(error))
    await page.goto(url)
    report.add(await page.evaluate(() => window.measured))
  } finally {
    await browser.close()
    await server.close()
  }
}
