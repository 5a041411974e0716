/**
 * What the documentation says, held against the code: every algorithm and wrapper has a page, with
 * its options, defaults, states and memory as they are; links lead somewhere; formulas are
 * formulas. The code in the pages is examples.test.ts.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { compile, traffic } from '@freestep/compiler'
import { table as conformance } from '@freestep/conformance'
import * as core from '@freestep/core'
import { train } from '@tensorflow/tfjs-core'
import katex from 'katex'
import { describe, expect, test } from 'vitest'
import {
  all,
  anchors,
  cells,
  formulas,
  headings,
  internalLinks,
  type Page,
  packagesWithReadme,
  pagesIn,
  readPage,
  root,
  section,
  subjects,
  text,
} from './markdown.ts'

type Factory = core.AlgorithmFactory<object>

const algorithms = Object.fromEntries(
  Object.entries(core as Record<string, unknown>).filter((entry): entry is [string, Factory] => {
    const [, value] = entry
    return typeof value === 'function' && 'algorithm' in value
  }),
)

/**
 * Every wrapper by the name of its file, around an algorithm, with its options as they are when
 * left out.
 */
const wrappers: Record<string, (inner: core.Algorithm) => core.Algorithm> = {
  averaged: (inner) => core.averaged(inner),
  clipByGlobalNorm: (inner) => core.clipByGlobalNorm(1, inner),
  mechanic: (inner) => core.mechanic(inner),
  scheduleFree: (inner) => core.scheduleFree(inner),
  skipNonFinite: (inner) => core.skipNonFinite(inner),
}

const pages = pagesIn('docs')
const readmes = packagesWithReadme().map(readPage)
const about = (folder: string) =>
  pages.filter(({ path }) => path.startsWith(`docs/${folder}/`) && !path.endsWith('/index.md'))
const sections = [
  'The step',
  'Symbols',
  'Options',
  'States',
  'When it works',
  'When it fails',
  'Example',
  'Reference',
]

/**
 * The first table of a section as records: for each of the page's subjects, row name → cell. A
 * column `default` serves all.
 */
function columns(page: Page, name: string): Record<string, Record<string, string>> {
  const [first] = all(section(page, name), 'table')
  if (!first) return Object.fromEntries(subjects(page).map((subject) => [subject, {}]))
  const [header, ...rows] = cells(first)
  return Object.fromEntries(
    subjects(page).map((subject) => {
      const own = header.indexOf(subject)
      const column = own < 0 ? 1 : own
      const given = rows.filter((row) => row[column] !== '—')
      return [subject, Object.fromEntries(given.map((row) => [row[0], row[column]]))]
    }),
  )
}

/** How a default is written in a table. */
function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  return Array.isArray(value) ? `[${value.map(shown).join(', ')}]` : String(value)
}

/** 1e-6 and 0.000001 are the same default. */
const normal = (cell: string) =>
  cell.replace(/\d[\d.]*(e-?\d+)?/g, (digits) => String(Number(digits)))

/** The scope of every state, under some options. */
function statesOf(algorithm: core.Algorithm): Readonly<Record<string, core.Scope>> {
  const tensor: core.TensorInfo = { name: 'x', shape: [2], size: 2, dtype: 'float64' }
  // Without what core keeps for tensors that sit steps out.
  return core.createProgram(algorithm, [tensor], [algorithm.options as Record<string, unknown>], {
    absences: false,
  }).states
}
const words: Record<core.Scope, string> = {
  element: 'coordinate',
  slice: 'coordinate',
  tensor: 'tensor',
  global: 'all',
}
const perCoordinate = (algorithm: core.Algorithm) =>
  Object.values(statesOf(algorithm)).filter((scope) => words[scope] === 'coordinate').length

/**
 * The states of an algorithm under any of the options that the conformance table tries with those
 * of its page.
 */
function everyState(name: string, page: Page): Record<string, string> {
  const known = Object.keys(algorithms[name].algorithm.defaults)
  const variants = conformance
    .filter((row) => subjects(page).includes(row.name))
    .flatMap((row) => row.variants)
  const settings = [{}, ...variants].map((options) =>
    Object.entries(options).filter(([option]) => known.includes(option)),
  )
  const found = settings.flatMap((options) =>
    Object.entries(statesOf(algorithms[name](Object.fromEntries(options)))),
  )
  return Object.fromEntries(found.map(([state, scope]) => [state, words[scope]]))
}

/**
 * The bytes of float32 that a fused step moves for each parameter, pass by pass, as they are
 * written.
 */
function bytesOf(algorithm: core.Algorithm): string {
  const tensor: core.TensorInfo = { name: 'x', shape: [1000], size: 1000, dtype: 'float32' }
  const program = core.createProgram(
    algorithm,
    [tensor],
    [algorithm.options as Record<string, unknown>],
  )
  return traffic(compile(program, 'step'))
    .map(({ bytes }) => bytes)
    .join(' + ')
}

const values = 'values a parameter'
const moved = 'bytes a step'

describe('algorithms', () => {
  test('each has one page', () => {
    expect(about('algorithms').flatMap(subjects).sort()).toEqual(Object.keys(algorithms).sort())
  })

  const each = about('algorithms').flatMap((page) => subjects(page).map((name) => ({ name, page })))
  test.each(each)('$name: options and defaults', ({ name, page }) => {
    const defaults = Object.entries(algorithms[name].algorithm.defaults)
    const written = Object.entries(columns(page, 'Options')[name]).map(([option, cell]) => [
      option,
      normal(cell),
    ])
    expect(Object.fromEntries(written)).toEqual(
      Object.fromEntries(defaults.map(([option, value]) => [option, shown(value)])),
    )
  })
  test.each(each)('$name: states, memory and passes', ({ name, page }) => {
    const { [values]: memory, [moved]: bytes, ...states } = columns(page, 'States')[name]
    expect(states).toEqual(everyState(name, page))
    expect(Number(memory)).toBe(perCoordinate(algorithms[name]()))
    expect(bytes).toBe(bytesOf(algorithms[name]()))
  })
})

describe('wrappers', () => {
  const files = readdirSync(join(root, 'packages/core/src/wrappers')).map((file) =>
    file.replace('.ts', ''),
  )

  test('each has one page', () => {
    const expected = files.filter((name) => name !== 'index' && name !== 'wrap').sort()
    expect(about('wrappers').flatMap(subjects).sort()).toEqual(expected)
    expect(Object.keys(wrappers).sort()).toEqual(expected)
  })

  const each = about('wrappers').flatMap((page) => subjects(page).map((name) => ({ name, page })))
  test.each(each)('$name: options and defaults', ({ name, page }) => {
    const { max, ...defaults } = wrappers[name](core.sgd()).wrapper?.options ?? {}
    const written = Object.entries(columns(page, 'Options')[name]).map(([option, cell]) => [
      option,
      normal(cell),
    ])
    const expected = Object.entries(defaults).map(([option, value]) => [option, shown(value)])
    expect(Object.fromEntries(written)).toEqual({
      ...Object.fromEntries(expected),
      ...(max !== undefined && { max: 'required' }),
    })
  })
  test.each(each)('$name: states, memory and passes', ({ name, page }) => {
    const { [values]: memory, [moved]: bytes, ...states } = columns(page, 'States')[name]
    const wrapped = wrappers[name](core.sgd())
    expect(bytes).toBe(bytesOf(wrapped))
    const own = Object.entries(statesOf(wrapped)).map(([state, scope]) => [
      state.replace(/^(mechanic\.[a-z])\d$/, '$1i'),
      words[scope],
    ])
    // Those that only an option brings are written down too.
    expect(states).toMatchObject(Object.fromEntries(own))
    expect(Number(memory)).toBe(perCoordinate(wrapped) - perCoordinate(core.sgd()))
  })
})

test.each([...about('algorithms'), ...about('wrappers')])(
  '$path has the sections of its kind',
  (page) => {
    expect(headings(page, 1)).toHaveLength(1)
    expect(headings(page, 2)).toEqual(sections)
  },
)

describe('docs/algorithms/index.md', () => {
  const index = readPage('docs/algorithms/index.md')

  test('links to every page', () => {
    const linked = new Set(internalLinks(index).map(({ target }) => target))
    for (const page of [...about('algorithms'), ...about('wrappers')])
      expect(linked).toContain(page.path)
  })
  test('names every algorithm and wrapper, with its memory', () => {
    const written = Object.fromEntries(
      all(index.tree, 'table')
        .map(cells)
        .filter(([header]) => header[2] === 'memory')
        .flatMap(([, ...rows]) => rows.map((row) => [row[0], row[2]])),
    )
    const own = Object.entries(algorithms).map(([name, factory]) => [
      name,
      String(perCoordinate(factory())),
    ])
    const added = Object.entries(wrappers).map(([name, wrapper]) => [
      name,
      `+${perCoordinate(wrapper(core.sgd()))}`.replace('+0', '0'),
    ])
    expect(written).toEqual(Object.fromEntries([...own, ...added]))
  })
})

describe('docs/coming-from', () => {
  /** Sections of the pages that have an algorithm or a wrapper in their title, and a table. */
  const sections = about('coming-from').flatMap((page) =>
    all(page.tree, 'heading')
      .filter(({ depth }) => depth === 2)
      .map((heading) => ({
        page: page.path,
        title: text(heading),
        page_: page,
        names: all(heading, 'inlineCode')
          .map(({ value }) => value)
          .filter(
            (name, i, codes) => (name in algorithms || name in wrappers) && i >= codes.length / 2,
          ),
      }))
      .filter(({ names }) => names.length)
      .map(({ page_, ...rest }) => ({
        ...rest,
        rows: cells(all(section(page_, rest.title), 'table')[0]).slice(1),
      })),
  )

  test('there are sections', () => expect(sections.length).toBeGreaterThan(30))

  test.each(sections)(
    '$page, $title: the options here are those that there are, with their defaults',
    ({ names, rows }) => {
      const written = rows
        .filter(([, here]) => here !== '—')
        .map(([, here, given]) => [here, normal(given)])
      for (const name of names) {
        const defaults =
          name in algorithms
            ? algorithms[name].algorithm.defaults
            : (wrappers[name](core.sgd()).wrapper?.options ?? {})
        const expected = Object.entries(defaults).map(([option, value]) => [option, shown(value)])
        expect(Object.fromEntries(written)).toEqual(Object.fromEntries(expected))
      }
    },
  )

  /** The parameters of a function and their defaults, as its text has them. */
  const parametersOf = (f: (...args: never[]) => unknown) =>
    /\(([^)]*)\)/.exec(String(f))?.[1].split(/,\s*/) ?? []

  test('tf.train: the names there are those of the library', () => {
    const found = sections.filter(({ title }) => title.startsWith('tf.train'))
    expect(found.map(({ title }) => title.split(':')[0])).toEqual(
      ['adam', 'sgd', 'momentum', 'adagrad'].map((name) => `tf.train.${name}`),
    )
    for (const { title, rows } of found) {
      const factory = train[/tf\.train\.(\w+)/.exec(title)?.[1] as keyof typeof train] as (
        ...args: never[]
      ) => unknown
      const there = rows.flatMap(([there]) => (there === '—' ? [] : there.split(', ')))
      expect(there).toEqual(parametersOf(factory))
    }
  })
})

test('every page can be reached from the README', () => {
  const reached = new Set(['README.md'])
  for (const path of reached)
    for (const { target } of internalLinks(readPage(path)))
      if (target.endsWith('.md')) reached.add(target)
  expect(pages.map(({ path }) => path).filter((path) => !reached.has(path))).toEqual([])
})

describe.each([...pages, ...readmes, readPage('README.md'), readPage('CONTRIBUTING.md')])(
  '$path',
  (page) => {
    test('links lead somewhere', () => {
      for (const { url, target, anchor } of internalLinks(page)) {
        expect(existsSync(join(root, target)), url).toBe(true)
        if (anchor) expect(anchors(readPage(target)), url).toContain(anchor)
      }
    })
    test('formulas can be set', () => {
      for (const { tex, display } of formulas(page))
        katex.renderToString(tex, { displayMode: display, strict: 'error', throwOnError: true })
    })
  },
)
