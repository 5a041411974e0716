/**
 * What PTX kernels are given and where things are in memory: the contract between emitted code and
 * whoever allocates and launches. Not the allocation itself.
 *
 * Work is cut into chunks: so many elements of one tensor, one block of threads for each.
 * Parameters and gradients (or the result of `evaluate`) are where the rows of `tensors` say, in
 * their own precision; everything else is memory of the optimizer: arrays of states, single numbers
 * in double precision, a row of partial sums for each chunk. All bytes are little-endian.
 */
import type { Kernels } from '../../fuse/kernels.ts'

/** The precisions of parameters and gradients. States are in f32, or in f64 where these are. */
export const ptxData = ['f32', 'f16', 'bf16', 'f64'] as const

/** A precision of parameters and gradients. */
export type PtxData = (typeof ptxData)[number]

/**
 * A chunk has a multiple of so many elements: enough for the threads of a block, each with 16 bytes
 * of singles.
 */
export const chunkUnit = 1024

/** The bytes of one number. */
export const bytesOf = { u32: 4, u64: 8, f64: 8, f32: 4, f16: 2, bf16: 2 } as const

/** A field of a row, or a parameter of a kernel. */
export interface Field {
  readonly name: string
  readonly type: 'u32' | 'u64' | 'f64'
}

/**
 * A row of `tensors`, one for each tensor of the program:
 * - `x`, `g`: addresses of its parameters, and of its gradients or the result of `evaluate`;
 * - `state`, `kept`: where its states begin in every array of elements and of slices, in bytes, at
 *   a multiple of 16;
 * - `size`: its elements;
 * - `data`: its precision, the position in {@link ptxData}; `whole`: 1 if x and g may be accessed
 *   16 bytes at a time (8 for f16 and bf16);
 * - `stride`: slices keep every so many elements; `row`, `rows`: which chunks are its own, none
 *   where it sits the step out.
 */
export const tensorFields: readonly Field[] = [
  ...(['x', 'g', 'state', 'kept', 'size'] as const).map((name) => ({ name, type: 'u64' as const })),
  ...(['data', 'whole', 'stride', 'row', 'rows'] as const).map((name) => ({
    name,
    type: 'u32' as const,
  })),
]

/**
 * A row of `chunks`: it is chunk `number` of the tensor in row `tensor`; its slices are kept
 * coordinates [kept, kept + count) of the tensor.
 */
export const chunkFields: readonly Field[] = (['tensor', 'number', 'kept', 'count'] as const).map(
  (name) => ({
    name,
    type: 'u32',
  }),
)

/** Where fields are. */
export interface Packed {
  readonly offsets: Readonly<Record<string, number>>
  /** Where the last one ends, and the bytes of a row of them, a multiple of 8. */
  readonly end: number
  readonly bytes: number
}

/** Where each field begins, at a multiple of its size, and how many bytes they take. */
export function packed(fields: readonly Field[]): Packed {
  let end = 0
  const offsets: Record<string, number> = {}
  for (const { name, type } of fields) {
    const size = bytesOf[type]
    offsets[name] = size * Math.ceil(end / size)
    end = offsets[name] + size
  }
  return { offsets, end, bytes: 8 * Math.ceil(end / 8) }
}

/** The arrays that the optimizer keeps, each of which a kernel is given the address of. */
export const ptxArrays = ({ arrays }: Kernels): string[] =>
  Object.keys(arrays).filter((name) => name !== 'x' && name !== 'g' && name !== 'evaluated')

/** The name of the parameter with the address of an array. */
export const addressOf = (array: string): string => `at ${array}`
/** The name of the parameter with a number that comes with every step. */
export const givenOf = (slot: string): string => `given ${slot}`

/**
 * The parameters of every kernel of a program:
 * - `tensors`, `chunks`: the tables above;
 * - `numbers`: the global slots; `ofTensors`: the slots of tensors (slot s of tensor t is number s
 *   · `stride` + t); `partials`: the partial sums, for every chunk as many as the pass adds up;
 *   `control`: two u32, how many blocks have finished (0 between launches) and how many steps were
 *   taken;
 * - the address of every array of {@link ptxArrays};
 * - a number for each of the slots in `given`; the loss is at the address `loss` instead, unless
 *   that is 0, in f32, or f64 if `lossWide`;
 * - `chunk`: elements of a chunk; `count`: tensors of the program.
 */
export function ptxParameters(kernels: Kernels, given: readonly string[]): Field[] {
  const named = (type: Field['type'], names: readonly string[]) =>
    names.map((name) => ({ name, type }))
  return [
    ...named('u64', ['tensors', 'chunks', 'numbers', 'ofTensors', 'partials', 'control']),
    ...named('u64', ptxArrays(kernels).map(addressOf)),
    ...named('f64', given.map(givenOf)),
    ...named('u64', ['loss']),
    ...named('u32', ['chunk', 'count', 'lossWide']),
  ]
}

/** How to print. */
export interface PtxOptions {
  /** What kernels are called: `<name>_0`, `<name>_1`, … */
  readonly name: string
  /** Threads of a block: a power of two, 32 to 512. Every kernel is launched with so many. */
  readonly threads: number
  /** The precisions of parameters and gradients that there are, each once. */
  readonly data: readonly PtxData[]
  /** The global slots whose numbers come as parameters of the kernels. */
  readonly given: readonly string[]
  /**
   * Whether parameters in bfloat16 are rounded up or down at random, rather than to the nearest.
   */
  readonly stochastic: boolean
}

/** One launch. */
export interface PtxKernel {
  /** The name of the kernel in the module. */
  readonly entry: string
  /** Launched with a block for each chunk, or a single one. */
  readonly grid: 'chunks' | 'one'
}

/** A module, and its kernels in the order of their launches. */
export interface PtxModule {
  readonly code: string
  readonly kernels: readonly PtxKernel[]
}
