/**
 * What a traced program is compiled to, before any language: stages that alternate between scalar programs (single numbers) and passes
 * over memory (vectors). Plain data, the same for every emitter; it says nothing of threads, blocks or addresses.
 */
import type { Node } from './graph.ts'

/** A place for single numbers between kernels: one number (`global`) or one per tensor (`tensor`). */
export interface Slot {
  /** A state, a uniform, `loss`, or `t<id>` for what the program keeps for itself. */
  readonly name: string
  readonly scope: 'global' | 'tensor'
  /** Its position among the slots of its scope. */
  readonly index: number
}

/** One loop of a pass, over all coordinates or over the kept ones of `sliceP`. */
export interface Loop {
  readonly scope: 'element' | 'slice'
  /** What is read: nodes by the array that holds them. A slice loop reads element arrays at the coordinates it keeps. */
  readonly loads: readonly { readonly node: Node; readonly array: string; readonly scope: 'element' | 'slice' }[]
  /** Single numbers the loop uses, rounded to the precision of the elements before it starts. */
  readonly scalars: readonly { readonly node: Node; readonly slot: Slot }[]
  /** What is computed, in this order; the op `slice` is the identity here. */
  readonly body: readonly Node[]
  /** What is written, after everything is read. The value may be a constant. */
  readonly stores: readonly { readonly array: string; readonly value: Node }[]
  /** What is added up, in double precision where there is one, into partial sum `index` of the segment. */
  readonly sums: readonly { readonly index: number; readonly value: Node }[]
}

/**
 * One pass over memory. It runs over segments, stretches of a tensor; in each, the slice loop comes first, because it reads elements
 * that the element loop overwrites. Segments do not depend on each other.
 */
export interface Pass {
  readonly kind: 'pass'
  readonly loops: readonly Loop[]
  /** How many partial sums each segment has. */
  readonly sums: number
}

/** Adds up, in a fixed order: partial sums of the last pass over all segments or those of each tensor, or a slot over the tensors. */
export interface Reduction {
  readonly kind: 'reduction'
  /** The node it computes. */
  readonly sum: Node
  readonly to: Slot
  readonly from: { readonly partial: number; readonly of: number } | Slot
}

/** Straight-line arithmetic on single numbers, once or for every tensor: reads, then body, then writes. */
export interface Section {
  readonly kind: 'section'
  readonly scope: 'global' | 'tensor'
  readonly reads: readonly { readonly node: Node; readonly slot: Slot }[]
  readonly body: readonly Node[]
  readonly writes: readonly { readonly slot: Slot; readonly value: Node }[]
}

/** What happens between passes: reductions and sections, one after the other. */
export interface ScalarProgram {
  readonly kind: 'scalar'
  readonly parts: readonly (Reduction | Section)[]
}

/** A compiled program, ready to be printed. */
export interface Kernels {
  /** The arrays that passes read and write, with the scope of each. */
  readonly arrays: Readonly<Record<string, 'element' | 'slice'>>
  /** All slots; those of the same program's states, uniforms and loss have the same place in each of its compiled functions. */
  readonly slots: readonly Slot[]
  /** In order of execution. */
  readonly stages: readonly (ScalarProgram | Pass)[]
  /** Whether a segment must not reach over the end of a tensor, because something in a pass belongs to a tensor. */
  readonly perTensor: boolean
}
