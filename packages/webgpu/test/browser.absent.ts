/** Stands in for the tests in a browser where there is none, so that they are seen to be skipped. */
import { readdirSync } from 'node:fs'
import { test } from 'vitest'

for (const file of readdirSync(import.meta.dirname).filter((name) => name.endsWith('.browser.ts')))
  test.skip(`${file} (absent: there is no Chromium; FREESTEP_CHROMIUM may name one)`, () => {})
