/**
 * What a traced program is compiled to, before any language: stages that alternate between scalar
 * programs (single numbers) and passes over memory (vectors). Plain data, the same for every
 * language; it says nothing of threads, blocks or addresses.
 */
import type { Node } from '../trace/graph.ts'

/**
 * A place for single numbers between kernels: one number (`global`) or one per tensor (`tensor`).
 */
export interface Slot {
  /** A state, a uniform, `loss`, or `t<id>` for what the program keeps for itself. */
  readonly name: string
  /** How many numbers it has. */
  readonly scope: 'global' | 'tensor'
  /** Its position among the slots of its scope. */
  readonly index: number
}

/** A vector read from memory. */
export interface Load {
  /** The node that it is the value of. */
  readonly node: Node
  /** The array that holds it. */
  readonly array: string
  /** The scope of the array. A slice loop reads element arrays at the coordinates it keeps. */
  readonly scope: 'element' | 'slice'
}

/** A vector written to memory. */
export interface Store {
  /** The array, whose scope is that of the loop. */
  readonly array: string
  /** What is written; it may be a constant. */
  readonly value: Node
}

/** A vector added up. */
export interface Sum {
  /** Which of the segment's partial sums it makes. */
  readonly index: number
  /** What is added up. */
  readonly value: Node
}

/** A single number read from its slot. */
export interface Read {
  /** The node that it is the value of. */
  readonly node: Node
  /** Where it is. */
  readonly slot: Slot
}

/** A single number written to its slot. */
export interface Write {
  /** Where it goes. */
  readonly slot: Slot
  /** What is written; it may be a constant. */
  readonly value: Node
}

/** One loop of a pass, over all coordinates or over the kept ones of `sliceP`. */
export interface Loop {
  /** Which coordinates it runs over. */
  readonly scope: 'element' | 'slice'
  /** What is read first. */
  readonly loads: readonly Load[]
  /** Single numbers that it uses, rounded to the precision of the elements before it starts. */
  readonly scalars: readonly Read[]
  /** What is computed, in this order; the op `slice` is the identity here. */
  readonly body: readonly Node[]
  /** What is written, after everything is read. */
  readonly stores: readonly Store[]
  /** What is added up, in double precision where there is one. */
  readonly sums: readonly Sum[]
}

/**
 * One pass over memory. It runs over segments, stretches of a tensor; in each, the slice loop comes
 * first, because it reads elements that the element loop overwrites. Segments do not depend on each
 * other.
 */
export interface Pass {
  /** Tells it from a scalar program. */
  readonly kind: 'pass'
  /** One or two loops. */
  readonly loops: readonly Loop[]
  /** How many partial sums each segment has. */
  readonly sums: number
}

/** The partial sums of the pass before, over all segments. */
export interface Partials {
  /** Which of a segment's partial sums. */
  readonly partial: number
  /** How many of them a segment has. */
  readonly of: number
}

/**
 * Adds up, in a fixed order: partial sums over all segments or over those of each tensor, or a slot
 * over the tensors.
 */
export interface Reduction {
  /** Tells it from a section. */
  readonly kind: 'reduction'
  /** The node it computes. */
  readonly sum: Node
  /** Where the total goes; its scope says whether there is one, or one per tensor. */
  readonly to: Slot
  /** What is added up. */
  readonly from: Partials | Slot
}

/**
 * Straight-line arithmetic on single numbers, once or for every tensor: reads, then body, then
 * writes.
 */
export interface Section {
  /** Tells it from a reduction. */
  readonly kind: 'section'
  /** Whether it runs once or for every tensor. */
  readonly scope: 'global' | 'tensor'
  /** What is read first. */
  readonly reads: readonly Read[]
  /** What is computed, in this order. */
  readonly body: readonly Node[]
  /** What is written at the end. */
  readonly writes: readonly Write[]
}

/** What happens between passes. */
export interface ScalarProgram {
  /** Tells it from a pass. */
  readonly kind: 'scalar'
  /** Reductions and sections, one after the other. */
  readonly parts: readonly (Reduction | Section)[]
}

/** A compiled program, ready to be printed. */
export interface Kernels {
  /** The arrays that passes read and write, with the scope of each. */
  readonly arrays: Readonly<Record<string, 'element' | 'slice'>>
  /**
   * All slots; those of the same program's states, uniforms and loss have the same place in each of
   * its compiled functions.
   */
  readonly slots: readonly Slot[]
  /** In order of execution. */
  readonly stages: readonly (ScalarProgram | Pass)[]
  /**
   * Whether a segment must not reach over the end of a tensor, because something in a pass belongs
   * to a tensor.
   */
  readonly perTensor: boolean
}
