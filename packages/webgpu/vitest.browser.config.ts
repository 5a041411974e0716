// The tests that need a browser's WebGPU, test/*.browser.ts: in headless Chromium on its software adapter, so that no GPU is needed.
// Without a Chromium they are skipped, visibly; FREESTEP_REQUIRE=webgpu makes that an error. FREESTEP_CHROMIUM names another executable.
import { existsSync } from 'node:fs'
import { playwright } from '@vitest/browser-playwright'
import { defineConfig } from 'vitest/config'
import { absent } from './test/absent.ts'

const usual = [
  ...['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'],
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:/Program Files/Google/Chrome/Application/chrome.exe',
]
const executablePath = (process.env.FREESTEP_CHROMIUM ? [process.env.FREESTEP_CHROMIUM] : usual).find((path) => existsSync(path))
const args = ['--headless=new', '--no-sandbox', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader']
const conditions = ['@freestep/source', 'module', 'browser', 'development|production']
const here = import.meta.dirname

export default defineConfig({
  root: here,
  resolve: { conditions },
  test: {
    name: 'webgpu-browser',
    testTimeout: 300_000,
    hookTimeout: 300_000,
    ...(absent(executablePath ? undefined : 'there is no Chromium')
      ? { include: ['test/browser.absent.ts'] }
      : {
          include: ['test/*.browser.ts'],
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({ launchOptions: { executablePath, args } }),
            instances: [{ browser: 'chromium' }],
          },
        }),
  },
})
