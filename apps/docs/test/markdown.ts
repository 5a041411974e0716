/**
 * The pages of the documentation as trees, and what the tests ask of one: its title, headings,
 * tables, links, formulas and code. Not the tests, and not the site.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import Slugger from 'github-slugger'
import type { Heading, Node, Nodes, Root, Table } from 'mdast'
import remarkGfm from 'remark-gfm'
import remarkMath from 'remark-math'
import remarkParse from 'remark-parse'
import { unified } from 'unified'
import { visit } from 'unist-util-visit'

/** The repository. */
export const root = fileURLToPath(new URL('../../..', import.meta.url))

/** A Markdown file. */
export interface Page {
  /** Its path in the repository. */
  readonly path: string
  readonly tree: Root
}

const processor = unified().use(remarkParse).use(remarkGfm).use(remarkMath)

const known = new Map<string, Page>()

/** Reads a Markdown file of the repository, once. */
export function readPage(path: string): Page {
  const page = known.get(path) ?? {
    path,
    tree: processor.parse(readFileSync(join(root, path), 'utf8')),
  }
  known.set(path, page)
  return page
}

/** Every Markdown file in a folder of the repository and the folders in it. */
export const pagesIn = (folder: string): Page[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !name.includes('node_modules'))
    .sort()
    .map((name) => readPage(join(folder, name).replaceAll('\\', '/')))

/** The READMEs of the packages. */
export const packagesWithReadme = (): string[] =>
  readdirSync(join(root, 'packages'))
    .map((name) => `packages/${name}/README.md`)
    .filter((path) => existsSync(join(root, path)))
    .sort()

/** All nodes of a type, in order. */
export function all<T extends Nodes['type']>(tree: Node, type: T): Extract<Nodes, { type: T }>[] {
  const found: Extract<Nodes, { type: T }>[] = []
  visit(tree as Root, (node) => {
    if (node.type === type) found.push(node as Extract<Nodes, { type: T }>)
  })
  return found
}

/** The text of a node, without its markup. */
export function text(node: Nodes): string {
  if ('value' in node) return node.value
  return 'children' in node ? (node.children as Nodes[]).map(text).join('') : ''
}

/** The headings of a level. */
export const headings = ({ tree }: Page, depth: Heading['depth']): string[] =>
  all(tree, 'heading')
    .filter((heading) => heading.depth === depth)
    .map(text)

/** The names in code in the title: what the page is about. */
export const subjects = ({ tree }: Page): string[] => {
  const [title] = all(tree, 'heading')
  return title ? all(title, 'inlineCode').map(({ value }) => value) : []
}

/** The nodes below a heading of level two, up to the next. */
export function section({ path, tree }: Page, name: string): Root {
  const start = tree.children.findIndex(
    (node) => node.type === 'heading' && node.depth === 2 && text(node) === name,
  )
  if (start < 0) throw new RangeError(`${path} has no section "${name}".`)
  const rest = tree.children.slice(start + 1)
  const end = rest.findIndex((node) => node.type === 'heading' && node.depth <= 2)
  return { type: 'root', children: end < 0 ? rest : rest.slice(0, end) }
}

/** A table as text, the header first. */
export const cells = (table: Table): string[][] =>
  table.children.map((row) => row.children.map((cell) => text(cell)))

/** The anchors of a page, as GitHub makes them. */
export function anchors({ tree }: Page): Set<string> {
  const slugger = new Slugger()
  return new Set(all(tree, 'heading').map((heading) => slugger.slug(text(heading))))
}

/**
 * The links and images of a page that lead to a file of the repository: as written, the path there,
 * and the anchor.
 */
export function internalLinks({
  path,
  tree,
}: Page): { url: string; target: string; anchor: string | undefined }[] {
  const urls = [...all(tree, 'link'), ...all(tree, 'image'), ...all(tree, 'definition')].map(
    ({ url }) => url,
  )
  return urls
    .filter((url) => !/^[a-z]+:/.test(url))
    .map((url) => {
      const [file, anchor] = url.split('#')
      return {
        url,
        target: file ? relative(root, resolve(root, dirname(path), file)) : path,
        anchor,
      }
    })
}

/** The formulas of a page. */
export const formulas = ({ tree }: Page): { tex: string; display: boolean }[] => {
  const found: { tex: string; display: boolean }[] = []
  visit(tree, (node) => {
    if (node.type === 'math' || node.type === 'inlineMath')
      found.push({ tex: node.value, display: node.type === 'math' })
  })
  return found
}

/** A block of code. */
export interface Block {
  readonly lang: string
  readonly code: string
  readonly line: number
  /** The file it shows, from the comment that stands before it: `<!-- file: examples/x.ts -->`. */
  readonly file: string | undefined
  /**
   * What it takes as given, from the comment that stands before it:
   * `<!-- given: declare const x: number -->`.
   */
  readonly given: string | undefined
  /** What it prints, from the block of text right after it. */
  readonly output: string | undefined
}

/** The code of a page. */
export function codeOf({ tree }: Page): Block[] {
  const found: Block[] = []
  visit(tree, 'code', ({ lang, value, position }, index = 0, parent) => {
    const [before, after] = [parent?.children[index - 1], parent?.children[index + 1]]
    const file =
      before?.type === 'html' ? /^<!-- file: (\S+) -->$/.exec(before.value)?.[1] : undefined
    const given =
      before?.type === 'html'
        ? /^<!-- given:\s([\s\S]+?)\s*-->$/.exec(before.value)?.[1]
        : undefined
    const output = after?.type === 'code' && after.lang === 'text' ? after.value : undefined
    found.push({
      lang: lang ?? '',
      code: value,
      line: position?.start.line ?? 0,
      file,
      given,
      output,
    })
  })
  return found
}
