/**
 * Norms that are written out. √Σx² has no derivative at x = 0, and the chain rule gives ∞ · 0
 * there. Exporters write PyTorch's own norms, distances and deviations so, whose gradient there is
 * 0, as is that of ReduceL2. For the rules of roots.
 */
import { numberOf } from '../graph/ops.ts'
import type { Value } from '../graph/value.ts'

/** Operators whose result is a sum of squares if all that they take is. */
const kept: ReadonlySet<string> = new Set([
  ...['Identity', 'Cast', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Transpose', 'Expand'],
  ...['Add', 'Sum', 'ReduceSum', 'ReduceMean'],
])

/** What the elements come from: of operators of one argument the others are shapes and axes. */
const terms = (opType: string, x: readonly Value[]) =>
  /^(Add|Sum)$/.test(opType) ? x : x.slice(0, 1)

function makerOf({ name, in: builder }: Value) {
  const node = builder.nodes.find(({ output }) => output?.includes(name))
  const x = (node?.input ?? []).flatMap((input) => builder.find(input) ?? [])
  return { opType: node?.opType ?? '', x }
}

/** Whether a value is a constant, or a number of elements. */
function isFixed(value: Value): boolean {
  if (value.constant) return true
  const { opType, x } = makerOf(value)
  return opType === 'Shape' || opType === 'Size' || (x.length > 0 && x.every(isFixed))
}

/** Whether a value is made of squares, so that it is 0 only where its derivative is 0, too. */
export function isSumOfSquares(value: Value): boolean {
  const { opType, x } = makerOf(value)
  const [a, b] = x
  const isFactor = (each: Value) => isSumOfSquares(each) || isFixed(each)
  if (opType === 'ReduceSumSquare') return true
  if (opType === 'Pow') return (numberOf(b) ?? 0) > 1
  if (opType === 'Mul') return a === b || (x.some(isSumOfSquares) && x.every(isFactor))
  if (opType === 'Div') return isSumOfSquares(a) && isFixed(b)
  return kept.has(opType) && terms(opType, x).every(isSumOfSquares)
}
