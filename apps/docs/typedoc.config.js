// The API pages: a folder of Markdown for each package, from the sources, which the site renders with everything else. An export without
// a doc comment is an error, and a {@link} to nothing too.
import { existsSync, readdirSync } from 'node:fs'

const packages = new URL('../../packages/', import.meta.url)

/** @type {Partial<import('typedoc').TypeDocOptions> & Record<string, unknown>} */
export default {
  name: 'API',
  plugin: ['typedoc-plugin-markdown', 'typedoc-vitepress-theme', './build/api.js'],
  tsconfig: 'build/tsconfig.api.json',
  readme: 'none',
  entryPoints: readdirSync(packages)
    .filter((name) => existsSync(new URL(`${name}/src/index.ts`, packages)))
    .map((name) => `../../packages/${name}/src/index.ts`),
  excludeInternal: true,
  excludePrivate: true,
  disableSources: true,
  validation: { notDocumented: true, notExported: false, invalidLink: true },
  // Every export is documented; the fields of an interface where their name does not say all.
  requiredToBeDocumented: ['Class', 'Enum', 'Function', 'Interface', 'Method', 'TypeAlias', 'Variable'],
  treatWarningsAsErrors: true,
  logLevel: 'Warn',
  out: 'content/api',
  docsRoot: 'content',
  categorizeByGroup: false,
  defaultCategory: 'Also here',
  useHTMLEncodedBrackets: true,
  sanitizeComments: true,
  hidePageHeader: true,
  hideBreadcrumbs: true,
  excludeScopesInPaths: true,
  indexFormat: 'table',
  parametersFormat: 'table',
  interfacePropertiesFormat: 'table',
  propertyMembersFormat: 'table',
  classPropertiesFormat: 'table',
  typeDeclarationFormat: 'table',
  tableColumnSettings: { hideSources: true, hideInherited: true, hideOverrides: true },
  sidebar: { autoConfiguration: true, format: 'vitepress', pretty: false, collapsed: true },
}
