/**
 * What the search for a learning rate costs: the table in the README of apps/experiments, which the
 * main job printed.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../build/places.ts'

/**
 * A run: which optimizer, at which learning rate if it needs one, and how many per cent of the test
 * digits it read.
 */
export interface Run {
  readonly optimizer: string
  readonly rate: number | undefined
  readonly accuracy: number
}

declare const data: readonly Run[]

export { data }

export default {
  watch: ['../../../experiments/README.md'],
  load(): readonly Run[] {
    const text = readFileSync(join(root, 'apps/experiments/README.md'), 'utf8')
    const rows = [...text.matchAll(/^(\S.*?) {2,}(none|[\d.e-]+) +([\d.]+)% /gm)]
    return rows.map(([, optimizer, rate, accuracy]) => ({
      optimizer,
      rate: rate === 'none' ? undefined : Number(rate),
      accuracy: Number(accuracy),
    }))
  },
}
