/**
 * Before the tests of this app: the site is built, by the command that everybody builds it with
 * (which does nothing if nothing has changed), and served. Where there is no browser nobody looks
 * at it, so it is not built.
 */
import { spawnSync } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { preview } from 'vite'
import type { TestProject } from 'vitest/node'
import { chromium } from '../../../scripts/absent.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the site is served. */
    site: string
  }
}

const root = fileURLToPath(new URL('../../..', import.meta.url))

export default async function setup(
  project: TestProject,
): Promise<(() => Promise<void>) | undefined> {
  project.provide('site', '')
  if (!chromium) return undefined
  const { NODE_ENV, VITEST, ...env } = process.env
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['scripts/setup.mjs', 'docs:build'],
    {
      cwd: root,
      env,
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    },
  )
  if (status !== 0) throw new Error(`The site could not be built.\n${stdout}${stderr}`)
  const server = await preview({
    root: `${root}/apps/docs`,
    configFile: false,
    appType: 'mpa',
    logLevel: 'error',
    build: { outDir: 'site' },
    preview: { port: 0 },
  })
  project.provide('site', server.resolvedUrls?.local[0] ?? '')
  return () => server.close()
}
