/**
 * States on their way from an engine to one for more tensors, copied where they are. Not which
 * states there are.
 */
import type { Part, Place, Work } from './device.ts'
import { bytesEach } from './numbers.ts'

type Copies<M> = Pick<Work<M, unknown, unknown>, 'copy'>

/** Copies what the parts of a vector have in common, tensor by tensor. */
export function copyParts<M>(
  work: Copies<M>,
  from: readonly Part<M>[],
  to: readonly Part<M>[],
): void {
  for (const old of from)
    for (const part of to.filter(({ tensor }) => tensor === old.tensor)) {
      const [a, b] = overlap(old, part)
      if (a.bytes > 0) work.copy(a, b)
    }
}

/** Single numbers on their way. */
interface Numbers<M> {
  readonly from: readonly Place<M>[]
  readonly to: readonly Place<M>[]
  /** To how many places a number goes that is the only one. */
  readonly spread: number
  /** The size of a number. */
  readonly bytes: number
}

/** Copies single numbers: each to its place, or the only one to many. */
export function copyNumbers<M>(work: Copies<M>, { from, to, spread, bytes }: Numbers<M>): void {
  const own = singles(from, bytes)
  const known = singles(to, bytes).slice(0, Math.max(own.length, spread))
  for (const [i, place] of known.entries()) {
    const number = own[i] ?? own[0]
    if (number) work.copy(number, place)
  }
}

/** Places number by number. */
const singles = <M>(places: readonly Place<M>[], bytes: number): Place<M>[] =>
  places.flatMap(({ memory, at, bytes: all }) =>
    Array.from({ length: all / bytes }, (_, i) => ({ memory, at: at + bytes * i, bytes })),
  )

/** What two parts of the same numbers have in common, in each of them. */
function overlap<M>(a: Part<M>, b: Part<M>): readonly [Place<M>, Place<M>] {
  const bytes = bytesEach[a.dtype]
  const end = (part: Part<M>) => part.from + part.place.bytes / bytes
  const begin = Math.max(a.from, b.from)
  const size = bytes * (Math.min(end(a), end(b)) - begin)
  const within = ({ place, from }: Part<M>) => ({
    ...place,
    at: place.at + bytes * (begin - from),
    bytes: size,
  })
  return [within(a), within(b)]
}
