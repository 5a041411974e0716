/** Where things are: the repository, this app, the packages. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository. */
export const root = fileURLToPath(new URL('../../..', import.meta.url))

/** This app. */
export const app = join(root, 'apps/docs')

/** What package.json says of a package. */
export interface Manifest {
  readonly name: string
  readonly description: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
}

/** The folders of packages/ that are packages. */
export const packageNames = (): string[] =>
  readdirSync(join(root, 'packages'))
    .filter((name) => existsSync(join(root, 'packages', name, 'src/index.ts')))
    .sort()

/** The package.json of one. */
export const manifestOf = (name: string): Manifest =>
  JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'))
