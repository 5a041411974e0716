/**
 * Arrays of numbers, known by what they are and not by the realm that they come from: another
 * frame's, another context's of Node.
 */

/** Numbers read from a device. */
export type Numbers = Float32Array | Float64Array

const tag = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)?.get

/**
 * The name of a typed array's kind, `Float32Array` for instance; undefined for whatever is none.
 */
const arrayKind = (value: unknown): string | undefined => tag?.call(value) as string | undefined

const precisions = {
  Float16Array: 'float16',
  Float32Array: 'float32',
  Float64Array: 'float64',
} as const

/**
 * The precision of a typed array of floating-point numbers, of any realm; undefined for whatever is
 * none.
 */
export function precisionOf(value: unknown): 'float16' | 'float32' | 'float64' | undefined {
  const kind = arrayKind(value)
  return kind !== undefined && kind in precisions
    ? precisions[kind as keyof typeof precisions]
    : undefined
}
