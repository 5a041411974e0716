/** The adapters for the components, read while the site is built, their first lines as HTML. */
import { adapters } from '../../build/adapters.ts'
import { render } from '../../build/markdown.ts'
import type { Adapters } from '../../src/chooser.ts'

/** The adapters, and HTML by their names. */
export interface Data extends Adapters {
  /** The first lines. */
  readonly code: Readonly<Record<string, string>>
  /** What its tensors are, and where it runs. */
  readonly tensors: Readonly<Record<string, string>>
  readonly runsOn: Readonly<Record<string, string>>
}

declare const data: Data

export { data }

export default {
  watch: ['../../data/*.json', '../../first/*.ts'],
  async load(): Promise<Data> {
    const html = await render()
    const found = adapters()
    const each = async (text: (adapter: (typeof found.adapters)[number]) => string) =>
      Object.fromEntries(
        await Promise.all(
          found.adapters.map(async (adapter) => [adapter.name, await html(text(adapter))]),
        ),
      )
    return {
      ...found,
      code: await each(({ code }) => (code ? `\`\`\`ts\n${code}\n\`\`\`` : '')),
      tensors: await each(({ tensors }) => tensors),
      runsOn: await each(({ runsOn }) => runsOn),
    }
  },
}
