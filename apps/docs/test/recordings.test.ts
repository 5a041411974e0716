/**
 * Which methods follow recorded runs of PyTorch code, and of whose: what the words say wherever
 * they say it, against the table of
 * @freestep/conformance and the files of recordings.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadGolden, table } from '@freestep/conformance'
import * as core from '@freestep/core'
import { describe, expect, test } from 'vitest'
import {
  all,
  cells,
  packagesWithReadme,
  pagesIn,
  readPage,
  root,
  section,
  text,
} from './markdown.ts'

/** Repositories that are not of the authors of what they run. */
const others = ['torch', 'konstmish/opt_methods', 'kozistr/pytorch_optimizer']

/** Every recording that is run: by the name of a row, from which repository. */
const recorded = (
  await Promise.all(
    table.flatMap((row) =>
      row.goldens.map(async (golden) => {
        const { source_repo: repo, trajectories } = await loadGolden(golden.file)
        const run = trajectories.filter(
          (each) =>
            each.dtype !== 'float32' && golden.takes?.(each) !== false && !golden.leftOut?.(each),
        )
        return {
          row: row.name,
          repo,
          runs: run.length,
          averaged: run.some((each) => each.averager_gamma !== undefined),
        }
      }),
    ),
  )
).flat()

/** The wrapper of a row, or the algorithm. */
const outermost = (row: string) => row.split('(')[0]
const algorithms = Object.values(core).flatMap((value) =>
  typeof value === 'function' && 'algorithm' in value ? [value.algorithm.name] : [],
)
const wrappers = [
  ...new Set(
    table
      .map(({ name }) => name)
      .filter((name) => name.includes('('))
      .map(outermost),
  ),
]

/** The repositories of each method. */
const repositories = new Map<string, Set<string>>()
const note = (name: string, repo: string) =>
  repositories.set(name, (repositories.get(name) ?? new Set()).add(repo))
for (const { row, repo, averaged } of recorded) {
  note(outermost(row), repo)
  if (averaged) note('averaged', repo)
}
const followed = algorithms.filter((name) => repositories.has(name))
const own = followed.filter((name) =>
  [...(repositories.get(name) ?? [])].some((repo) => !others.includes(repo)),
)
const unrecorded = [...algorithms, ...wrappers].filter((name) => !repositories.has(name))

const index = readPage('docs/algorithms/index.md')
const title = 'What each is held against'

describe(`docs/algorithms/index.md, ${title}`, () => {
  const part = section(index, title)

  test('the table has every repository, whose it is, and the methods that follow it', () => {
    const rows = cells(all(part, 'table')[0]).slice(1)
    const written = rows.map(([repo, whose, names]) => [repo, whose, names.split(', ').sort()])
    const repos = [...new Set(recorded.map(({ repo }) => repo))]
    const methods = (repo: string) =>
      [...repositories].filter(([, from]) => from.has(repo)).map(([name]) => name)
    const expected = repos.map((repo) => [
      repo,
      others.includes(repo) ? 'others' : 'its authors',
      methods(repo).sort(),
    ])
    expect(written.sort()).toEqual(expected.sort())
  })
  test('the others are named, and each has its formula', () => {
    const paragraph = all(part, 'paragraph').find((each) => text(each).startsWith('Of the others'))
    expect(paragraph).toBeDefined()
    const named = all(paragraph as NonNullable<typeof paragraph>, 'inlineCode').map(
      ({ value }) => value,
    )
    expect(
      named.filter((name) => algorithms.includes(name) || wrappers.includes(name)).sort(),
    ).toEqual(unrecorded.sort())
    const formulas = readFileSync(
      join(root, 'packages/core/test/steps/transcriptions.test.ts'),
      'utf8',
    )
    for (const name of unrecorded)
      expect(formulas).toMatch(new RegExp(`\\n +(\\[\\n +)?\\[?'${name}[',( ]`))
  })
})

/** All that is written by hand. */
const pages = [
  ...pagesIn('docs'),
  ...pagesIn('apps/docs/pages'),
  ...[...packagesWithReadme(), 'README.md', 'CONTRIBUTING.md'].map(readPage),
]
/** Text on one line, a heading being a sentence. */
const sentences = (markdown: string) => markdown.replace(/^#+ .*$/gm, '$&.').replace(/\s+/g, ' ')
const said = pages.map(({ path }) => ({
  path,
  words: sentences(readFileSync(join(root, path), 'utf8')),
}))

describe('wherever it is said', () => {
  test('how many of the algorithms follow recordings, and how many those of their authors', () => {
    const found = said.flatMap(({ path, words }) => [
      ...Array.from(
        words.matchAll(/(\d+) of the (\d+) algorithms follow recorded runs/g),
        ([, some, of]) => [path, Number(some), Number(of)],
      ),
    ])
    expect(found.map(([path]) => path)).toEqual(
      expect.arrayContaining(['README.md', 'apps/docs/pages/index.md', 'docs/algorithms/index.md']),
    )
    for (const each of found) expect(each.slice(1)).toEqual([followed.length, algorithms.length])
    for (const { path, words } of said)
      for (const [, count] of words.matchAll(/(\d+) of them (?:those of|of) their authors/g))
        expect(Number(count), path).toBe(own.length)
  })
  test('how many runs are met', () => {
    const { words } = said.find(({ path }) => path === 'packages/conformance/README.md') ?? {
      words: '',
    }
    expect(Number(/(\d+) float64 runs/.exec(words)?.[1])).toBe(
      recorded.reduce((sum, { runs }) => sum + runs, 0),
    )
  })
  test('nobody says it of each and all', () => {
    const claims = /\b(each|every|all)\b[^.]*\b(their|its) authors'[^.]*(code|recording)/i
    expect(
      said
        .filter(({ words }) => claims.test(words))
        .map(({ path, words }) => `${path}: ${claims.exec(words)?.[0]}`),
    ).toEqual([])
  })
})
