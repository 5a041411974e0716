/** The site: what VitePress makes of content/. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { defaultClientConditions, defaultServerConditions, type Plugin } from 'vite'
import { defineConfig } from 'vitepress'
import { checkDescriptions, descriptionOf } from '../build/descriptions.ts'
import { digits } from '../build/digits.ts'
import { checkLinks } from '../build/links.ts'
import { markdown } from '../build/markdown.ts'
import { app, root } from '../build/places.ts'
import { sidebar } from '../build/sidebar.ts'
import { content, sources, stage, stageOne } from '../build/stage.ts'

if (!process.argv.includes('preview')) {
  stage()
  const file = join(content, 'public/digits.bin')
  mkdirSync(join(content, 'public'), { recursive: true })
  writeFileSync(file, digits())
}

/** In development, a page that is changed is gathered again. */
const restage: Plugin = {
  name: 'freestep:restage',
  configureServer({ watcher }) {
    watcher.add([join(root, 'docs'), join(app, 'pages')])
    watcher.on('change', (path) => {
      const source = sources().find(({ file }) => join(root, file) === path)
      if (source) stageOne(source.file, source.page)
    })
  },
}

const source = '@freestep/source'

/** Pages that look otherwise. Not said in the pages, which stay plain Markdown. */
const looks: Readonly<
  Record<
    string,
    { title?: string; titleTemplate?: string; layout?: string; sidebar?: false; aside?: false }
  >
> = {
  'index.md': {
    layout: 'page',
    sidebar: false,
    title: 'Training without a learning rate',
    titleTemplate: 'freestep',
  },
  'choose-an-adapter.md': { aside: false },
  'playground/index.md': { aside: false },
  'playground/digits.md': { aside: false },
}

export default defineConfig({
  lang: 'en',
  title: 'freestep',
  titleTemplate: ':title · freestep',
  description:
    'Training without a learning rate, in JavaScript and TypeScript: Prodigy, D-Adaptation, DoG and their kin.',
  srcDir: 'content',
  outDir: 'site',
  base: process.env.DOCS_BASE ?? '/',
  head: [
    [
      'link',
      { rel: 'icon', type: 'image/svg+xml', href: `${process.env.DOCS_BASE ?? '/'}icon.svg` },
    ],
  ],
  markdown,
  themeConfig: {
    logo: '/icon.svg',
    nav: [
      { text: 'Start', link: '/start' },
      {
        text: 'Adapters',
        link: '/choose-an-adapter',
        activeMatch: '/(choose-an-adapter|packages)',
      },
      {
        text: 'Algorithms',
        link: '/choose-an-algorithm',
        activeMatch: '/(choose-an-algorithm|algorithms|wrappers)',
      },
      { text: 'Playground', link: '/playground/', activeMatch: '/playground/' },
      { text: 'API', link: '/api/', activeMatch: '/api/' },
    ],
    sidebar: sidebar(),
    outline: { level: [2, 3] },
    search: { provider: 'local' },
    footer: { message: 'MIT licensed. This site asks no other for anything.' },
    docFooter: { prev: 'Before', next: 'Next' },
    notFound: {
      title: 'THERE IS NO SUCH PAGE',
      quote: 'It may have moved. The search above knows every page that there is.',
      linkText: 'To the front page',
    },
  },
  transformPageData(page) {
    const { title, ...look } = looks[page.relativePath] ?? {}
    const description = descriptionOf(page.relativePath)
    return {
      frontmatter: { ...page.frontmatter, ...look },
      ...(title && { title: String(title) }),
      ...(description && { description }),
    }
  },
  buildEnd({ outDir }) {
    checkLinks(outDir)
    checkDescriptions(outDir)
  },
  vite: {
    plugins: [restage],
    publicDir: join(content, 'public'),
    resolve: { conditions: [source, ...defaultClientConditions] },
    ssr: {
      noExternal: [/^@freestep\//],
      resolve: { conditions: [source, ...defaultServerConditions] },
    },
    worker: { format: 'es' },
    build: { chunkSizeWarningLimit: 3000 },
  },
})
