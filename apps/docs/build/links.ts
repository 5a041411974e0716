/**
 * After the build: every link within the site leads to a page that is there, and to a heading that
 * is on it.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, posix } from 'node:path'

const htmlIn = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.html'))

const decoded = (text: string) =>
  text.replaceAll('&amp;', '&').replaceAll('&quot;', '"').replaceAll('&#39;', "'")

/** Throws a list of the links that lead nowhere. */
export function checkLinks(site: string): void {
  const base = process.env.DOCS_BASE ?? '/'
  const pages = new Map(htmlIn(site).map((name) => [name, readFileSync(join(site, name), 'utf8')]))
  const anchors = new Map<string, Set<string>>()
  const anchorsOf = (name: string) => {
    const found =
      anchors.get(name) ??
      new Set([...(pages.get(name) ?? '').matchAll(/ id="([^"]+)"/g)].map(([, id]) => decoded(id)))
    anchors.set(name, found)
    return found
  }
  /** What is wrong with a link on a page, if anything. */
  const fault = (name: string, url: string): string | undefined => {
    const [path, anchor] = url.split('#')
    const inSite = path.startsWith(base)
      ? path.slice(base.length)
      : path && posix.join(posix.dirname(name), path)
    const target = path === '' ? name : pageAt(site, decodeURI(inSite.split('?')[0]))
    if (!target) return `${name}: ${url} leads nowhere`
    const isMissing =
      anchor && pages.has(target) && !anchorsOf(target).has(decodeURIComponent(anchor))
    return isMissing ? `${name}: ${url}: no such heading` : undefined
  }
  const broken = [...pages]
    .filter(([name]) => name !== '404.html')
    .flatMap(([name, html]) =>
      [...html.matchAll(/<a\b[^>]*? href="([^"]*)"/g)]
        .map(([, href]) => decoded(href))
        .filter((url) => !/^[a-z]+:/.test(url) && url !== '')
        .map((url) => fault(name, url)),
    )
    .filter((each) => each !== undefined)
  if (broken.length) throw new Error(`Broken links:\n${broken.join('\n')}`)
}

/** The file that a path of the site is. */
function pageAt(site: string, path: string): string | undefined {
  const candidates = [path, `${path}.html`, posix.join(path, 'index.html')]
  return candidates.find(
    (each) => existsSync(join(site, each)) && statSync(join(site, each)).isFile(),
  )
}
