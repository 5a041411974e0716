/**
 * What search engines show of a page: the first sentences of its introduction, as prose: up to the
 * first that has code in it, or a formula that letters cannot say. Names in code are words. After
 * the build every description of the site is looked at again.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Nodes, Paragraph } from 'mdast'
import remarkGfm from 'remark-gfm'
import remarkMath from 'remark-math'
import remarkParse from 'remark-parse'
import { unified } from 'unified'
import { content } from './stage.ts'

const processor = unified().use(remarkParse).use(remarkGfm).use(remarkMath)

/** More than search engines show; whole sentences are taken up to here. */
const longest = 240

/** Stands for what cannot be said in words. */
const unsayable = '\uFFFD'

/** TeX that has a letter of its own. */
const letters: readonly (readonly [tex: RegExp, letter: string])[] = [
  ...([
    [/\\cdot/g, '·'],
    [/\\sqrt\s*/g, '√'],
    [/\\le\b/g, '≤'],
    [/\\ell_\\infty/g, 'ℓ∞'],
    [/\\mathbb\{R\}\^p/g, 'ℝᵖ'],
  ] as const),
  ...Array.from('₀₁₂₃₄', (letter, i) => [new RegExp(`_${i}`, 'g'), letter] as const),
]

const raise = (power: string) =>
  Array.from(power, (digit) => (digit === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)])).join('')

/** A formula in letters, as far as it can be. */
const spoken = (tex: string): string =>
  letters
    .reduce((text, [pattern, letter]) => text.replace(pattern, letter), tex)
    .replace(/\^(?:\{(-?\d+)\}|(\d))/g, (_, long, short) => raise(long ?? short))
    .replace(/-/g, '−')

/** A node in words. */
function words(node: Nodes): string {
  if (node.type === 'text') return node.value
  // A name is a word, wherever it is written; more than a name is code.
  if (node.type === 'inlineCode')
    return /^@?[A-Za-z][\w./-]*$/.test(node.value) ? node.value : unsayable
  if (node.type === 'inlineMath') return spoken(node.value)
  if (node.type === 'break') return ' '
  return 'children' in node ? (node.children as Nodes[]).map(words).join('') : unsayable
}

/** The sentences that a paragraph begins with, as long as they are prose. */
function sentences(paragraph: Paragraph): string[] {
  const text = paragraph.children.map(words).join('').replace(/\s+/g, ' ').trim()
  const all = text.split(/(?<=[.!?])\s+(?=[^a-z])/)
  const end = all.findIndex((sentence) => faultsOf(sentence).length)
  return end < 0 ? all : all.slice(0, end)
}

/**
 * The description in a page of Markdown, if the first paragraph under its title begins with prose.
 */
export function describe(markdown: string): string | undefined {
  const title = /^# .+$/m.exec(markdown)
  if (!title) return undefined
  const [introduction] = markdown.slice(title.index + title[0].length).split(/^## /m)
  const first = processor.parse(introduction).children.find((node) => node.type === 'paragraph')
  const all = first ? sentences(first) : []
  const some = all.filter((_, i) => i === 0 || all.slice(0, i + 1).join(' ').length <= longest)
  return some.join(' ') || undefined
}

/** What is wrong with a description; nothing, if it is prose. */
export function faultsOf(description: string): string[] {
  const faults: readonly (readonly [pattern: RegExp, fault: string])[] = [
    [/`/, 'marks of code'],
    [/[$\\^]|_\{|\b(cdot|mathbb|frac|sqrt|lVert)\b/, 'a formula'],
    [/[{}<>=|]|\w\(|\w_\w|\/\/ |:::|\uFFFD/, 'code'],
    [/^[a-z]/, 'no beginning'],
    [/[^.!?]$/, 'no end'],
  ]
  return faults.filter(([pattern]) => pattern.test(description)).map(([, fault]) => fault)
}

/** The description of a page of the site. */
export const descriptionOf = (page: string): string | undefined =>
  describe(readFileSync(join(content, page), 'utf8'))

const decoded = (text: string) =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')

/** The descriptions of all pages of the built site, by page. */
function descriptionsIn(site: string): Map<string, string> {
  const names = existsSync(site) ? readdirSync(site, { recursive: true, encoding: 'utf8' }) : []
  const pages = names
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.html') && name !== '404.html')
  return new Map(
    pages.map((name) => {
      const html = readFileSync(join(site, name), 'utf8')
      return [name, decoded(/<meta name="description" content="([^"]*)"/.exec(html)?.[1] ?? '')]
    }),
  )
}

/** After the build: throws a list of the pages whose descriptions are no prose. */
export function checkDescriptions(site: string): void {
  const wrong = [...descriptionsIn(site)].flatMap(([name, description]) =>
    faultsOf(description).map((fault) => `${name}: ${fault} in "${description}"`),
  )
  if (wrong.length) throw new Error(`Descriptions that are no prose:\n${wrong.join('\n')}`)
}
