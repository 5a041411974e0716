/**
 * The sum of an array in double precision and a fixed order: halves recursively down to blocks, so the rounding error grows with the
 * logarithm of the length. Not compensated summation, which is slower and no more exact for float32 terms.
 */
const block = 256

/** Σ aᵢ for i in [from, to), over what is finite. */
export function sum(a: Float32Array | Float64Array, from = 0, to = a.length): number {
  if (to - from > block) {
    const half = from + block * Math.ceil((to - from) / block / 2)
    return sum(a, from, half) + sum(a, half, to)
  }
  let total = 0
  for (let i = from; i < to; i++) total += a[i] - a[i] === 0 ? a[i] : 0
  return total
}
