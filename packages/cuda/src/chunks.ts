/**
 * How tensors are cut into chunks, the segments that blocks of threads take, and where their states
 * begin. Pure arithmetic.
 */
import { chunkUnit } from '@freestep/compiler'
import type { Program } from '@freestep/core'
import type { Dtype } from './array.ts'

/** Where the states of a tensor begin in arrays of elements and of slices, in bytes. */
export interface Start {
  readonly state: number
  readonly kept: number
  /** The precision they have. */
  readonly dtype: 'float32' | 'float64'
}

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
