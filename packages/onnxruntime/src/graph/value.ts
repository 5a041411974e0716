/**
 * A value of a graph under construction: its name and what is known of it before anything runs. It
 * knows the graph it is in.
 */
import type { ElementType, TensorProto } from '../onnx/index.ts'
import type { Builder } from './builder.ts'
import type { Dim, Shape } from './dims.ts'

/** What is known of a value. */
export interface Known {
  readonly type?: ElementType | undefined
  readonly shape?: Shape | undefined
  /**
   * What is in it, for small integer tensors of one dimension or none: shapes are computed with
   * such.
   */
  readonly elements?: readonly Dim[] | undefined
}

/** A value by name. */
export interface Value extends Known {
  readonly name: string
  /** The graph it is a value of. */
  readonly in: Builder
  /** Its numbers, where it is a constant. */
  readonly constant?: TensorProto | undefined
}
