/** Numbers for tests: a generator with a fixed sequence. */

/** Draws from [-1, 1): x ← 1664525 x + 1013904223 mod 2³². */
export function generator(seed: number): () => number {
  let x = seed >>> 0
  return () => {
    x = (Math.imul(1664525, x) + 1013904223) >>> 0
    return 2 * (x / 2 ** 32) - 1
  }
}
