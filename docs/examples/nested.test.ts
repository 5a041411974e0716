import { testBackend } from '@freestep/conformance'
import { type Nested, nested } from './nested.ts'

/** Numbers in row-major order as rows of rows. */
function nest(numbers: readonly number[], [size = 0, ...inner]: readonly number[]): Nested {
  if (!inner.length) return [...numbers]
  const length = numbers.length / size
  return Array.from({ length: size }, (_, i) =>
    nest(numbers.slice(i * length, (i + 1) * length), inner),
  )
}

/** And back. */
const flatten = (tensor: Nested): number[] =>
  (tensor as (number | Nested)[]).flatMap((each) =>
    typeof each === 'number' ? each : flatten(each),
  )

testBackend('nested arrays', () => nested(), {
  dtypes: ['float64'],
  tensor: (numbers, shape) => nest(numbers, shape),
  read: flatten,
})
