/**
 * The device memory of one optimizer: its states in one allocation, its single numbers and partial
 * sums in another, the tables of its plans in a third. Decides where things are; see ptx/layout.ts
 * of the compiler for what kernels expect. Not the parameters and gradients.
 */
import {
  chunkFields,
  chunkUnit,
  type Kernels,
  packed,
  ptxArrays,
  type Slot,
  tensorFields,
} from '@freestep/compiler'
import type { Program } from '@freestep/core'
import { bytesEach, type Dtype } from './array.ts'
import type { Device } from './device.ts'

/** A place for tables: rows of tensors, then rows of chunks. */
export interface Tables {
  readonly tensors: bigint
  readonly chunks: bigint
}

/** Where everything is. */
export interface Memory {
  /** The address of each array. */
  readonly arrays: ReadonlyMap<string, bigint>
  /**
   * Where the states of each tensor begin in arrays of elements and of slices, in bytes, and the
   * precision they have.
   */
  readonly tensors: readonly {
    readonly state: number
    readonly kept: number
    readonly dtype: 'float32' | 'float64'
  }[]
  readonly control: bigint
  readonly numbers: bigint
  readonly ofTensors: bigint
  readonly partials: bigint
  /** Elements of a chunk. */
  readonly chunk: number
  /** Everything that was allocated, to be freed. */
  readonly allocated: readonly bigint[]
}

const rowBytes = { tensor: packed(tensorFields).bytes, chunk: packed(chunkFields).bytes }

/** The precision of a tensor's states. */
export const stateDtype = (dtype: Dtype): 'float32' | 'float64' =>
  dtype === 'float64' ? dtype : 'float32'

/**
 * How many chunks a tensor has: one at least, so that it takes part in what is done for each
 * tensor.
 */
export const chunksOf = (size: number, chunk: number): number =>
  Math.max(1, Math.ceil(size / chunk))

/** How many coordinates a slice keeps. */
export const keptOf = (size: number, stride = 1): number => Math.ceil(size / stride)

/**
 * More chunks than this make partial sums that take long to add up; fewer leave parts of a large
 * device idle.
 */
const mostChunks = 4096
/** Beyond this, a chunk hides what it costs to begin one. */
const largestChunk = 16 * chunkUnit

/** Elements of a chunk: the same for the same tensors on every device, so that sums are. */
export function chunkFor({ tensors }: Program): number {
  const total = tensors.reduce((sum, { size }) => sum + size, 0)
  let chunk = chunkUnit
  while (chunk < largestChunk && total / chunk > mostChunks) chunk *= 2
  return chunk
}

/**
 * Allocates for a program and the kernels of its functions; all is zero. Frees what it has if there
 * is not enough.
 */
export function allocate(device: Device, program: Program, kernels: readonly Kernels[]): Memory {
  const [first] = kernels
  const { tensors, sizes } = lay(program)
  const chunk = chunkFor(program)
  const names = ptxArrays(first)
  const count = (scope: Slot['scope']) =>
    Math.max(...kernels.map(({ slots }) => slots.filter((each) => each.scope === scope).length))
  const sums = Math.max(
    0,
    ...kernels.flatMap(({ stages }) =>
      stages.map((stage) => (stage.kind === 'pass' ? stage.sums : 0)),
    ),
  )
  const chunks = program.tensors.reduce((sum, { size }) => sum + chunksOf(size, chunk), 0)
  const allocated: bigint[] = []
  const take = (bytes: number, what: string) => {
    const pointer = device.alloc(bytes, `The ${what} of ${program.name}`)
    allocated.push(pointer)
    device.do((driver) => driver.fill(pointer, 0, Math.max(1, bytes), device.stream))
    return pointer
  }
  try {
    let end = 0
    const offsets = names.map((name) => {
      const offset = end
      end += aligned(first.arrays[name] === 'slice' ? sizes.kept : sizes.state)
      return offset
    })
    const states = take(end, 'states')
    const [globals, ofTensors] = [count('global'), count('tensor') * program.tensors.length]
    const control = take(16 + 8 * (globals + ofTensors + sums * chunks), 'single numbers')
    const numbers = control + 16n
    return {
      arrays: new Map(names.map((name, i) => [name, states + BigInt(offsets[i])])),
      tensors,
      control,
      numbers,
      chunk,
      allocated,
      ofTensors: numbers + BigInt(8 * globals),
      partials: numbers + BigInt(8 * (globals + ofTensors)),
    }
  } catch (error) {
    for (const pointer of allocated) device.free(pointer)
    throw error
  }
}

/** The states of each tensor one after the other, each where 16 bytes may be accessed at a time. */
function lay({ tensors, strides }: Program) {
  let [state, kept] = [0, 0]
  const places = tensors.map(({ size, dtype }, i) => {
    const place = { state, kept, dtype: stateDtype(dtype) }
    const bytes = bytesEach[place.dtype]
    state += 16 * Math.ceil((bytes * size) / 16)
    kept += 16 * Math.ceil((bytes * keptOf(size, strides?.[i])) / 16)
    return place
  })
  return { tensors: places, sizes: { state, kept } }
}

/** A multiple of what memory is read in. */
const aligned = (bytes: number) => 256 * Math.ceil(bytes / 256)

/** Places for tables of a program, in one allocation. */
export function allocateTables(
  device: Device,
  program: Program,
  count: number,
): { tables: Tables[]; pointer: bigint } {
  const chunk = chunkFor(program)
  const rows = aligned(rowBytes.tensor * program.tensors.length)
  const chunks = program.tensors.reduce((sum, { size }) => sum + chunksOf(size, chunk), 0)
  const each = rows + aligned(rowBytes.chunk * chunks)
  const pointer = device.alloc(count * each, `The tables of ${program.name}`)
  const tables = Array.from({ length: count }, (_, i) => {
    const tensors = pointer + BigInt(i * each)
    return { tensors, chunks: tensors + BigInt(rows) }
  })
  return { tables, pointer }
}

/** Where a slot is, and how many numbers it has. */
export function slotPlace(
  memory: Memory,
  { scope, index }: Slot,
): { pointer: bigint; length: number } {
  if (scope === 'global') return { pointer: memory.numbers + BigInt(8 * index), length: 1 }
  const length = memory.tensors.length
  return { pointer: memory.ofTensors + BigInt(8 * index * length), length }
}
