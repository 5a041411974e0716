/**
 * One block of memory for everything an optimizer keeps: single numbers, tables, and the vectors,
 * parameters and gradients included unless they are elsewhere in the same memory. Decides where
 * things are and gives views on them. Not what is computed there.
 */

import { type ElementType, type Kernels, type Layout, segmentInts } from '@freestep/compiler'
import type { Program } from '@freestep/core'
import type { FloatArray } from './arrays.ts'

/** Elements per segment: the stretch that is added up in one go, and that a thread takes. */
export const segmentLength = 2048

/** The tensors of one precision, which lie one after the other in every array. */
export interface Region {
  readonly type: ElementType
  /** Which tensors, by their position in the program. */
  readonly tensors: readonly number[]
  /** For every tensor of the program, where it begins in an element array and in a slice array. */
  readonly start: readonly number[]
  readonly sliceStart: readonly number[]
  readonly layout: Layout
}

/** Where everything is. */
export interface MemoryLayout {
  /** The size of the block. */
  readonly bytes: number
  readonly regions: readonly Region[]
  /** Whether parameters and gradients are elsewhere. */
  readonly lent: boolean
}

/** What {@link layOut} may be told. */
export interface LayoutOptions {
  /** Where the block begins: a multiple of 64. Default: 0. */
  readonly at?: number
  /**
   * Leaves parameters and gradients out: they are elsewhere in the memory, and every run says
   * where.
   */
  readonly lent?: boolean
}

/** Lays out the memory for a program and the kernels of its functions. */
export function layOut(
  program: Program,
  kernels: readonly Kernels[],
  { at = 0, lent = false }: LayoutOptions = {},
): MemoryLayout {
  const slots = (scope: 'global' | 'tensor') =>
    Math.max(...kernels.map((each) => each.slots.filter((slot) => slot.scope === scope).length))
  const sums = Math.max(
    0,
    ...kernels.flatMap(({ stages }) =>
      stages.map((stage) => (stage.kind === 'pass' ? stage.sums : 0)),
    ),
  )
  const segments = program.tensors.reduce(
    (count, { size }) => count + Math.ceil(size / segmentLength),
    0,
  )
  const tensorStride = slots('tensor')

  let end = at
  const take = (size: number) => {
    const address = end
    end += 64 * Math.ceil(size / 64)
    return address
  }
  const shared = {
    globals: take(8 * slots('global')),
    tensors: take(8 * tensorStride * program.tensors.length),
    tensorStride,
    segments: take(4 * segmentInts * segments),
    partials: take(8 * sums * segments),
  }
  const names = { ...(!lent && { x: 'element', g: 'element' }), ...vectorsOf(program) }
  const regions = (['float32', 'float64'] as const).flatMap((type): Region[] => {
    const tensors = [...program.tensors.keys()].filter((i) => program.tensors[i].dtype === type)
    if (!tensors.length) return []
    const starts = {
      element: new Array<number>(program.tensors.length),
      slice: new Array<number>(program.tensors.length),
    }
    const total = { element: 0, slice: 0 }
    for (const i of tensors)
      for (const scope of ['element', 'slice'] as const) {
        starts[scope][i] = total[scope]
        total[scope] += sizeOf(program, i, scope)
      }
    const size = type === 'float32' ? 4 : 8
    const arrays = Object.fromEntries(
      Object.entries(names).map(([name, scope]) => [
        name,
        take(size * total[scope as 'element' | 'slice']),
      ]),
    )
    // What is elsewhere is counted from the beginning of the memory.
    const { x = 0, g = 0 } = arrays
    // Nothing that `evaluate` reads is a gradient, so their place serves for its result.
    const layout = { ...shared, arrays: { ...arrays, x, g, evaluated: g } }
    return [{ type, tensors, start: starts.element, sliceStart: starts.slice, layout }]
  })
  return { bytes: end - at, regions, lent }
}

/** The states that are vectors. */
export const vectorsOf = (program: Program): Record<string, 'element' | 'slice'> =>
  Object.fromEntries(
    Object.entries(program.states).filter(([, scope]) => scope === 'element' || scope === 'slice'),
  ) as never

/** How many numbers a vector has for a tensor. */
export function sizeOf(
  { tensors, strides }: Program,
  i: number,
  scope: 'element' | 'slice',
): number {
  return scope === 'slice' ? Math.ceil(tensors[i].size / (strides?.[i] ?? 1)) : tensors[i].size
}

/** A tensor's part of an array, as a view. */
export function view(
  memory: ArrayBufferLike,
  region: Region,
  program: Program,
  array: string,
  i: number,
): FloatArray {
  const scope = vectorsOf(program)[array] ?? 'element'
  const start = (scope === 'slice' ? region.sliceStart : region.start)[i]
  const size = sizeOf(program, i, scope)
  const address = region.layout.arrays[array]
  return region.type === 'float32'
    ? new Float32Array(memory as ArrayBuffer, address + 4 * start, size)
    : new Float64Array(memory as ArrayBuffer, address + 8 * start, size)
}
