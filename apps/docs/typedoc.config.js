// The API pages: one module per package, from the sources; an export without a doc comment is an error.
import { existsSync, readdirSync } from 'node:fs'

const packages = new URL('../../packages/', import.meta.url)

/** @type {import('typedoc').TypeDocOptions} */
export default {
  name: 'freestep',
  readme: '../../README.md',
  entryPointStrategy: 'packages',
  entryPoints: readdirSync(packages)
    .filter((name) => existsSync(new URL(`${name}/src/index.ts`, packages)))
    .map((name) => `../../packages/${name}`),
  packageOptions: {
    entryPoints: ['src/index.ts'],
    disableSources: true,
    excludeInternal: true,
    excludePrivate: true,
    validation: { notDocumented: true, notExported: false, invalidLink: true },
    // Every export is documented; the fields of an interface where their name does not say all.
    requiredToBeDocumented: ['Class', 'Enum', 'Function', 'Interface', 'Method', 'TypeAlias', 'Variable'],
  },
  out: 'site',
  disableSources: true,
  treatWarningsAsErrors: true,
}
