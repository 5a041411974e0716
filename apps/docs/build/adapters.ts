/**
 * The adapters, for the chooser, the table and the front page: what data/adapters.json says of the
 * packages that are there, what their package.json says of those it does not know yet, and what was
 * measured (data/figures.json). Not how any of it looks.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Adapter, type Adapters, mayAnswer, type Question } from '../src/chooser.ts'
import { app, manifestOf, packageNames } from './places.ts'

/** What data/adapters.json says of one. */
interface Row {
  readonly title: string
  readonly runsOn: string
  readonly tensors: string
  readonly steps: Adapter['steps']
  readonly how: string
  readonly why: string
  readonly peers?: readonly string[]
  readonly fits: Adapter['fits']
  readonly speed: readonly (readonly [figure: string, what: string])[]
}

/**
 * What scripts/figures.mjs measured: speeds by the suite of apps/bench, with where and when; sizes
 * in bytes by adapter.
 */
export interface Figures {
  readonly speed: Readonly<
    Record<string, { readonly on: string; readonly figures: Readonly<Record<string, number>> }>
  >
  readonly bytes: Readonly<Record<string, { readonly page: number; readonly disk: number }>>
}

const read = <T>(name: string): T => JSON.parse(readFileSync(join(app, 'data', name), 'utf8'))

/** The packages that are no adapters. */
const others = ['core', 'compiler', 'engine', 'conformance']

/** What was measured. */
export const figures = (): Figures => read('figures.json')

/**
 * All adapters that are there, those of the data file first and in its order, and the questions
 * that lead to them.
 */
export function adapters(): Adapters {
  const { questions, adapters: rows } = read<{
    questions: Question[]
    adapters: Record<string, Row>
  }>('adapters.json')
  const there = packageNames().filter((name) => !others.includes(name))
  const names = [
    ...Object.keys(rows).filter((name) => there.includes(name)),
    ...there.filter((name) => !(name in rows)),
  ]
  const found = names.map((name) => adapterOf(name, rows[name]))
  return { questions: questions.map((question) => answerable(question, found)), adapters: found }
}

/** The question, with the answers that lead somewhere. */
const answerable = ({ id, ask, answers }: Question, found: readonly Adapter[]): Question => ({
  id,
  ask,
  answers: Object.fromEntries(
    Object.entries(answers).filter(([answer]) =>
      found.some((adapter) => mayAnswer(adapter, id, answer)),
    ),
  ),
})

function adapterOf(name: string, row: Row | undefined): Adapter {
  const {
    name: full,
    description,
    peerDependencies = {},
    peerDependenciesMeta: meta = {},
  } = manifestOf(name)
  const { speed, bytes } = figures()
  const peers = row?.peers ?? Object.keys(peerDependencies).filter((peer) => !meta[peer]?.optional)
  const code = join(app, 'first', `${name}.ts`)
  return {
    name,
    package: full,
    title: row?.title ?? full,
    runsOn: row?.runsOn ?? '',
    tensors: row?.tensors ?? '',
    steps: row?.steps ?? 'fused',
    how: row?.how ?? '',
    why: row?.why ?? description,
    fits: row?.fits ?? [],
    install: `npm install ${[full, ...peers].join(' ')}`,
    code: existsSync(code) ? readFileSync(code, 'utf8').trim() : '',
    bytes: bytes[name],
    peers,
    speed: (row?.speed ?? []).flatMap(([figure, what]) => {
      const { on, figures } = speed[figure.split('/')[0]] ?? { on: '', figures: {} }
      return figure in figures ? [{ figure, what, on, value: figures[figure] }] : []
    }),
  }
}

/** The first lines with each adapter, as a group of code blocks. */
export function firstLines(): string {
  const blocks = adapters()
    .adapters.filter(({ code }) => code)
    .map(({ title, code, install }) => `\`\`\`ts [${title}]\n// ${install}\n${code}\n\`\`\``)
  return `::: code-group\n\n${blocks.join('\n\n')}\n\n:::`
}
