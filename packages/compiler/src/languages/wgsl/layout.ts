/**
 * Where things are in the buffers that WGSL kernels run on: the contract between emitted code and
 * whoever allocates. Everything is in 32 bits. Not the allocation itself.
 *
 * - `numbers`: the global slots, from `slots` on the slots of tensors (slot s of tensor t at s ·
 *   tensors + t), from `partials` on one row of partial sums for each group of threads;
 * - `states`: the arrays that the program keeps, each from `at_<name>` on;
 * - pairs of buffers with parameters and gradients (or the result of `evaluate`), the caller's own,
 *   in 32 or 16 bits.
 */
import type { GridKernel } from '../../lower/grid.ts'

/**
 * A piece: `length` elements of one tensor, cut into segments, one for each group of threads from
 * `group` on, which writes row `partial`, `partial` + 1, … of partial sums. Its parameters are
 * elements [x, x + length) of the first buffer of pair `pair`, its gradients [g, g + length) of the
 * second, its states [state, state + length) of every array of elements. For slices: it keeps
 * elements phase, phase + stride, … of its own, and the first of these is element `kept` of every
 * array of slices.
 */
export const pieceFields = [
  ...(['group', 'length', 'tensor', 'partial', 'pair', 'x', 'g', 'state'] as const),
  ...(['kept', 'phase', 'stride', 'unused'] as const),
] as const

/** The most pieces of one dispatch: what fits into a uniform buffer everywhere. */
export const maxPieces = 1024

/** The fields of a pass's uniform buffer before its pieces. */
export const tableFields = ['groups', 'pieces', 'segment', 'tensors', 'slots', 'partials'] as const

/**
 * Where the pieces begin in a pass's uniform buffer, in 32 bits, for a number of arrays in
 * `states`.
 */
export const tableHeader = (arrays: number): number =>
  4 * Math.ceil((tableFields.length + arrays) / 4)

/**
 * The fields of the uniform buffer of the launches that add up: how many rows of partial sums and
 * how many tensors there are, …
 */
export const totalsFields = ['rows', 'tensors', 'slots', 'partials'] as const

/**
 * The rows of partial sums of a tensor, none where it sits the step out: rows [row, row + rows).
 */
export const rangeFields = ['row', 'rows'] as const

/** The arrays in `states`, in the order of their fields in the table. */
export const stateArrays = (arrays: Readonly<Record<string, 'element' | 'slice'>>): string[] =>
  Object.keys(arrays).filter((name) => name !== 'x' && name !== 'g' && name !== 'evaluated')

/** How to print. */
export interface WgslOptions {
  /**
   * Threads of a group: in passes, and in the launches that add up and compute single numbers. A
   * power of two each, 16 at least.
   */
  readonly workgroupSize: { readonly pass: number; readonly scalar: number }
  /**
   * How many pairs of buffers with parameters and gradients a pass is bound to: as many as bindings
   * allow, or 1 for the shortest code.
   */
  readonly pairs: number
  /**
   * The precision of parameters and gradients; all else is f32. f16 needs the feature `shader-f16`.
   */
  readonly data: 'f32' | 'f16'
  /**
   * Whether to add up with subgroupAdd: needs the feature `subgroups` and the language feature
   * `subgroup_id`.
   */
  readonly subgroups: boolean
}

/** How a kernel uses a buffer. */
export type Access = 'read' | 'read_write'

/** A module with the entry point `main`, and what it is bound to, in group 0. */
export interface WgslKernel {
  /** What it is dispatched for: the groups of its table, all tensors, or one single group. */
  readonly kind: GridKernel['kind']
  readonly code: string
  /**
   * The bindings in order: `table` (or `totals`) is a uniform buffer, `ranges` is read, `numbers`
   * written; `states`, and for each pair its parameters `x` and the other buffer `g`, are left out
   * where the kernel does not use them.
   */
  readonly bindings: readonly Binding[]
}

/** One binding of a kernel. */
export interface Binding {
  readonly buffer: 'table' | 'totals' | 'ranges' | 'numbers' | 'states' | 'x' | 'g'
  readonly access: Access | 'uniform'
  /** Of `x` and `g`: which pair. */
  readonly pair: number
}
