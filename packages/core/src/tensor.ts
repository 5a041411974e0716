/** What core knows of a tensor. Not its numbers, which are the backend's. */

/** What core knows of a parameter tensor. */
export interface TensorInfo {
  readonly name: string
  readonly shape: readonly number[]
  /** The number of coordinates, the product of the shape. */
  readonly size: number
  readonly dtype: 'float16' | 'bfloat16' | 'float32' | 'float64'
}
