/**
 * Bytes as numbers of every width.
 */

/** The same bytes, as arrays of numbers. */
export interface Arrays {
  readonly U8: Uint8Array
  readonly U16: Uint16Array
  readonly I32: Int32Array
  readonly F32: Float32Array
  readonly F64: Float64Array
}

/** Arrays on a buffer, whose length is a multiple of 8. */
export const arraysOf = (buffer: ArrayBuffer): Arrays => ({
  U8: new Uint8Array(buffer),
  U16: new Uint16Array(buffer),
  I32: new Int32Array(buffer),
  F32: new Float32Array(buffer),
  F64: new Float64Array(buffer),
})

/** Arrays under the names that printed kernels have for them. */
export const prefixed = (prefix: string, arrays: Arrays) =>
  Object.fromEntries(Object.entries(arrays).map(([name, array]) => [`${prefix}${name}`, array]))
