/**
 * The way through the site: what the bar at the side lists. Titles are those of the pages;
 * algorithms come in the order of their index.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DefaultTheme } from 'vitepress'
import { adapters } from './adapters.ts'
import { manifestOf, packageNames } from './places.ts'
import { content } from './stage.ts'

type Item = DefaultTheme.SidebarItem

const read = (page: string) => readFileSync(join(content, page), 'utf8')

/** The title of a page, without the marks of code. */
const titleOf = (page: string): string =>
  (/^# (.+)$/m.exec(read(page))?.[1] ?? page).replaceAll('`', '')

const item = (page: string, text = titleOf(page)): Item => ({
  text,
  link: `/${page.replace(/(index)?\.md$/, '')}`,
})

/**
 * Pages about algorithms or wrappers, by the headings of the index: each page once, under the names
 * of all it is about.
 */
function algorithms(): Item[] {
  const sections = read('algorithms/index.md').split(/^## /m).slice(1)
  const groups = sections.map((section) => {
    const [text] = section.split('\n')
    const links = [...section.matchAll(/\[`(\w+)`\]\(([\w./]+)\)/g)].map(([, name, link]) => ({
      name,
      page: join('algorithms', link),
    }))
    const pages = [...new Set(links.map(({ page }) => page))]
    const names = (page: string) =>
      links.filter((link) => link.page === page).map(({ name }) => name)
    return { text, collapsed: true, items: pages.map((page) => item(page, names(page).join(', '))) }
  })
  return groups.filter(({ items }) => items.length)
}

/** The bar of everything but the API. Every page of docs/ is in it, which a test sees to. */
function guides(): Item[] {
  const known = new Set(adapters().adapters.map(({ name }) => name))
  const packages = packageNames().map((name) => ({
    name,
    ...item(`packages/${name}.md`, manifestOf(name).name),
  }))
  const short: Record<string, string> = {
    'clipping.md': 'Clipping',
    'float32.md': 'float32',
    'experiments.md': 'Experiments',
  }
  const some = (pages: string[]) =>
    pages.map((page) => item(page, short[page] ?? titleOf(page).replace(/^Coming from /, '')))
  return [
    { text: 'Begin', items: some(['start.md', 'choose-an-adapter.md', 'choose-an-algorithm.md']) },
    { text: 'Playground', items: some(['playground/index.md', 'playground/digits.md']) },
    {
      text: 'Coming from',
      items: some(['coming-from/pytorch.md', 'coming-from/optax.md', 'coming-from/tf-train.md']),
    },
    {
      text: 'Guides',
      items: some([
        'schedules.md',
        'groups.md',
        'checkpoints.md',
        'clipping.md',
        'float32.md',
        'onnx-step.md',
      ]),
    },
    { text: 'Measured', items: some(['benchmarks.md', 'experiments.md']) },
    { text: 'Algorithms', items: [item('algorithms/index.md', 'All of them'), ...algorithms()] },
    { text: 'Adapters', items: packages.filter(({ name }) => known.has(name)) },
    {
      text: 'Contribute',
      items: [
        ...some([
          'how-it-works.md',
          'write-a-backend.md',
          'add-an-algorithm.md',
          'fluent-or-free.md',
        ]),
        ...packages.filter(({ name }) => !known.has(name)),
      ],
    },
  ]
}

/** The bars of the API, which typedoc has written: one for each package. */
function api(): DefaultTheme.SidebarMulti {
  const file = join(content, 'api/typedoc-sidebar.json')
  const packages: Item[] = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : []
  const all = packages.map(({ text, link }) => ({ text, link }))
  const bars = packages.map(({ text, link, items }): [string, Item[]] => [
    link ?? '',
    [
      { text, link, items },
      { text: 'Packages', items: all.filter((each) => each.link !== link) },
    ],
  ])
  return { ...Object.fromEntries(bars), '/api/': [{ text: 'Packages', items: all }] }
}

/** All of them. */
export const sidebar = (): DefaultTheme.SidebarMulti => ({ ...api(), '/': guides() })
