/**
 * The device memory of one optimizer: its states in one allocation, its single numbers and partial
 * sums in another, the tables of its plans in a third. Decides where things are; see ptx/layout.ts
 * of the compiler for what kernels expect. Not the parameters and gradients.
 */
import {
  addressOf,
  chunkFields,
  type Field,
  packed,
  ptxArrays,
  ptxParameters,
  type Slot,
  tensorFields,
} from '@freestep/compiler'
import type { Program } from '@freestep/core'
import {
  bytesEach,
  type Compiled,
  type Memory,
  type Part,
  type Place,
  type Tensors,
} from '@freestep/engine'
import { chunkFor, chunksOf, keptOf, type Start, stateDtype } from './chunks.ts'
import { type Device, refuse } from './device.ts'
import { chunkRows, Fields, type Placed, placedOf, sameActive, tensorRows } from './tables.ts'

/** The segments of a step, as tables on the device: rows of tensors, then rows of chunks. */
export interface Plan {
  readonly memory: CudaMemory
  readonly tensors: bigint
  readonly chunks: bigint
  /** What the tables say; undefined while they are not written. */
  placed: readonly Placed[] | undefined
  /** How many chunks there are. */
  blocks: number
  /** Whether a graph refers to the tables, so that they have to stay as they are. */
  kept: boolean
}

/** How many plans get their tables in one allocation. */
const plansAtOnce = 4

const rowBytes = { tensor: packed(tensorFields).bytes, chunk: packed(chunkFields).bytes }
/** A multiple of what memory is read in. */
const aligned = (bytes: number) => 256 * Math.ceil(bytes / 256)

/** The memory of an optimizer on a device. */
export class CudaMemory implements Memory<Device, Plan> {
  /** The address of each array. */
  private readonly arrays: ReadonlyMap<string, bigint>
  readonly starts: readonly Start[]
  /** The parameters of every launch, of which the plan and the numbers change. */
  readonly parameters: Fields
  /** Elements of a chunk. */
  readonly chunk: number
  private readonly device: Device
  private readonly program: Program
  /** Where the single numbers begin: those of all, and those of tensors. */
  private readonly singles: Readonly<Record<Slot['scope'], bigint>>
  private readonly scopes: Readonly<Record<string, 'element' | 'slice'>>
  private readonly slots: ReadonlyMap<string, Slot>
  private readonly allocated: bigint[] = []
  private spare: Plan[] = []

  /**
   * Allocates for a program, whose kernels are given these numbers with every launch; all is zero.
   * Frees what it has if there is not enough.
   */
  constructor(
    device: Device,
    program: Program,
    { step, init, evaluate }: Compiled,
    given: readonly string[],
  ) {
    const kernels = [step, init, ...(evaluate ? [evaluate] : [])]
    const { starts, sizes } = lay(program)
    const names = ptxArrays(step)
    const count = (scope: Slot['scope']) =>
      Math.max(...kernels.map(({ slots }) => slots.filter((each) => each.scope === scope).length))
    const stages = kernels.flatMap((each) => each.stages)
    const sums = Math.max(0, ...stages.map((stage) => (stage.kind === 'pass' ? stage.sums : 0)))
    this.device = device
    this.program = program
    this.scopes = step.arrays
    this.slots = new Map(step.slots.map((slot) => [slot.name, slot]))
    this.starts = starts
    this.chunk = chunkFor(program)
    let end = 0
    const offsets = names.map((name) => {
      const offset = end
      end += aligned(step.arrays[name] === 'slice' ? sizes.kept : sizes.state)
      return offset
    })
    const [globals, ofTensors] = [count('global'), count('tensor') * program.tensors.length]
    try {
      const states = this.take(end, 'states')
      this.arrays = new Map(names.map((name, i) => [name, states + BigInt(offsets[i])]))
      const partials = globals + ofTensors
      const control = this.take(16 + 8 * (partials + sums * this.mostChunks), 'single numbers')
      const numbers = control + 16n
      this.singles = { global: numbers, tensor: numbers + BigInt(8 * globals) }
      this.parameters = this.parametersOf(ptxParameters(step, given), {
        numbers,
        ofTensors: this.singles.tensor,
        partials: numbers + BigInt(8 * partials),
        control,
      })
      this.morePlans()
    } catch (error) {
      this.free()
      throw error
    }
  }

  private parametersOf(
    fields: readonly Field[],
    addresses: Readonly<Record<string, bigint>>,
  ): Fields {
    const all = new Fields(fields, new Uint8Array(packed(fields).end))
    const fixed = { ...addresses, chunk: this.chunk, count: this.program.tensors.length }
    for (const [name, value] of Object.entries(fixed)) all.set(name, value)
    for (const [name, address] of this.arrays) all.set(addressOf(name), address)
    return all
  }

  private take(bytes: number, what: string): bigint {
    const { device } = this
    const pointer = device.alloc(bytes, `The ${what} of ${this.program.name}`)
    this.allocated.push(pointer)
    device.do((driver) => driver.fill(pointer, 0, Math.max(1, bytes), device.stream))
    return pointer
  }

  private get mostChunks(): number {
    return this.program.tensors.reduce((sum, { size }) => sum + chunksOf(size, this.chunk), 0)
  }

  slot(name: string): readonly Place<Device>[] | undefined {
    const slot = this.slots.get(name)
    if (!slot) return undefined
    const { length } = this.program.tensors
    const count = slot.scope === 'global' ? 1 : length
    const at = Number(this.singles[slot.scope]) + 8 * slot.index * count
    return [{ memory: this.device, at, bytes: 8 * count }]
  }

  parts(state: string): readonly Part<Device>[] {
    const { tensors, strides } = this.program
    const base = Number(this.arrays.get(state))
    return tensors.map(({ size }, tensor) => {
      const { state: ofElements, kept, dtype } = this.starts[tensor]
      const isSlice = this.scopes[state] === 'slice'
      const bytes = bytesEach[dtype] * (isSlice ? keptOf(size, strides?.[tensor]) : size)
      const place = { memory: this.device, at: base + (isSlice ? kept : ofElements), bytes }
      return { place, tensor, from: 0, dtype }
    })
  }

  /** Making a plan costs an upload and no memory, but for every fifth that is in use. */
  plan(tensors: Tensors<Device>): Plan {
    if (this.device.capturing)
      throw refuse(
        'unsupported',
        'A step is captured whose gradients are in arrays of no step before. Take a step with them first, and capture the next one.',
      )
    const placed = placedOf(this.program, tensors)
    if (!this.spare.length) this.morePlans()
    // Tables for the same tensors at other places need no new chunks.
    const alike = this.spare.findIndex((each) => each.placed && sameActive(each.placed, placed))
    const [plan] = this.spare.splice(Math.max(0, alike), 1)
    const written = alike >= 0
    plan.placed = undefined
    if (!written) {
      const { bytes, count } = chunkRows(placed, this.chunk)
      this.device.upload(plan.chunks, bytes)
      plan.blocks = count
    }
    this.device.upload(plan.tensors, tensorRows(placed, this))
    plan.placed = placed
    return plan
  }

  discard(plan: Plan): void {
    if (!plan.kept) this.spare.push(plan)
  }

  private morePlans(): void {
    const rows = aligned(rowBytes.tensor * this.program.tensors.length)
    const each = rows + aligned(rowBytes.chunk * this.mostChunks)
    const pointer = this.device.alloc(plansAtOnce * each, `The tables of ${this.program.name}`)
    this.allocated.push(pointer)
    for (let i = 0; i < plansAtOnce; i++) {
      const tensors = pointer + BigInt(i * each)
      const chunks = tensors + BigInt(rows)
      this.spare.push({ memory: this, tensors, chunks, placed: undefined, blocks: 0, kept: false })
    }
  }

  free(): void {
    for (const pointer of this.allocated) this.device.free(pointer)
    this.spare = []
  }
}

/** The states of each tensor one after the other, each where 16 bytes may be accessed at a time. */
function lay({ tensors, strides }: Program) {
  let [state, kept] = [0, 0]
  const starts = tensors.map(({ size, dtype }, i): Start => {
    const start = { state, kept, dtype: stateDtype(dtype) }
    const bytes = bytesEach[start.dtype]
    state += 16 * Math.ceil((bytes * size) / 16)
    kept += 16 * Math.ceil((bytes * keptOf(size, strides?.[i])) / 16)
    return start
  })
  return { starts, sizes: { state, kept } }
}
