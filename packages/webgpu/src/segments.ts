/**
 * What one step runs over: the tensors that take part, cut into pieces by what a binding can reach,
 * and gathered into as few dispatches as bindings allow. Pure arithmetic but for the two small
 * buffers at the end. Not the kernels that read them.
 */
import { maxPieces, pieceFields, rangeFields, tableHeader } from '@freestep/compiler'
import type { Place } from '@freestep/engine'
import type { Layout, Span } from './layout.ts'
import { usage } from './usage.ts'

/**
 * A tensor that takes part: where its parameters are, and its gradients (or the result of
 * `evaluate`) if there are any.
 */
export interface Active {
  readonly tensor: number
  readonly x: Place<GPUBuffer>
  readonly g: Place<GPUBuffer> | undefined
  readonly bytesEach: 2 | 4
  readonly stride: number
}

/** A part of a buffer that is bound as a whole. */
export interface Window {
  readonly buffer: GPUBuffer
  readonly offset: number
  readonly size: number
}

/** One dispatch: pieces whose states are in one buffer, in up to so many pairs of windows. */
export interface Batch {
  readonly states: number
  readonly bytesEach: 2 | 4
  readonly pairs: { readonly x: Window; readonly g: Window | undefined }[]
  readonly pieces: Readonly<Record<(typeof pieceFields)[number], number>>[]
  groups: number
}

/** What a step runs over, and the rows of partial sums of each tensor. */
export interface Extent {
  readonly batches: readonly Batch[]
  readonly ranges: readonly Readonly<Record<(typeof rangeFields)[number], number>>[]
  readonly rows: number
}

/** The limits that decide. */
export interface Limits {
  /** The most pairs of buffers in one dispatch. */
  readonly pairs: number
  /** The most bytes of one binding, a multiple of 256. */
  readonly window: number
}

/** Cuts and gathers. */
export function extentOf(
  active: readonly Active[],
  memory: Pick<Layout, 'spans' | 'segment'>,
  limits: Limits,
): Extent {
  const gather = new Gatherer(limits.pairs)
  let rows = 0
  const ranges = memory.spans.map(() => ({ row: 0, rows: 0 }))
  for (const each of active) {
    const row = rows
    for (const span of memory.spans[each.tensor])
      for (const { from, length, x, g } of cut(each, span, limits.window)) {
        const kept = Math.ceil(from / each.stride)
        const { batch, pair } = gather.place(span.states, each.bytesEach, x, g)
        const begin = (place: Place<GPUBuffer>, window: Window) =>
          (place.at - window.offset) / each.bytesEach + from
        batch.pieces.push({
          group: batch.groups,
          length,
          tensor: each.tensor,
          partial: rows,
          pair,
          x: begin(each.x, x),
          g: each.g && g ? begin(each.g, g) : 0,
          state: span.state + from - span.from,
          kept: span.kept + kept - Math.ceil(span.from / each.stride),
          phase: kept * each.stride - from,
          stride: each.stride,
          unused: 0,
        })
        const groups = Math.ceil(length / memory.segment)
        batch.groups += groups
        rows += groups
      }
    ranges[each.tensor] = { row, rows: rows - row }
  }
  return { batches: gather.batches, ranges, rows }
}

/** The parts of a span that lie in one window of each buffer. */
function* cut({ x, g, bytesEach }: Active, span: Span, most: number) {
  const end = span.from + span.length
  for (let from = span.from; from < end; ) {
    const windows = [x, g].map(
      (place) => place && windowAt(place.memory, place.at + bytesEach * from, most),
    )
    const room = [x, g].map((place, i) => {
      const window = windows[i]
      return place && window ? (window.offset + window.size - place.at) / bytesEach : end
    })
    const to = Math.min(end, ...room)
    yield { from, length: to - from, x: windows[0] as Window, g: windows[1] }
    from = to
  }
}

/** The window of a buffer that a byte is in: the whole buffer where that is allowed. */
function windowAt(buffer: GPUBuffer, byte: number, most: number): Window {
  const offset = most * Math.floor(byte / most)
  const size = Math.min(most, buffer.size - offset)
  return { buffer, offset, size: size - (size % 4) }
}

/** Puts pieces into batches. */
class Gatherer {
  readonly batches: Batch[] = []
  private readonly most: number
  private readonly known = new Map<string, { batch: Batch; pair: number }>()
  private readonly ids = new Map<GPUBuffer, number>()

  constructor(most: number) {
    this.most = most
  }

  place(
    states: number,
    bytesEach: 2 | 4,
    x: Window,
    g: Window | undefined,
  ): { batch: Batch; pair: number } {
    const key = [
      states,
      bytesEach,
      this.id(x.buffer),
      x.offset,
      g && this.id(g.buffer),
      g?.offset,
    ].join()
    const found = this.known.get(key)
    if (found && found.batch.pieces.length < maxPieces) return found
    let batch = this.batches.at(-1)
    if (
      !batch ||
      batch.states !== states ||
      batch.bytesEach !== bytesEach ||
      !this.fits(batch, x, g)
    ) {
      batch = { states, bytesEach, pairs: [], pieces: [], groups: 0 }
      this.batches.push(batch)
    }
    const placed = { batch, pair: batch.pairs.push({ x, g }) - 1 }
    this.known.set(key, placed)
    return placed
  }

  /**
   * Whether a dispatch may use one more pair: no buffer may be written through one binding and
   * reached through another.
   */
  private fits({ pairs, pieces }: Batch, x: Window, g: Window | undefined): boolean {
    if (pairs.length === this.most || pieces.length === maxPieces) return false
    return pairs.every(
      (pair) =>
        pair.x.buffer !== x.buffer && pair.g?.buffer !== x.buffer && pair.x.buffer !== g?.buffer,
    )
  }

  private id(buffer: GPUBuffer): number {
    const id = this.ids.get(buffer) ?? this.ids.size
    this.ids.set(buffer, id)
    return id
  }
}

/** The tables of an extent on the device. */
export interface Tables {
  readonly table: GPUBuffer
  /** Where each batch's table begins, and how many bytes a kernel is bound to. */
  readonly offsets: readonly number[]
  readonly size: number
  readonly totals: GPUBuffer
  readonly ranges: GPUBuffer
}

/** Writes the tables. */
export function tablesOf(
  device: GPUDevice,
  { batches, ranges, rows }: Extent,
  memory: Layout & { readonly bases: readonly (readonly number[])[] },
): Tables {
  const header = tableHeader(memory.arrays.length)
  const size = 4 * (header + pieceFields.length * maxPieces)
  const aligned = device.limits.minUniformBufferOffsetAlignment
  const offsets: number[] = []
  let end = 0
  for (const { pieces } of batches) {
    offsets.push(end)
    end += aligned * Math.ceil((4 * (header + pieceFields.length * pieces.length)) / aligned)
  }
  // A kernel is bound to as much as the longest table has, so the last one needs room behind it.
  const words = new Uint32Array(((offsets.at(-1) ?? 0) + size) / 4)
  const tensors = memory.spans.length
  for (const [i, { groups, pieces, states }] of batches.entries()) {
    const shared = [groups, pieces.length, memory.segment, tensors, memory.slots, memory.partials]
    words.set([...shared, ...memory.bases[states]], offsets[i] / 4)
    for (const [j, piece] of pieces.entries())
      for (const [k, field] of pieceFields.entries())
        words[offsets[i] / 4 + header + pieceFields.length * j + k] = piece[field]
  }
  const list = ranges.flatMap((range) => rangeFields.map((field) => range[field]))
  const totals = [rows, tensors, memory.slots, memory.partials]
  return {
    offsets,
    size,
    table: constants(device, words, 'uniform'),
    totals: constants(device, Uint32Array.from(totals), 'uniform'),
    ranges: constants(device, Uint32Array.from(list), 'storage'),
  }
}

/** A buffer with the given words, whatever encoder is in use. */
function constants(device: GPUDevice, words: Uint32Array, kind: 'uniform' | 'storage'): GPUBuffer {
  const buffer = device.createBuffer({
    label: 'freestep table',
    size: 4 * Math.max(8, words.length),
    usage: usage[kind],
    mappedAtCreation: true,
  })
  new Uint32Array(buffer.getMappedRange()).set(words)
  buffer.unmap()
  return buffer
}
