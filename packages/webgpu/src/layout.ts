/**
 * Where the states of one optimizer are: in as few buffers as bindings allow, tensor after tensor;
 * see the layout of WGSL in the compiler for what kernels expect. Pure arithmetic, no buffers.
 */
import { type Kernels, stateArrays } from '@freestep/compiler'
import type { Program } from '@freestep/core'

/**
 * A span of a tensor whose states are in one buffer: elements [from, from + length) of the
 * tensor.
 */
export interface Span {
  /** Which of the buffers of states. */
  readonly states: number
  readonly from: number
  readonly length: number
  /** Where it begins in the arrays of elements, and in those of slices. */
  readonly state: number
  readonly kept: number
}

/** Where everything is. */
export interface Layout {
  readonly arrays: readonly { readonly name: string; readonly scope: 'element' | 'slice' }[]
  /** The spans of each tensor, in order. */
  readonly spans: readonly (readonly Span[])[]
  /** Where the slots of tensors and the partial sums begin in the buffer of numbers, as words. */
  readonly slots: number
  readonly partials: number
  /** Elements per group of threads. */
  readonly segment: number
  /** For each buffer of states, where each of the arrays begins, as words. */
  readonly bases: readonly (readonly number[])[]
  /** How many words there are of the states in each buffer, and of numbers. */
  readonly words: { readonly states: readonly number[]; readonly numbers: number }
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

/** Lays out the memory of a program, given its kernels; bindings are of `window` bytes at most. */
export function layoutOf(
  program: Program,
  kernels: readonly Kernels[],
  spread: Spread,
  window: number,
): Layout {
  const [{ arrays: scopes }] = kernels
  const arrays = stateArrays(scopes).map((name) => ({ name, scope: scopes[name] }))
  const { spans, sizes } = lay(program, arrays.length, window / 4)
  const segment = segmentOf(program, spread)
  const count = (scope: 'global' | 'tensor') =>
    Math.max(...kernels.map((each) => each.slots.filter((slot) => slot.scope === scope).length))
  const stages = kernels.flatMap((each) => each.stages)
  const sums = Math.max(0, ...stages.map((stage) => (stage.kind === 'pass' ? stage.sums : 0)))
  const slots = count('global')
  const partials = slots + count('tensor') * program.tensors.length
  const states: number[] = []
  const bases = sizes.map((size) => {
    let end = 0
    const own = arrays.map(({ scope }) => {
      const base = end
      end += size[scope]
      return base
    })
    states.push(end)
    return own
  })
  const numbers = partials + sums * mostRows(program, spans, segment, window)
  return { arrays, spans, slots, partials, segment, bases, words: { states, numbers } }
}

/** Cuts the tensors into spans, one buffer after the other. */
function lay(program: Program, arrays: number, words: number) {
  const capacity = Math.floor(words / Math.max(1, arrays))
  const sizes = [{ element: 0, slice: 0 }]
  const spans = program.tensors.map(({ size }, i): Span[] => {
    const stride = program.strides?.[i] ?? 1
    const own: Span[] = []
    for (let from = 0; from < size; ) {
      if (sizes[sizes.length - 1].element === capacity) sizes.push({ element: 0, slice: 0 })
      const buffer = sizes[sizes.length - 1]
      const length = Math.min(size - from, capacity - buffer.element)
      own.push({
        states: sizes.length - 1,
        from,
        length,
        state: buffer.element,
        kept: buffer.slice,
      })
      buffer.element += length
      buffer.slice += Math.ceil((from + length) / stride) - Math.ceil(from / stride)
      from += length
    }
    return own
  })
  return { spans, sizes }
}

/** Elements per group of threads: a multiple of the threads, so that all of them have work. */
function segmentOf({ tensors }: Program, { threads, groups, atLeast }: Spread): number {
  const total = tensors.reduce((sum, { size }) => sum + size, 0)
  return threads * Math.max(atLeast, Math.ceil(total / groups / threads))
}

/** Rows of partial sums, however gradients are cut into windows. */
function mostRows(
  program: Program,
  spans: Layout['spans'],
  segment: number,
  window: number,
): number {
  const cuts = (size: number) => 2 + 2 * Math.ceil((4 * size) / window)
  return program.tensors.reduce(
    (sum, { size }, i) => sum + Math.ceil(size / segment) + spans[i].length + cuts(size),
    0,
  )
}
