/**
 * Numbers of 16 bits as ONNX Runtime has them in JavaScript: in a Float16Array where the host has
 * one (Node 24), else as their patterns in a Uint16Array. onnxruntime-node takes a Float16Array to
 * be empty (1.30 does), so sessions are given patterns everywhere.
 */
import { halves } from '@freestep/core'
import type { OrtTensor } from './ort.ts'

/** A Float16Array, where the host has it. */
export interface HalfArray extends ArrayBufferView, ArrayLike<number> {
  readonly [Symbol.toStringTag]: 'Float16Array'
}

const isHalfArray = (data: unknown): data is HalfArray =>
  ArrayBuffer.isView(data) && (data as Partial<HalfArray>)[Symbol.toStringTag] === 'Float16Array'

/**
 * The patterns of float16 numbers: of a Float16Array in the same memory; a Uint16Array has
 * patterns; others are rounded.
 */
export function patternsOf(numbers: ArrayLike<number | bigint>): Uint16Array {
  if (numbers instanceof Uint16Array) return numbers
  if (isHalfArray(numbers))
    return new Uint16Array(numbers.buffer as ArrayBuffer, numbers.byteOffset, numbers.length)
  return Uint16Array.from(numbers, (number) => halves.float16.encode(Number(number)))
}

/**
 * Tensors as every session takes them, for `session.run(feeds({ … }))`: those of float16 with their
 * patterns, which share the memory of what was given. Sessions of onnxruntime-node refuse them
 * otherwise on hosts that have a Float16Array ("not enough space: expected 4, got 0"). All other
 * tensors are themselves.
 */
export function feeds<T extends OrtTensor>(
  tensors: Readonly<Record<string, T>>,
): Record<string, T> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [name, withPatterns(tensor)]),
  )
}

function withPatterns<T extends OrtTensor>(tensor: T): T {
  if (tensor.type !== 'float16' || !tensor.location.startsWith('cpu') || !isHalfArray(tensor.data))
    return tensor
  return Object.create(tensor, { data: { value: patternsOf(tensor.data), enumerable: true } }) as T
}
