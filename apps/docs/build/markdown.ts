/** How Markdown is read: highlighting, and formulas that are set while the site is built. */
import { katex } from '@mdit/plugin-katex'
import { createMarkdownRenderer, type MarkdownOptions } from 'vitepress'
import { content } from './stage.ts'

/** For VitePress. */
export const markdown: MarkdownOptions = {
  theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
  languageAlias: { wat: 'wasm', ptx: 'asm' },
  config: (md) =>
    void md.use(katex, {
      strict: 'error',
      throwOnError: true,
      // Vue leaves formulas alone; long ones can be scrolled by keys.
      transformer: (html: string) =>
        html
          .replace(/^(<[a-z]+)/, '$1 v-pre')
          .replace('class="katex-display"', 'class="katex-display" tabindex="0"'),
    }),
}

/** A piece of Markdown as HTML, for the components. */
export async function render(): Promise<(text: string) => Promise<string>> {
  const renderer = await createMarkdownRenderer(content, markdown)
  return (text) => renderer.renderAsync(text)
}
