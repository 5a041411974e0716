/**
 * The code in docs/ and in the README runs and means what it says. Every TypeScript block that imports freestep is a module: it must
 * type-check, run, and print what the comments after its `console.log` say, or the block of text after it. A block under
 * `<!-- file: examples/x.ts -->` must be that file of docs/. Blocks without imports are excerpts, which nothing here reads.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { format } from 'node:util'
import ts from 'typescript'
import { describe, expect, test, vi } from 'vitest'
import { type Block, codeOf, pagesIn, readPage, root } from './markdown.ts'

// How long a block takes is no matter here.
vi.setConfig({ testTimeout: 0 })

const generated = fileURLToPath(new URL('../.generated', import.meta.url))
const files = readdirSync(join(root, 'docs/examples'))

const pages = [...pagesIn('docs'), readPage('README.md')]
const blocks = pages.flatMap((page) => codeOf(page).map((block) => ({ page: page.path, ...block })))
const modules = blocks.filter(({ lang, code, file }) => lang === 'ts' && !file && /from '@freestep\//.test(code))

/** Writes a file where the packages can be found, in a folder like its own; returns where. */
function generate(path: string, content: string | Uint8Array): string {
  const target = join(generated, path)
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, content)
  return target
}

rmSync(generated, { recursive: true, force: true })
const examples = files
  .map((name) => generate(`docs/examples/${name}`, readFileSync(join(root, 'docs/examples', name))))
  .filter((path) => path.endsWith('.ts'))
const runnable = modules.map((block) => ({ ...block, path: generate(`${block.page}.${block.line}.ts`, `${block.code}\n`) }))

/** What it should print: the text after the block, or the comments after `console.log(…)`. */
const expected = ({ code, output }: Block): string[] =>
  output?.split('\n') ?? [...code.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map(([, comment]) => comment)

test('there are blocks to run', () => expect(runnable.length).toBeGreaterThan(40))

test.each(runnable)('$page, line $line', async (block) => {
  const printed: string[] = []
  const log = vi.spyOn(console, 'log').mockImplementation((...args) => void printed.push(...format(...args).split('\n')))
  try {
    await import(/* @vite-ignore */ block.path)
  } finally {
    log.mockRestore()
  }
  // The README may print what it makes no promise about; a page may not.
  if (block.page.startsWith('docs/') || expected(block).length) expect(printed).toEqual(expected(block))
})

describe('docs/examples', () => {
  test.each(blocks.filter(({ file }) => file))('$page, line $line is $file', ({ code, file }) => {
    expect(`${code}\n`).toBe(readFileSync(join(root, 'docs', file as string), 'utf8'))
  })
  test('every module is shown in a page', () => {
    const shown = blocks.flatMap(({ lang, file }) => (lang === 'ts' && file ? [basename(file)] : []))
    expect([...new Set(shown)].sort()).toEqual(examples.map((path) => basename(path)).sort())
  })
})

// The tests among them register themselves here.
for (const path of examples.filter((each) => each.endsWith('.test.ts'))) await import(/* @vite-ignore */ path)

test('all of it type-checks', () => {
  const config = ts.readConfigFile(join(root, 'tsconfig.base.json'), ts.sys.readFile).config.compilerOptions
  const { options, errors } = ts.convertCompilerOptionsFromJson(config, dirname(generated))
  expect(errors).toEqual([])
  const program = ts.createProgram([...examples, ...runnable.map(({ path }) => path)], options)
  const own = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(generated))
  const found = own.flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)])
  const problems = found.map(({ file, start = 0, messageText }) => {
    const line = (file?.getLineAndCharacterOfPosition(start).line ?? 0) + 1
    return `${file?.fileName.slice(generated.length + 1)}:${line} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
  })
  expect(own.length).toBe(examples.length + runnable.length)
  expect(problems).toEqual([])
})
