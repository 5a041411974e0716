// All chance of a training run: which rows are held out, and the order of the batches. A seed fixes both. (The initial
// weights are drawn by tfjs, from the same seed.)
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** A shuffle (Fisher and Yates, in place) that draws on one seeded stream: the n-th call differs from the first. */
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
