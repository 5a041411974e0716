/** Kernels in languages that are not printed in the page (PTX), from the snapshots of the compiler's tests, if there are any. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../build/places.ts'

/** The listings by language, and by algorithm in it. */
export type Listings = Readonly<Record<string, Readonly<Record<string, string>>>>

declare const data: Listings

export { data }

export default {
  load(): Listings {
    const folder = join(root, 'packages/compiler/test/kernels')
    const files = readdirSync(folder).filter((name) => name.endsWith('.ptx'))
    const ptx = files.map((name) => [name.replace('.ptx', '()'), readFileSync(join(folder, name), 'utf8')])
    return ptx.length ? { PTX: Object.fromEntries(ptx) } : {}
  },
}
