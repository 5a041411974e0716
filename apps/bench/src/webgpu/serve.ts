/**
 * Serves pages that measure, and opens them in headless Chromium unless they are to be opened by hand. Not what is measured, which is their
 * business.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright'
import { createServer } from 'vite'
import type { Report } from '../report.ts'
import type { WebGPUOptions } from './race.ts'

/** How to find a browser, and which of its adapters to take. */
export interface BrowserOptions extends WebGPUOptions {
  readonly chromium?: string
  readonly gpu: boolean
  readonly serve: boolean
}

const usual = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** Measures in a browser and fills the report; with `serve`, only says where the page is. */
export const benchWebGPU = (options: BrowserOptions, report: Report): Promise<void> => measureIn('webgpu.html', options, report)

/** Has a page measure. */
export async function measureIn(
  file: string,
  { sizes, rounds, serve, gpu, chromium: path }: BrowserOptions,
  report: Report,
): Promise<void> {
  const root = join(import.meta.dirname, '..', '..')
  const server = await createServer({ root, configFile: false, logLevel: 'error' })
  await server.listen()
  const url = `${server.resolvedUrls?.local[0]}${file}?sizes=${sizes}&rounds=${rounds}`
  if (serve) {
    console.log(`Open ${url} in a browser. Ctrl+C ends this.`)
    return
  }
  const executablePath = path ?? usual.find(existsSync)
  const software = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader']
  const args = ['--headless=new', '--no-sandbox', ...(gpu ? ['--enable-unsafe-webgpu'] : software)]
  const browser = await chromium.launch({ executablePath, args })
  try {
    const page = await browser.newPage()
    page.on('pageerror', (error) => console.error(error))
    await page.goto(url)
    const { rows, figures, notes } = await page.evaluate(() => window.measured)
    for (const note of notes) report.note(note)
    for (const row of rows) report.row(...row)
    for (const figure of figures) report.figure(...figure)
  } finally {
    await browser.close()
    await server.close()
  }
}
