/**
 * All Markdown of the repository as a reader gets it: tables are tables, and descriptions are
 * prose. What the words say is in docs.test.ts and recordings.test.ts.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, describe as group, test } from 'vitest'
import { describe, faultsOf } from '../build/descriptions.ts'
import { sources } from '../build/stage.ts'
import { all, readPage, root } from './markdown.ts'

/** What is not written but made. */
const made = new Set([
  'node_modules',
  '.git',
  '.turbo',
  'dist',
  'site',
  'content',
  '.generated',
  'coverage',
  'packed',
])

/** Every Markdown file below a folder of the repository. */
function markdownIn(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder ? `${folder}/${entry.name}` : entry.name
    if (entry.isDirectory()) return made.has(entry.name) ? [] : markdownIn(path)
    return entry.name.endsWith('.md') ? [path] : []
  })
}

const files = markdownIn('').sort()

/** The cells of a row, as GitHub counts them. */
const cellsOf = (row: string) =>
  row
    .trim()
    .replace(/^\||\|$/g, '')
    .split(/(?<!\\)\|/)

const delimiter = /^\s*:?-+:?\s*$/

/**
 * The blocks of lines that begin with a pipe, outside code: what was meant to be a table. Each line
 * with its number.
 */
function pipes(text: string): { line: number; rows: string[] }[] {
  const found: { line: number; rows: string[] }[] = []
  let fence = ''
  let before = false
  for (const [i, line] of text.split('\n').entries()) {
    const [, mark] = /^\s*(`{3,}|~{3,})/.exec(line) ?? []
    if (mark && (!fence || mark.startsWith(fence))) fence = fence ? '' : mark
    const is = !fence && /^\s*\|/.test(line)
    if (is && !before) found.push({ line: i + 1, rows: [] })
    if (is) found[found.length - 1].rows.push(line)
    before = is
  }
  return found
}

/** What is wrong with the tables of a text. */
const faults = (text: string): string[] =>
  pipes(text).flatMap(({ line, rows }) => {
    const [header, second = '', ...others] = rows.map(cellsOf)
    if (!second || !Array.from(second).every((cell) => delimiter.test(cell)))
      return [`line ${line}: no delimiter row under the header`]
    const lengths = [second, ...others].map((row) => row.length)
    return lengths.flatMap((length, i) =>
      length === header.length
        ? []
        : [`line ${line + 1 + i}: ${length} cells under a header of ${header.length}`],
    )
  })

group('tables', () => {
  test('there are files', () => {
    for (const path of [
      'README.md',
      'CONTRIBUTING.md',
      'docs/start.md',
      'packages/cpu/README.md',
      'apps/docs/pages/index.md',
    ])
      expect(files).toContain(path)
    expect(files.length).toBeGreaterThan(60)
  })
  test.each(files)('%s', (path) => {
    const text = readFileSync(join(root, path), 'utf8')
    expect(faults(text)).toEqual([])
    // And the parser sees as many: none of them is text.
    expect(all(readPage(path).tree, 'table')).toHaveLength(pipes(text).length)
  })
  test.each([
    ['a table', '| a | b |\n| --- | --- |\n| 1 | 2 |', 0],
    ['no header', '| | | paper |\n| `x` | y | z |', 1],
    ['a header that is too short', '| a |\n| --- | --- |\n| 1 | 2 |', 2],
    ['a row that is too long', '| a | b |\n| --- | --- |\n| 1 | 2 | 3 |', 1],
    ['a pipe in a cell', '| a |\n| --- |\n| 1 \\| 2 |', 0],
    ['code', '```\n| a |\n```', 0],
  ])('what is found: %s', (_name, text, count) => expect(faults(text)).toHaveLength(count))
})

group('descriptions', () => {
  test.each(sources())('$file', ({ file, page }) => {
    const description = describe(readFileSync(join(root, file), 'utf8'))
    // The front page has that of the whole site.
    if (page === 'index.md') return expect(description).toBeUndefined()
    expect(description).toMatch(/^.{40,}/)
    expect(faultsOf(description ?? '')).toEqual([])
  })
  test.each([
    [
      'prose',
      '# A\n\nWords, `name` and **more**. And [a link](b.md).\n\n## B',
      'Words, name and more. And a link.',
    ],
    [
      'short formulas',
      '# A\n\nFrom $10^{-6}$ to $d$, in $\\mathbb{R}^p$.',
      'From 10⁻⁶ to d, in ℝᵖ.',
    ],
    ['up to code', '# A\n\nIt begins. Then `f(x)` comes. It ends.', 'It begins.'],
    ['up to a formula', '# A\n\nIt begins. Then $\\lVert x \\rVert$ comes.', 'It begins.'],
    [
      'up to what has no end',
      '# A\n\nIt begins. The change is one word:\n\n```ts\nx\n```',
      'It begins.',
    ],
    ['nothing but code', '# A\n\n```ts\nimport x\n```\n\n## B\n\nWords.', undefined],
    ['no title', 'Words.', undefined],
  ])('%s', (_name, text, expected) => expect(describe(text)).toBe(expected))
  test.each([
    'ts [Plain arrays] // npm install @freestep/cpu',
    'About 3 cdot 10^{-6} in each.',
    'Use `x`.',
    'Let $x$ be.',
    'Call f(x).',
    'One word:',
  ])('no prose: %s', (text) => expect(faultsOf(text)).not.toEqual([]))
})
