/**
 * docs/how-it-works.md shows what is: its listings are excerpts of the files they name, and the
 * folders it names exist.
 */
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')
const page = read('docs/how-it-works.md')
const listings = [...page.matchAll(/<!-- from: (\S+) -->\n```\w+\n([\s\S]*?)```/g)].map(
  ([, path, code]) => ({ path, code }),
)

/** Lines without their indentation. */
const flush = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trim())
    .join('\n')

test('there are listings', () => expect(listings.length).toBeGreaterThanOrEqual(5))

test.each(listings)('an excerpt of $path', ({ path, code }) => {
  expect(flush(read(path))).toContain(flush(code))
})

test('the folders and files exist', () => {
  const named = [...page.matchAll(/`((?:packages|apps)\/[^`]+)`/g)].map(([, path]) => path)
  expect(named.length).toBeGreaterThan(10)
  expect(named.filter((path) => !existsSync(new URL(`../../../${path}`, import.meta.url)))).toEqual(
    [],
  )
})
