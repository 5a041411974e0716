// All tests of the monorepo: every folder of packages/ and apps/ that has a test/ is a project of its own name, and
// reads the other packages from their sources (the "@freestep/source" condition), so nothing has to be built first.
import { existsSync, readdirSync } from 'node:fs'
import { defineConfig } from 'vitest/config'

const folders = ['packages', 'apps']
  .flatMap((parent) => readdirSync(parent).map((name) => ({ name, root: `${parent}/${name}` })))
  .filter(({ root }) => existsSync(`${root}/test`))

const conditions = ['@freestep/source', 'module', 'node', 'development|production']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    passWithNoTests: true,
    // A slow machine is no failure; this only ends a test that hangs.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    reporters: process.env.CI ? ['default', './scripts/totals.ts'] : ['default'],
    projects: folders.map(({ name, root }) => ({
      extends: true,
      test: { name, root, include: ['test/**/*.test.ts'] },
    })),
  },
})
