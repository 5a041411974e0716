/**
 * Gathers the site's pages in content/: the guides of docs/, the pages that only the site has, and
 * the README of each package. They stay plain Markdown; what is changed on the way is said here.
 * The API pages are there already (typedoc.config.js). Not the looks.
 *
 * - `<!-- site: Name -->` becomes the component of that name: an interactive part that GitHub does
 *   not show.
 * - Links to what is no page (a file of the repository) become text.
 * - A page about algorithms says where to see them move, and where their API is.
 * - A README becomes `packages/NAME.md`, and ends with the way to its API.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { firstLines } from './adapters.ts'
import { app, packageNames, root } from './places.ts'

/** The folder that the site is built from. */
export const content = join(app, 'content')

/** Where a Markdown file of the repository is on the site, if it is. */
function pageOf(path: string): string | undefined {
  if (path === 'README.md') return 'index.md'
  const [first, name, ...rest] = path.split('/')
  if (first === 'docs' && path.endsWith('.md')) return path.slice('docs/'.length)
  if (first === 'packages' && (rest.length === 0 || rest.join() === 'README.md'))
    return `packages/${name}.md`
  if (path.startsWith('apps/docs/pages/')) return path.slice('apps/docs/pages/'.length)
  return undefined
}

/** The pages of the site that are written by hand: file of the repository, page. */
export function sources(): { readonly file: string; readonly page: string }[] {
  const markdown = (folder: string) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
      .filter((path) => path.endsWith('.md'))
  const readmes = packageNames().map((name) => `packages/${name}/README.md`)
  return [...markdown('docs'), ...markdown('apps/docs/pages'), ...readmes]
    .filter((file) => existsSync(join(root, file)))
    .map((file) => ({ file, page: pageOf(file) as string }))
}

/** Writes all of them, anew. */
export function stage(): void {
  for (const name of existsSync(content) ? readdirSync(content) : [])
    if (name !== 'api') rmSync(join(content, name), { recursive: true })
  cpSync(join(app, 'public'), join(content, 'public'), { recursive: true })
  // The pictures of the guides, where the guides look for them.
  cpSync(join(root, 'docs'), content, {
    recursive: true,
    filter: (path) => statSync(path).isDirectory() || path.endsWith('.svg'),
  })
  for (const { file, page } of sources()) stageOne(file, page)
}

/** Writes one. */
export function stageOne(file: string, page: string): void {
  const target = join(content, page)
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, onSite(readFileSync(join(root, file), 'utf8'), file, page))
}

/** Code, in which nothing is a link, or a link: its words and where it leads. */
const codeOrLink = /(```[\s\S]*?```|`[^`\n]*`)|(?<!!)\[((?:[^[\]]|\[[^\]]*\])+)\]\(([^()\s]+)\)/g

/** The text of a page as the site has it. */
function onSite(text: string, file: string, page: string): string {
  const [, name] = /^packages\/([^/]+)\/README\.md$/.exec(file) ?? []
  const body = text
    .replace(/<!-- site: first lines -->/g, () => firstLines())
    .replace(/<!-- site: (\w+) -->/g, '<$1 />')
    .replace(codeOrLink, (all, code, words, url) =>
      code ? all : linkOnSite({ link: all, words, url }, file, page),
    )
  if (/^docs\/algorithms\/(?!index)/.test(file))
    return body.replace(/\n(?=## )/, () => `\n${elsewhere(text)}\n\n`)
  return name
    ? `${body}\n## API\n\n[Everything that \`@freestep/${name}\` exports](../api/${name}/index.md)\n`
    : body
}

/** The way from the page about some algorithms to the playground and to their API. */
function elsewhere(text: string): string {
  const names = [...(text.split('\n')[0].matchAll(/`(\w+)`/g) ?? [])].map(([, name]) => name)
  const api = names.map((name) => `[\`${name}\`](../api/core/variables/${name}.md)`)
  // A link of Markdown would lose the query.
  return `<a href="../playground/?methods=${names.join()}">See it move</a> · API: ${api.join(', ')}`
}

/**
 * A link of a file of the repository as a link of the site. The pages that only the site has are
 * written with such.
 */
function linkOnSite(
  { link, words, url }: { link: string; words: string; url: string },
  file: string,
  page: string,
): string {
  if (/^([a-z]+:|#|\/)/.test(url) || file.startsWith('apps/docs/pages/')) return link
  const [path, anchor] = url.split('#')
  const target = pageOf(posix.normalize(posix.join(posix.dirname(file), path)).replace(/\/$/, ''))
  if (!target) return words
  const adapters = target === 'index.md' && anchor === 'adapters'
  const to = posix.relative(posix.dirname(page), adapters ? 'choose-an-adapter.md' : target)
  return `[${words}](${to}${anchor && !adapters ? `#${anchor}` : ''})`
}
