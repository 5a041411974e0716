// The API pages: a folder of Markdown for each package and each path in one that can be imported, from the sources, which the site renders
// with everything else. An export without a doc comment is an error, and a {@link} to nothing too.
import { existsSync, readdirSync, readFileSync } from 'node:fs'

const packages = new URL('../../packages/', import.meta.url)

/** The sources of all that package.json lets others import. @param {string} name - of a folder in packages/ */
const sourcesOf = (name) => {
  /** @type {{ exports: Record<string, Record<string, string>> }} */
  const { exports } = JSON.parse(readFileSync(new URL(`${name}/package.json`, packages), 'utf8'))
  return Object.values(exports).map((each) => `../../packages/${name}/${each['@freestep/source']}`)
}

/** @type {Partial<import('typedoc').TypeDocOptions> & Record<string, unknown>} */
export default {
  name: 'API',
  plugin: ['typedoc-plugin-markdown', 'typedoc-vitepress-theme', './build/api.js'],
  tsconfig: 'build/tsconfig.api.json',
  readme: 'none',
  entryPoints: readdirSync(packages)
    .filter((name) => existsSync(new URL(`${name}/src/index.ts`, packages)))
    .flatMap(sourcesOf),
  excludeInternal: true,
  excludePrivate: true,
  disableSources: true,
  validation: { notDocumented: true, notExported: false, invalidLink: true },
  // Every export is documented; the fields of an interface where their name does not say all.
  requiredToBeDocumented: [
    'Class',
    'Enum',
    'Function',
    'Interface',
    'Method',
    'TypeAlias',
    'Variable',
  ],
  treatWarningsAsErrors: true,
  logLevel: 'Warn',
  out: 'content/api',
  docsRoot: 'content',
  categorizeByGroup: false,
  defaultCategory: 'Also here',
  categoryOrder: ['Main', '*', 'Also here'],
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
