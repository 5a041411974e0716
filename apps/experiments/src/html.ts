// A tagged template for HTML: what is put in is escaped, unless it is HTML itself. Lists are
// joined, undefined is nothing.

/** HTML text. */
export class Html {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** What can be put in. */
export type Content = Html | string | number | undefined | readonly Content[]

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function render(content: Content): string {
  if (content instanceof Html) return content.text
  if (Array.isArray(content)) return content.map(render).join('')
  return content === undefined ? '' : String(content).replace(/[&<>"']/g, (mark) => ESCAPES[mark]!)
}

/** HTML with escaped insertions. */
export const html = (parts: TemplateStringsArray, ...contents: Content[]): Html =>
  new Html(parts.map((part, i) => part + render(contents[i])).join(''))
