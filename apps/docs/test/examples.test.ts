/**
 * The code in docs/ and in the README runs and means what it says. Every TypeScript block that
 * imports freestep is a module: it must type-check, run, and print what the comments after its
 * `console.log` say, or the block of text after it; so must the first lines with each adapter. A
 * block under `<!-- file: examples/x.ts -->` must be that file of docs/. Blocks without imports are
 * excerpts, which nothing here reads. The blocks in the READMEs of the packages must type-check,
 * all of them, after what they take as given; the first of each README takes nothing as given and
 * runs, as whoever copies it would have it.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { format } from 'node:util'
import ts from 'typescript'
import { describe, expect, test, vi } from 'vitest'
import {
  type Block,
  codeOf,
  type Page,
  packagesWithReadme,
  pagesIn,
  readPage,
  root,
} from './markdown.ts'

// How long a block takes is no matter here.
vi.setConfig({ testTimeout: 0 })

const generated = fileURLToPath(new URL('../.generated', import.meta.url))
const files = readdirSync(join(root, 'docs/examples'))

const blocksOf = (page: Page) => codeOf(page).map((block) => ({ page: page.path, ...block }))
const blocks = [...pagesIn('docs'), readPage('README.md')].flatMap(blocksOf)
const inReadmes = packagesWithReadme().flatMap((path) =>
  blocksOf(readPage(path)).filter(({ lang }) => lang === 'ts'),
)
const modules = blocks.filter(
  ({ lang, code, file }) => lang === 'ts' && !file && /from '@freestep\//.test(code),
)

/** The first block of every README, and of the page that one starts with. */
const startPages = [
  ...pagesIn('docs').filter(({ path }) => path === 'docs/start.md'),
  readPage('README.md'),
  ...packagesWithReadme().map(readPage),
]
const starts = startPages.flatMap((page) =>
  blocksOf(page)
    .filter(({ lang }) => lang === 'ts')
    .slice(0, 1),
)
/** Those that do not run in Node as they are, and where they do. */
const elsewhere: Readonly<Record<string, string>> = {
  'packages/conformance/README.md':
    'a file of tests: it registers those of a backend, which every backend here does',
  'packages/webgpu/README.md': 'the file that first.browser.ts runs',
}

const app = fileURLToPath(new URL('..', import.meta.url))

/**
 * The first lines with each adapter that is there; those that need more than Node are run in
 * first.browser.ts, if anywhere.
 */
const firsts = readdirSync(join(app, 'first')).filter((name) =>
  existsSync(join(root, 'packages', name.replace('.ts', ''), 'src/index.ts')),
)
const beyondNode = ['webgpu.ts']

/**
 * `@tensorflow/tfjs` in parts, and the driver of CUDA as the tests of its package have it: an
 * emulated one where there is no GPU.
 */
const anywhere = (code: string) =>
  code
    .replaceAll("'@tensorflow/tfjs'", `'${join(app, 'test/tfjs.ts')}'`)
    .replace(
      'await cuda()',
      `await cuda({ driver: (await import('${join(root, 'packages/cuda/test/backend.ts')}')).driver })`,
    )

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
const runnable = modules.map((block) => ({
  ...block,
  path: generate(`${block.page}.${block.line}.ts`, `${block.code}\n`),
}))
const started = starts
  .filter(({ page }) => !(page in elsewhere))
  .map((block) => ({
    ...block,
    path: generate(`${block.page}.first.ts`, `${anywhere(block.code)}\nexport {}\n`),
  }))
const begun = firsts.map((name) => {
  const code = readFileSync(join(app, 'first', name), 'utf8')
  return {
    page: `first/${name}`,
    line: 1,
    code,
    output: undefined,
    path: generate(`first/${name}`, anywhere(code)),
  }
})

/** What it should print: the text after the block, or the comments after `console.log(…)`. */
const expected = ({ code, output }: Pick<Block, 'code' | 'output'>): string[] =>
  output?.split('\n') ??
  [...code.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map(([, comment]) => comment)

test('the first block of every README, and of the start, is complete by itself', () => {
  expect(starts.map(({ page }) => page)).toEqual(startPages.map(({ path }) => path))
  for (const { page, given, code } of starts) {
    expect(given, page).toBeUndefined()
    expect(code, page).toMatch(/^(import|}) .*from '@freestep\//m)
  }
  for (const page of Object.keys(elsewhere))
    expect(startPages.map(({ path }) => path)).toContain(page)
})

test('there are blocks to run', () => expect(runnable.length).toBeGreaterThan(40))

const ofNode = begun.filter(({ page }) => !beyondNode.some((name) => page.endsWith(name)))
test.each([...runnable, ...ofNode, ...started])('$page, line $line', async (block) => {
  const printed: string[] = []
  const log = vi
    .spyOn(console, 'log')
    .mockImplementation((...args) => void printed.push(...format(...args).split('\n')))
  try {
    await import(/* @vite-ignore */ block.path)
  } finally {
    log.mockRestore()
  }
  // A README may print what it makes no promise about; a page may not.
  const promised = expected(block).filter((line) => !line.includes('…'))
  if (block.page.endsWith('README.md')) expect(printed).toEqual(expect.arrayContaining(promised))
  else expect(printed).toEqual(expected(block))
})

describe('docs/examples', () => {
  test.each([...blocks, ...inReadmes].filter(({ file }) => file))(
    '$page, line $line is $file',
    ({ page, code, file = '' }) => {
      const folder = page.startsWith('docs/') ? 'docs' : ''
      expect(`${code}\n`).toBe(readFileSync(join(root, folder, file), 'utf8'))
    },
  )
  test('every module is shown in a page', () => {
    const shown = blocks.flatMap(({ lang, file }) =>
      lang === 'ts' && file ? [basename(file)] : [],
    )
    expect([...new Set(shown)].sort()).toEqual(examples.map((path) => basename(path)).sort())
  })
})

// The tests among them register themselves here.
for (const path of examples.filter((each) => each.endsWith('.test.ts')))
  await import(/* @vite-ignore */ path)

/** Files that are not there: every block of a README, as a module in the folder of its package. */
const virtual = new Map(
  inReadmes.map(({ page, line, given = '', code }) => [
    join(root, `${page}.${line}.ts`),
    anywhere(`${given}\n${code}\nexport {}\n`),
  ]),
)

test('there are blocks in READMEs', () => expect(virtual.size).toBeGreaterThan(10))

test('all of it type-checks', () => {
  const config = ts.readConfigFile(join(root, 'tsconfig.base.json'), ts.sys.readFile).config
    .compilerOptions
  const { options, errors } = ts.convertCompilerOptionsFromJson(config, app)
  expect(errors).toEqual([])
  // Any block may use any package, and files by their names.
  options.paths = Object.fromEntries(
    packagesWithReadme().map((path) => [
      `@freestep/${path.split('/')[1]}`,
      [join(root, dirname(path), 'src/index.ts')],
    ]),
  )
  options.rewriteRelativeImportExtensions = false
  options.allowImportingTsExtensions = true
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile } = host
  host.fileExists = (name) => virtual.has(name) || fileExists(name)
  host.readFile = (name) => virtual.get(name) ?? readFile(name)
  const own = [
    ...examples,
    ...[...runnable, ...started].map(({ path }) => path),
    ...begun.map(({ path }) => path),
    ...virtual.keys(),
  ]
  const program = ts.createProgram(own, options, host)
  const files = program.getSourceFiles().filter(({ fileName }) => own.includes(fileName))
  const found = files.flatMap((file) => [
    ...program.getSyntacticDiagnostics(file),
    ...program.getSemanticDiagnostics(file),
  ])
  const problems = found.map(({ file, start = 0, messageText }) => {
    const line = (file?.getLineAndCharacterOfPosition(start).line ?? 0) + 1
    return `${file && relative(root, file.fileName)}:${line} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
  })
  expect(files.length).toBe(own.length)
  expect(problems).toEqual([])
})
