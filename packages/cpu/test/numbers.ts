/** Numbers for tests: a generator with a fixed sequence. */

/** Draws from [-1, 1): x ← 1664525 x + 1013904223 mod 2³². */
export function generator(seed: number): () => number {
  let x = seed >>> 0
  return () => {
    x = (Math.imul(1664525, x) + 1013904223) >>> 0
    return 2 * (x / 2 ** 32) - 1
  }
}

/**
 * A random stream with choices. Neighbouring seeds are spread first, or their first draws would be
 * alike.
 */
export function chance(seed: number) {
  const draw = generator(Math.imul(seed + 1, 0x9e3779b1))
  const below = (n: number) => Math.floor(((draw() + 1) / 2) * n)
  return { draw, below, pick: <T>(list: readonly T[]): T => list[below(list.length)] }
}
export type Chance = ReturnType<typeof chance>
