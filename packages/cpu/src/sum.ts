/**
 * The sum of an array in double precision, in the order of the kernels, so that it is the same
 * number: segment by segment, and within one as `sumOrder` says.
 */
import { sumOrder } from '@freestep/compiler'
import { segmentLength } from './memory.ts'

/** Σ aᵢ over what is finite; p says that the array is a slice, every p-th element of another. */
export function sum(a: Float32Array | Float64Array, p?: number): number {
  const { lanes, round } = sumOrder[a instanceof Float32Array ? 'float32' : 'float64']
  const stride = p ?? 1
  let total = 0
  for (let segment = 0, from = 0; from < a.length; segment++) {
    const to = Math.min(a.length, Math.ceil(((segment + 1) * segmentLength) / stride))
    total += ofSegment(a, from, to, lanes, p === undefined ? round : Infinity)
    from = to
  }
  return total
}

function ofSegment(
  a: Float32Array | Float64Array,
  from: number,
  to: number,
  lanes: 2 | 4,
  round: number,
): number {
  // The totals of whole rounds, and one of what is left over.
  const totals = [0, 0, 0, 0, 0]
  const whole = from + (round === Infinity ? 0 : to - from - ((to - from) % round))
  for (let i = from; i < to; i++)
    totals[i < whole ? (i - from) % lanes : 4] += a[i] - a[i] === 0 ? a[i] : 0
  return totals[0] + totals[2] + (totals[1] + totals[3]) + totals[4]
}
