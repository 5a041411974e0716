/**
 * The table of segments: what one step runs over, when only some of the tensors take part.
 */

import { segmentFields, segmentInts } from '@freestep/compiler'
import type { Program } from '@freestep/core'
import { type Region, segmentLength } from './memory.ts'

/** A part of the arrays of one region that one worker takes. */
export interface Segment extends Readonly<Record<(typeof segmentFields)[number], number>> {}

/**
 * The segments of the given tensors of a region, in order. Tensors that follow each other in memory
 * are taken together unless kernels need to tell them apart (`perTensor`); then every segment is
 * within one tensor.
 */
export function segmentsOf(
  program: Program,
  region: Region,
  active: ReadonlySet<number>,
  perTensor: boolean,
): Segment[] {
  const runs: { tensor: number; start: number; length: number }[] = []
  for (const tensor of region.tensors) {
    const { size } = program.tensors[tensor]
    if (!active.has(tensor) || size === 0) continue
    const start = region.start[tensor]
    const last = runs.at(-1)
    if (!perTensor && last && last.start + last.length === start) last.length += size
    else runs.push({ tensor, start, length: size })
  }
  return runs.flatMap((run) => cut(program, region, run))
}

function cut(
  { strides }: Program,
  region: Region,
  { tensor, start, length }: { tensor: number; start: number; length: number },
): Segment[] {
  const stride = strides?.[tensor] ?? 1
  return Array.from({ length: Math.ceil(length / segmentLength) }, (_, i) => {
    const from = i * segmentLength
    const to = Math.min(from + segmentLength, length)
    const kept = Math.ceil(from / stride)
    return {
      start: start + from,
      length: to - from,
      tensor,
      sliceStart: region.sliceStart[tensor] + kept,
      sliceLength: Math.ceil(to / stride) - kept,
      first: start + kept * stride,
      stride,
      xShift: 0,
      gShift: 0,
    }
  })
}

/** Where the numbers of one tensor are, as byte addresses. */
export interface Place {
  readonly x: number
  /** The gradient, or the result of `evaluate`. */
  readonly g: number
}

/**
 * Writes how far the tensors of segments, all of one region, are from their states; `places` by
 * tensor, as far as they take part.
 */
export function writeShifts(
  table: Int32Array,
  segments: readonly Segment[],
  { start, type }: Region,
  places: readonly (Place | undefined)[],
): void {
  const size = type === 'float32' ? 4 : 8
  const [x, g] = [segmentFields.indexOf('xShift'), segmentFields.indexOf('gShift')]
  for (const [i, { tensor }] of segments.entries()) {
    const place = places[tensor]
    if (!place) throw new RangeError(`tensor ${tensor} takes part and is nowhere`)
    table[segmentInts * i + x] = place.x / size - start[tensor]
    table[segmentInts * i + g] = place.g / size - start[tensor]
  }
}

/** Writes segments into their table. */
export function writeSegments(table: Int32Array, segments: readonly Segment[]): void {
  for (const [i, segment] of segments.entries())
    for (const [j, field] of segmentFields.entries()) table[segmentInts * i + j] = segment[field]
}
