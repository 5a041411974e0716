/**
 * Kernels as WGSL, one module per launch. Which thread does what is decided here: a group of
 * threads takes a segment of a tensor, and in each round every thread takes the next element, so
 * that neighbours read neighbours. Sums go thread by thread, then through the group's shared
 * memory, into one row of partial sums per group, always in the same order; the launch after it
 * adds up the rows. Not buffers or pipelines, which are the business of whoever runs them: see
 * layout.ts for what they have to hold.
 */
import type { Kernels } from '../../fuse/kernels.ts'
import { type Launch, launches } from '../../lower/launches.ts'
import { addingUp } from './addUp.ts'
import { passModule } from './pass.ts'

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
  readonly kind: Launch['kind']
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

/** Prints the launches of a compiled function. */
export function emitWgsl(kernels: Kernels, options: WgslOptions): WgslKernel[] {
  return launches(kernels).map((launch) =>
    launch.kind === 'pass' ? passModule(launch, kernels, options) : addingUp(launch, options),
  )
}
