/** Programs to compile in tests. */
import { type Algorithm, createProgram, type Program } from '@freestep/core'

/** The program of an algorithm for one tensor, or several with options of their own. */
export function programOf(
  algorithm: Algorithm,
  sizes = [4],
  options: readonly object[] = sizes.map(() => ({})),
): Program {
  const tensors = sizes.map((size, i) => ({
    name: `p${i}`,
    shape: [size],
    size,
    dtype: 'float32' as const,
  }))
  return createProgram(
    algorithm,
    tensors,
    options.map((own) => ({ ...algorithm.options, ...own })),
  )
}
