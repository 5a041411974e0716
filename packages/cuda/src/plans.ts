/**
 * Plans: what a step runs over, as tables on the device. A few are remembered, because gradients
 * may come in a few sets of arrays in turn; making one costs an upload and no memory. Not the
 * launches.
 */
import type { Program } from '@freestep/core'
import { allocateTables, type Memory, type Tables } from './arena.ts'
import { type Device, refuse } from './device.ts'
import { chunkRows, type Placed, samePlaces, sameTensors, tensorRows } from './tables.ts'

/** What a step runs over, ready to be launched on. */
export interface Plan extends Tables {
  readonly placed: readonly Placed[]
  /** How many chunks there are. */
  readonly blocks: number
}

/** A place for a plan. */
interface Place {
  readonly tables: Tables
  plan: Plan | undefined
  /** Whether a graph refers to it, so that it has to stay as it is. */
  kept: boolean
}

/** How many plans are remembered. */
const remembered = 4

/** The plans of one optimizer. */
export class Plans {
  private readonly device: Device
  private readonly program: Program
  private readonly memory: Memory
  /** The places, the one that was used last first. */
  private places: Place[] = []
  private readonly allocated: bigint[] = []

  constructor(device: Device, program: Program, memory: Memory) {
    this.device = device
    this.program = program
    this.memory = memory
    this.more()
  }

  private more(): void {
    const { tables, pointer } = allocateTables(this.device, this.program, remembered)
    this.allocated.push(pointer)
    this.places.push(
      ...tables.map((each): Place => ({ tables: each, plan: undefined, kept: false })),
    )
  }

  /** The plan for tensors at the given places, as it was made before, or a new one. */
  for(placed: readonly Placed[]): Plan {
    const found = this.places.find(({ plan }) => plan && samePlaces(plan.placed, placed))
    if (found?.plan) return this.use(found, found.plan)
    if (this.device.capturing)
      throw refuse(
        'unsupported',
        'A step is captured whose gradients are in arrays of no step before. Take a step with them first, and capture the next one.',
      )
    if (this.places.every(({ kept }) => kept)) this.more()
    const oldest = this.places.filter(({ kept }) => !kept).reverse()
    // A plan of the same tensors at other places needs no new chunks.
    const alike = ({ plan }: Place) => plan && sameTensors(plan.placed, placed)
    const place = oldest.find(({ plan }) => !plan) ?? oldest.find(alike) ?? oldest[0]
    return this.use(place, this.fill(place, placed))
  }

  private use(place: Place, plan: Plan): Plan {
    if (this.places[0] !== place)
      this.places = [place, ...this.places.filter((each) => each !== place)]
    if (!place.kept && this.device.capturing) place.kept = true
    return plan
  }

  private fill(place: Place, placed: readonly Placed[]): Plan {
    const { tables, plan: before } = place
    place.plan = undefined
    let blocks = before?.blocks ?? 0
    if (!(before && sameTensors(before.placed, placed))) {
      const { bytes, count } = chunkRows(placed, this.memory)
      this.device.upload(tables.chunks, bytes)
      blocks = count
    }
    this.device.upload(tables.tensors, tensorRows(placed, this.memory))
    place.plan = { ...tables, placed, blocks }
    return place.plan
  }

  /** Gives the memory of the tables back. */
  dispose(): void {
    for (const pointer of this.allocated) this.device.free(pointer)
    this.places = []
  }
}
