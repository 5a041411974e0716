/**
 * Whose memory is whose: parameters have memory of their own, since of two updates of the same
 * numbers one would be lost, or both would count. Asked when an optimizer is made and when it goes
 * on with more parameters.
 */
import type { Backend, Engine, Stretch } from './backend.ts'
import { FreestepError } from './errors.ts'
import type { MaybePromise } from './later.ts'
import type { TensorInfo } from './tensor.ts'

/** Where the numbers of a typed array are: for backends whose tensors are arrays. */
export const memoryOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Stretch => ({
  of: buffer,
  begin: byteOffset,
  end: byteOffset + byteLength,
})

/** Stretches of memory, which may overlap, to be asked whether another one touches any of them. */
export class Occupied {
  private readonly all = new Map<unknown, Stretch[]>()
  /**
   * For each memory that was asked about: its stretches by where they begin, each with the furthest
   * end up to it.
   */
  private readonly sorted = new Map<unknown, readonly Omit<Stretch, 'of'>[]>()

  constructor(stretches: Iterable<Stretch> = []) {
    for (const stretch of stretches) this.add(stretch)
  }

  add(stretch: Stretch): void {
    const own = this.all.get(stretch.of)
    if (own) own.push(stretch)
    else this.all.set(stretch.of, [stretch])
    this.sorted.delete(stretch.of)
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

/** Parameters that are stepped together, and where their engine has them. */
interface Part<P, Done extends MaybePromise<void>> {
  readonly indices: readonly number[]
  readonly params: readonly P[]
  readonly engine: Pick<Engine<P, Done>, 'params' | 'gradients'>
}

type Memory<P, Done extends MaybePromise<void>> = Pick<Backend<P, Done>, 'memory'>

/** Where a tensor is, as far as the backend says. */
const stretchOf = <P, Done extends MaybePromise<void>>(
  { memory }: Memory<P, Done>,
  tensor: P,
  { size }: TensorInfo,
): Stretch => memory?.(tensor) ?? { of: tensor, begin: 0, end: size }

/** Throws if two of the parameters share memory. */
export function refuseShared<P, Done extends MaybePromise<void>>(
  tensors: readonly TensorInfo[],
  params: readonly P[],
  backend: Memory<P, Done>,
): void {
  const places = new Map<
    unknown,
    { readonly i: number; readonly begin: number; readonly end: number }[]
  >()
  for (const [i, tensor] of tensors.entries()) {
    const { of, begin, end } = stretchOf(backend, params[i], tensor)
    if (begin === end) continue
    const own = places.get(of)
    if (own) own.push({ i, begin, end })
    else places.set(of, [{ i, begin, end }])
  }
  for (const own of places.values()) {
    own.sort((a, b) => a.begin - b.begin || a.i - b.i)
    for (const [k, next] of own.entries()) {
      const before = own[k - 1]
      if (before && next.begin < before.end)
        throw shared(tensors[before.i].name, tensors[next.i].name, before, next)
    }
  }
}

/** Of two stretches that overlap. */
function shared(
  a: string,
  b: string,
  before: Omit<Stretch, 'of'>,
  next: Omit<Stretch, 'of'>,
): FreestepError {
  const what =
    before.begin === next.begin && before.end === next.end
      ? 'are the same tensor under two names'
      : 'overlap in memory'
  return new FreestepError(
    'core',
    'shared-memory',
    `The parameters ${a} and ${b} ${what}. Give each memory of its own; tied weights are one parameter, under one name, ` +
      'whose gradient is the sum over its uses.',
  )
}

/**
 * Throws if the gradient of a parameter is in memory that the step of an earlier part writes to:
 * parts step one after the other, each with copies of what it would write over itself.
 */
export function refuseCrossed<P, Done extends MaybePromise<void>>(
  tensors: readonly TensorInfo[],
  parts: readonly Part<P, Done>[],
  gradients: readonly (P | undefined)[],
  backend: Memory<P, Done>,
): void {
  const written = new Occupied()
  for (const { indices, params, engine } of parts) {
    const active = [...indices.entries()].filter(([, i]) => gradients[i] !== undefined)
    for (const [, i] of active)
      if (written.touches(stretchOf(backend, gradients[i] as P, tensors[i])))
        throw new FreestepError(
          'core',
          'shared-memory',
          `The gradient of ${tensors[i].name} is in memory of a parameter of another group, which steps first (splitGroups). Give a copy.`,
        )
    for (const [j, i] of active)
      for (const tensor of [params[j], engine.params[j], engine.gradients?.[j]])
        if (tensor !== undefined) written.add(stretchOf(backend, tensor, tensors[i]))
  }
}
