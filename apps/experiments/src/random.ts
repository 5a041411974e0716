// All chance of a training run: which rows are held out, and the order of the batches. A seed fixes
// both. (The initial weights are drawn by tfjs, from the same seed.)
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/**
 * A shuffle (Fisher and Yates, in place) that draws on one seeded stream: the n-th call differs
 * from the first.
 */
export function shuffler(seed: number): (order: Int32Array) => Int32Array {
  const random = xoroshiro128plus(seed)
  return (order) => {
    for (let i = order.length - 1; i > 0; i--) {
      const j = uniformInt(random, 0, i)
      const held = order[i]!
      order[i] = order[j]!
      order[j] = held
    }
    return order
  }
}

/** Batches of `size` row indices without end: every row once per epoch, in a new order each; all of equal size, so
 * a batch may span two epochs. */
export function* batches(rows: number, size: number, seed: number): Generator<Int32Array, never> {
  const shuffle = shuffler(seed)
  const order = Int32Array.from({ length: rows }, (_, row) => row)
  for (let next = rows; ; ) {
    const batch = new Int32Array(size)
    for (let i = 0; i < size; i++) {
      if (next === rows) {
        shuffle(order)
        next = 0
      }
      batch[i] = order[next++]!
    }
    yield batch
  }
}

/** Uniform draws from [0, 1) that one seeded stream gives. */
export function uniforms(seed: number): () => number {
  const random = xoroshiro128plus(seed)
  return () =>
    (uniformInt(random, 0, 2 ** 26 - 1) * 2 ** 27 + uniformInt(random, 0, 2 ** 27 - 1)) / 2 ** 53
}

/** Normal draws (Box and Muller) from one seeded stream. */
export function normals(seed: number): () => number {
  const draw = uniforms(seed)
  return () => Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw())
}

/**
 * Batch k of `size` row indices: every row at most once per epoch, in an order that the seed and
 * the epoch give. Unlike `batches`, any batch can be asked for at any time, so an interrupted run
 * goes on where it was; rows that do not fill a batch sit out an epoch.
 */
export function batchAt(rows: number, size: number, seed: number, k: number): Int32Array {
  const perEpoch = Math.floor(rows / size)
  const epoch = Math.floor(k / perEpoch)
  return permutation(rows, seed, epoch).subarray((k % perEpoch) * size, ((k % perEpoch) + 1) * size)
}

const orders = new Map<string, Int32Array>()

/** The order of the rows in an epoch; the last few are kept. */
function permutation(rows: number, seed: number, epoch: number): Int32Array {
  const key = `${rows} ${seed} ${epoch}`
  const known = orders.get(key)
  if (known) return known
  const order = shuffler(seed + 1_000_003 * epoch)(
    Int32Array.from({ length: rows }, (_, row) => row),
  )
  if (orders.size >= 8) orders.clear()
  orders.set(key, order)
  return order
}
