/**
 * Stands in for the tests of a package that need a browser where there is none, so that they are
 * seen to be skipped.
 */
import { readdirSync } from 'node:fs'
import { test } from 'vitest'

for (const file of readdirSync(`${process.env.FREESTEP_FOLDER}/test`).filter((name) =>
  name.endsWith('.browser.ts'),
))
  test.skip(`${file} (absent: there is no Chromium; FREESTEP_CHROMIUM may name one)`, () => {})
