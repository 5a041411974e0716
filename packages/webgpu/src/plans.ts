/**
 * What steps run over, remembered from one to the next: tables on the device and bind groups, which
 * are made anew only where tensors are in other buffers than before. Not the dispatching.
 */
import type { Binding } from '@freestep/compiler'
import type { Memory } from './arena.ts'
import { bind, type Machine } from './machine.ts'
import {
  type Active,
  type Batch,
  type Extent,
  extentOf,
  type Limits,
  sameTensors,
  type Tables,
  tablesOf,
} from './segments.ts'
import type { Shop } from './shop.ts'

/** What a step runs over, ready to be dispatched. */
export interface Plan extends Extent {
  readonly active: readonly Active[]
  readonly tables: Tables
  readonly groups: Map<Machine, GPUBindGroup[]>
  /** Whether a caller's encoder, not yet submitted maybe, refers to the tables. */
  recorded: boolean
}

/** How many plans are remembered: gradients may come in a few sets of buffers in turn. */
const plansKept = 4

/** The plans of one engine. */
export class Plans {
  private readonly shop: Shop
  private readonly memory: Memory
  private readonly limits: Limits
  private kept: Plan[] = []

  /** For batches of so many pairs of buffers at most. */
  constructor(shop: Shop, memory: Memory, pairs: number) {
    this.shop = shop
    this.memory = memory
    this.limits = { ...shop.limits, pairs }
  }

  /** The plan for the given tensors, remembered from a step before if there was one like it. */
  of(active: readonly Active[]): Plan {
    const found = this.kept.find((plan) => sameTensors(plan.active, active))
    if (found) return found
    const plan = this.make(active)
    for (const old of this.kept.slice(plansKept - 1)) if (!old.recorded) free(old)
    this.kept = [plan, ...this.kept.slice(0, plansKept - 1)]
    return plan
  }

  /** A plan that is the caller's to free. */
  make(active: readonly Active[]): Plan {
    const extent = extentOf(active, this.memory, this.limits)
    const tables = tablesOf(this.shop.device.device, extent, this.memory)
    return { ...extent, active, tables, groups: new Map(), recorded: false }
  }

  /** A machine bound to one of the batches, or to what is common to all. */
  bound(plan: Plan, machine: Machine, i: number, batch: Batch | undefined): GPUBindGroup {
    const known = plan.groups.get(machine) ?? []
    plan.groups.set(machine, known)
    known[i] ??= bind(this.shop.device.device, machine, (binding) =>
      this.resource(plan, binding, i, batch),
    )
    return known[i]
  }

  private resource(
    { tables }: Plan,
    { buffer, pair }: Binding,
    i: number,
    batch: Batch | undefined,
  ): GPUBufferBinding {
    const { memory } = this
    if (buffer === 'table')
      return { buffer: tables.table, offset: tables.offsets[i], size: tables.size }
    if (buffer === 'totals' || buffer === 'ranges') return { buffer: tables[buffer] }
    if (buffer === 'numbers') return { buffer: memory.numbers }
    if (buffer === 'states') return { buffer: memory.arenas[batch?.arena ?? 0].buffer }
    return (
      batch?.pairs[pair]?.[buffer] ?? {
        buffer: this.shop.nothing[buffer],
        offset: 256 * pair,
        size: 256,
      }
    )
  }

  /** Frees all. */
  dispose(): void {
    this.kept.forEach(free)
    this.kept = []
  }
}

/** Gives the tables of a plan back; what was submitted keeps them until it is done. */
export function free({ tables }: Plan): void {
  for (const buffer of [tables.table, tables.totals, tables.ranges]) buffer.destroy()
}
