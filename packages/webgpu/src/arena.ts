/**
 * The device memory of one optimizer: the states in as few buffers as its limits allow, and a
 * buffer of single numbers and partial sums. Decides where things are; see wgsl/layout.ts of the
 * compiler for what kernels expect. Not the parameters and gradients.
 */
import { type Kernels, type Slot, stateArrays } from '@freestep/compiler'
import type { Program } from '@freestep/core'
import type { Place } from './tensors.ts'
import { usage, vectorUsage } from './usage.ts'

/**
 * A stretch of a tensor whose states are in one arena: elements [from, from + length) of the
 * tensor.
 */
export interface Stretch {
  readonly arena: number
  readonly from: number
  readonly length: number
  /** Where it begins in the arrays of elements, and in those of slices. */
  readonly state: number
  readonly kept: number
}

/** A buffer of states. */
export interface Arena {
  readonly buffer: GPUBuffer
  /** Where each of the arrays begins, as 32-bit words, in the order of {@link Memory.arrays}. */
  readonly bases: readonly number[]
}

/** Where everything is. */
export interface Memory {
  readonly arrays: readonly { readonly name: string; readonly scope: 'element' | 'slice' }[]
  readonly arenas: readonly Arena[]
  /** The stretches of each tensor, in order. */
  readonly stretches: readonly (readonly Stretch[])[]
  readonly numbers: GPUBuffer
  /** Where the slots of tensors and the partial sums begin in `numbers`, as words. */
  readonly slots: number
  readonly partials: number
  /** Elements per group of threads. */
  readonly segment: number
}

/** How work is spread over a device. */
export interface Spread {
  /** Threads of a group. */
  readonly threads: number
  /** How many groups are aimed at; more make more partial sums, fewer leave parts of a GPU idle. */
  readonly groups: number
  /** Elements that a thread should have at least. */
  readonly atLeast: number
}

/**
 * Allocates for a program and the kernels of its functions, bindings being of `window` bytes at
 * most. Fresh buffers are zero.
 */
export function allocate(
  device: GPUDevice,
  program: Program,
  kernels: readonly Kernels[],
  spread: Spread,
  window: number,
): Memory {
  const [{ arrays: scopes }] = kernels
  const arrays = stateArrays(scopes).map((name) => ({ name, scope: scopes[name] }))
  const { stretches, sizes } = lay(program, arrays.length, window / 4)
  const segment = segmentOf(program, spread)
  const count = (scope: 'global' | 'tensor') =>
    Math.max(...kernels.map((each) => each.slots.filter((slot) => slot.scope === scope).length))
  const sums = Math.max(
    0,
    ...kernels.flatMap(({ stages }) =>
      stages.map((stage) => (stage.kind === 'pass' ? stage.sums : 0)),
    ),
  )
  const slots = count('global')
  const partials = slots + count('tensor') * program.tensors.length
  const create = (label: string, words: number) =>
    device.createBuffer({
      label: `freestep ${program.name} ${label}`,
      size: 4 * Math.max(4, words),
      usage: vectorUsage,
    })
  return {
    arrays,
    stretches,
    slots,
    partials,
    segment,
    arenas: sizes.map(({ element, slice }) => {
      let end = 0
      const bases = arrays.map(({ scope }) => {
        const base = end
        end += scope === 'slice' ? slice : element
        return base
      })
      return { buffer: create('states', end), bases }
    }),
    numbers: create('numbers', partials + sums * mostRows(program, stretches, segment, window)),
  }
}

/** Cuts the tensors into stretches, one arena after the other. */
function lay(program: Program, arrays: number, words: number) {
  const capacity = Math.floor(words / Math.max(1, arrays))
  const sizes = [{ element: 0, slice: 0 }]
  const stretches = program.tensors.map(({ size }, i): Stretch[] => {
    const stride = program.strides?.[i] ?? 1
    const own: Stretch[] = []
    for (let from = 0; from < size; ) {
      if (sizes[sizes.length - 1].element === capacity) sizes.push({ element: 0, slice: 0 })
      const arena = sizes[sizes.length - 1]
      const length = Math.min(size - from, capacity - arena.element)
      own.push({ arena: sizes.length - 1, from, length, state: arena.element, kept: arena.slice })
      arena.element += length
      arena.slice += Math.ceil((from + length) / stride) - Math.ceil(from / stride)
      from += length
    }
    return own
  })
  return { stretches, sizes }
}

/** Elements per group of threads: a multiple of the threads, so that all of them have work. */
function segmentOf({ tensors }: Program, { threads, groups, atLeast }: Spread): number {
  const total = tensors.reduce((sum, { size }) => sum + size, 0)
  return threads * Math.max(atLeast, Math.ceil(total / groups / threads))
}

/** Rows of partial sums, however gradients are cut into windows. */
function mostRows(
  program: Program,
  stretches: Memory['stretches'],
  segment: number,
  window: number,
): number {
  const cuts = (size: number) => 2 + 2 * Math.ceil((4 * size) / window)
  return program.tensors.reduce(
    (sum, { size }, i) => sum + Math.ceil(size / segment) + stretches[i].length + cuts(size),
    0,
  )
}

/** Where a slot is. */
export function slotPlace(
  { numbers, slots, stretches: { length: count } }: Memory,
  { scope, index }: Slot,
): Place {
  if (scope === 'global') return { buffer: numbers, byteOffset: 4 * index, bytes: 4 }
  return { buffer: numbers, byteOffset: 4 * (slots + index * count), bytes: 4 * count }
}

/** A part of a vector: the numbers of a tensor from one of them on. */
export interface Part {
  readonly place: Place
  readonly tensor: number
  readonly from: number
}

/** Where the numbers of a state are. */
export function stateParts(
  { arrays, arenas, stretches }: Memory,
  { strides }: Program,
  state: string,
): Part[] {
  const array = arrays.findIndex(({ name }) => name === state)
  const isSlice = arrays[array].scope === 'slice'
  return stretches.flatMap((own, tensor) => {
    const count = (elements: number) =>
      isSlice ? Math.ceil(elements / (strides?.[tensor] ?? 1)) : elements
    return own.map((stretch) => {
      const { buffer, bases } = arenas[stretch.arena]
      const [from, to] = [count(stretch.from), count(stretch.from + stretch.length)]
      const byteOffset = 4 * (bases[array] + (isSlice ? stretch.kept : stretch.state))
      return { place: { buffer, byteOffset, bytes: 4 * (to - from) }, tensor, from }
    })
  })
}

/** A buffer with the given words, whatever encoder is in use. */
export function constants(
  device: GPUDevice,
  words: Uint32Array,
  kind: 'uniform' | 'storage',
): GPUBuffer {
  const buffer = device.createBuffer({
    label: 'freestep table',
    size: 4 * Math.max(8, words.length),
    usage: usage[kind],
    mappedAtCreation: true,
  })
  new Uint32Array(buffer.getMappedRange()).set(words)
  buffer.unmap()
  return buffer
}
