/** The caller's arrays: what parameters, gradients and points are here. Not what is done with them. */

/** An array of numbers of one precision. */
export type FloatArray = Float32Array | Float64Array
