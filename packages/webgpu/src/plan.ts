/**
 * A plan: the segments of a step, their tables on the device, and the bind groups of the kernels
 * that were launched on it. Not the dispatching.
 */
import type { Binding } from '@freestep/compiler'
import type { Layout } from './layout.ts'
import { bind, type Pipeline } from './pipelines.ts'
import { type Batch, type Extent, type Tables, tablesOf } from './segments.ts'
import type { Shared } from './shared.ts'

/** The buffers that kernels are bound to. */
export interface Buffers {
  readonly layout: Layout
  readonly states: readonly GPUBuffer[]
  readonly numbers: GPUBuffer
}

/** What a step runs over, ready to be dispatched. */
export class Plan {
  readonly extent: Extent
  /** Whether a caller's encoder, not yet submitted maybe, refers to the tables. */
  recorded = false
  private readonly shared: Shared
  private readonly memory: Buffers
  private readonly tables: Tables
  private readonly groups = new Map<Pipeline, GPUBindGroup[]>()

  constructor(shared: Shared, memory: Buffers, extent: Extent) {
    this.shared = shared
    this.memory = memory
    this.extent = extent
    this.tables = tablesOf(shared.device.device, extent, memory.layout)
  }

  /** A kernel bound to one of the batches, or to what is common to all. */
  bound(pipeline: Pipeline, i: number, batch: Batch | undefined): GPUBindGroup {
    const known = this.groups.get(pipeline) ?? []
    this.groups.set(pipeline, known)
    known[i] ??= bind(this.shared.device.device, pipeline, (binding) =>
      this.resource(binding, i, batch),
    )
    return known[i]
  }

  private resource(
    { buffer, pair }: Binding,
    i: number,
    batch: Batch | undefined,
  ): GPUBufferBinding {
    const { memory, tables } = this
    if (buffer === 'table')
      return { buffer: tables.table, offset: tables.offsets[i], size: tables.size }
    if (buffer === 'totals' || buffer === 'ranges') return { buffer: tables[buffer] }
    if (buffer === 'numbers') return { buffer: memory.numbers }
    if (buffer === 'states') return { buffer: memory.states[batch?.states ?? 0] }
    const nothing = { buffer: this.shared.nothing[buffer], offset: 256 * pair, size: 256 }
    return batch?.pairs[pair]?.[buffer] ?? nothing
  }

  /** Gives the tables back; what was submitted keeps them until it is done. */
  free(): void {
    const { table, totals, ranges } = this.tables
    for (const buffer of [table, totals, ranges]) buffer.destroy()
  }
}
