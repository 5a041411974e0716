/**
 * Where things are in the memory that kernels for a CPU run on: the contract between emitted code
 * and whoever allocates. Not the allocation itself.
 */

/** Byte addresses. Everything but the elements is in double precision or int32. */
export interface Layout {
  /** The global slots, one double each. */
  readonly globals: number
  /** The slots of tensors: `tensorStride` doubles for each tensor. */
  readonly tensors: number
  /** At least the number of tensor-scoped slots. */
  readonly tensorStride: number
  /**
   * The segments that take part, {@link segmentInts} int32 each, in the order of
   * {@link segmentFields}.
   */
  readonly segments: number
  /** Partial sums: for each segment as many doubles as the pass adds up. */
  readonly partials: number
  /** The arrays by name, at multiples of the element's size. */
  readonly arrays: Readonly<Record<string, number>>
}

/**
 * A segment: elements [start, start + length) of every element array, all of tensor `tensor`; and,
 * for slices, kept coordinates [sliceStart, sliceStart + sliceLength) of every slice array, the
 * first of them being element `first` and each next one `stride` further.
 *
 * Parameters and gradients may be elsewhere: element i of a state goes with element i + xShift of
 * `x` and i + gShift of `g`.
 */
export const segmentFields = [
  ...(['start', 'length', 'tensor'] as const),
  ...(['sliceStart', 'sliceLength', 'first', 'stride'] as const),
  ...(['xShift', 'gShift'] as const),
] as const

/** A field of a segment. */
export type SegmentField = (typeof segmentFields)[number]

/** The size of a segment in int32. */
export const segmentInts: number = segmentFields.length

/** The precision of the elements. */
export type ElementType = 'float32' | 'float64'

/**
 * The order in which the elements of a segment are added up, the same whatever it is compiled to:
 * as far as there are whole rounds, element i goes to total i mod `lanes`; the others, and all that
 * is sliced, go to one more. Then the totals are added, every other one first.
 */
export const sumOrder: Readonly<Record<ElementType, { lanes: 2 | 4; round: number }>> = {
  float32: { lanes: 4, round: 8 },
  float64: { lanes: 2, round: 4 },
}

/**
 * What an emitted module offers: one function per stage, `stage0`, `stage1`, ... A pass takes the
 * first segment and the one after the last; a scalar program takes how many segments there are, and
 * how many tensors.
 */
export type StageFunctions = Readonly<Record<string, (a: number, b: number) => void>>
