/**
 * Whose memory is whose: parameters have memory of their own, since of two updates of the same numbers one would be lost, or both
 * would count. Asked when an optimizer is made and when it goes on with more parameters.
 */
import type { Backend, MaybePromise, Stretch } from './backend.ts'
import { FreestepError } from './errors.ts'
import type { TensorInfo } from './groups.ts'

/** Where the numbers of a typed array are: for backends whose tensors are arrays. */
export const memoryOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Stretch => ({
  of: buffer,
  begin: byteOffset,
  end: byteOffset + byteLength,
})

/** Stretches of memory, which may overlap, to be asked whether another one touches any of them. */
export class Occupied {
  private readonly all = new Map<unknown, Stretch[]>()
  /** For each memory that was asked about: its stretches by where they begin, each with the furthest end up to it. */
  private readonly sorted = new Map<unknown, readonly Omit<Stretch, 'of'>[]>()

  constructor(stretches: Iterable<Stretch>) {
    for (const stretch of stretches) {
      const own = this.all.get(stretch.of)
      if (own) own.push(stretch)
      else this.all.set(stretch.of, [stretch])
    }
  }

  /** Whether a stretch has a byte in common with any of them. */
  touches({ of, begin, end }: Stretch): boolean {
    const own = this.all.get(of)
    if (!own) return false
    const sorted = this.sorted.get(of) ?? this.sort(of, own)
    let [low, high] = [0, sorted.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (sorted[middle].begin < end) low = middle + 1
      else high = middle
    }
    return begin < end && low > 0 && sorted[low - 1].end > begin
  }

  private sort(of: unknown, own: readonly Stretch[]): readonly Omit<Stretch, 'of'>[] {
    let furthest = Number.NEGATIVE_INFINITY
    const filled = own.filter(({ begin, end }) => begin < end)
    const sorted = filled
      .sort((a, b) => a.begin - b.begin)
      .map(({ begin, end }) => {
        furthest = Math.max(furthest, end)
        return { begin, end: furthest }
      })
    this.sorted.set(of, sorted)
    return sorted
  }
}

/** Throws if two of the parameters share memory. */
export function refuseShared<P, Done extends MaybePromise<void>>(
  tensors: readonly TensorInfo[],
  params: readonly P[],
  { memory }: Pick<Backend<P, Done>, 'memory'>,
): void {
  const places = new Map<unknown, { readonly i: number; readonly begin: number; readonly end: number }[]>()
  for (const [i, { size }] of tensors.entries()) {
    const { of, begin, end } = memory?.(params[i]) ?? { of: params[i], begin: 0, end: size }
    if (begin === end) continue
    const own = places.get(of)
    if (own) own.push({ i, begin, end })
    else places.set(of, [{ i, begin, end }])
  }
  for (const own of places.values()) {
    own.sort((a, b) => a.begin - b.begin || a.i - b.i)
    for (const [k, next] of own.entries()) {
      const before = own[k - 1]
      if (before && next.begin < before.end) throw shared(tensors[before.i].name, tensors[next.i].name, before, next)
    }
  }
}

/** Of two stretches that overlap. */
function shared(a: string, b: string, before: Omit<Stretch, 'of'>, next: Omit<Stretch, 'of'>): FreestepError {
  const what =
    before.begin === next.begin && before.end === next.end ? 'are the same tensor under two names' : 'overlap in memory'
  return new FreestepError(
    'core',
    'shared-memory',
    `The parameters ${a} and ${b} ${what}. Give each memory of its own; tied weights are one parameter, under one name, ` +
      'whose gradient is the sum over its uses.',
  )
}
