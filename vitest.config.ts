// All tests of the monorepo: every folder of packages/ and apps/ that has a test/ is a project of
// its own name, and reads the other packages from their sources (the "@freestep/source" condition),
// so nothing has to be built first. What needs a browser, test/*.browser.ts, is a project beside
// it: `webgpu-browser` runs that of packages/webgpu in headless Chromium.
import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { playwright } from '@vitest/browser-playwright'
import { defineConfig } from 'vitest/config'
import { absent, chromium, softwareWebGPU } from './scripts/absent.ts'

const folders = ['packages', 'apps']
  .flatMap((parent) => readdirSync(parent).map((name) => ({ name, root: `${parent}/${name}` })))
  .filter(({ root }) => existsSync(`${root}/test`))

const inBrowser = folders.filter(({ root }) =>
  readdirSync(`${root}/test`).some((name) => name.endsWith('.browser.ts')),
)

const conditions = ['@freestep/source', 'module', 'node', 'development|production']
const browserConditions = ['@freestep/source', 'module', 'browser', 'development|production']

const noBrowser = absent('chromium', chromium ? undefined : 'there is no Chromium')

/**
 * Tests in a real browser, whose WebGPU runs on a software adapter; one test that is skipped for
 * each file where there is no browser.
 */
const browser = () =>
  noBrowser
    ? { include: ['../../scripts/browser.absent.ts'] }
    : {
        include: ['test/*.browser.ts'],
        browser: {
          enabled: true,
          headless: true,
          screenshotFailures: false,
          provider: playwright({
            launchOptions: { executablePath: chromium, args: softwareWebGPU },
          }),
          instances: [{ browser: 'chromium' as const }],
        },
      }

/**
 * A part of the tests of packages/tfjs on the oldest TensorFlow.js that it takes; the newest is
 * what its own project has.
 */
const tfjsOldest = {
  resolve: {
    conditions,
    alias: [
      {
        find: /^@tensorflow\/([^/]+)$/,
        replacement: fileURLToPath(
          new URL('packages/tfjs/test/oldest/node_modules/@tensorflow/$1', import.meta.url),
        ),
      },
    ],
  },
  test: {
    name: 'tfjs-oldest',
    root: 'packages/tfjs',
    include: ['fused', 'saving', 'variables'].map((name) => `test/${name}.test.ts`),
    env: { FREESTEP_TFJS: 'oldest' },
  },
}

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    passWithNoTests: true,
    // A slow machine is no failure; this only ends a test that hangs.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // Every core, as the browsers, which run beside, mostly wait.
    maxWorkers: '100%',
    reporters: process.env.CI ? ['default', './scripts/totals.ts'] : ['default'],
    projects: [
      ...folders.map(({ name, root }) => ({
        extends: true as const,
        test: {
          name,
          root,
          include: ['test/**/*.test.ts'],
          // What has to be there before any test of the project, if anything.
          globalSetup: existsSync(`${root}/test/setup.ts`) ? ['test/setup.ts'] : [],
        },
      })),
      { ...tfjsOldest, extends: true as const },
      ...inBrowser.map(({ name, root }) => ({
        resolve: { conditions: browserConditions },
        test: {
          name: `${name}-browser`,
          root,
          testTimeout: 300_000,
          hookTimeout: 300_000,
          env: { FREESTEP_FOLDER: root, FREESTEP_THOROUGH: process.env.FREESTEP_THOROUGH ?? '' },
          ...browser(),
        },
      })),
    ],
  },
})
