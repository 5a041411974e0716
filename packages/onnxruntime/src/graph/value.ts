/**
 * A value of a graph under construction: its name and what is known of it before anything runs. It
 * knows the graph it is in.
 */
import type {
  AttributeValue,
  ElementType,
  NodeProto,
  NumberType,
  TensorProto,
} from '../onnx/index.ts'
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
  readonly in: Graph
  /** Its numbers, where it is a constant. */
  readonly constant?: TensorProto | undefined
}

/** The graph of a value, as far as whoever has the value may ask it and add to it: a Builder. */
export interface Graph {
  /** The version of the operators of ONNX itself. */
  readonly opset: number
  readonly nodes: readonly NodeProto[]
  /** A name that nothing has yet. */
  fresh(stem: string): string
  /** A value by its name. */
  find(name: string): Value | undefined
  /** Declares a value that no node makes, or says more of one. */
  declare(name: string, known: Known): Value
  /** A constant of the given numbers; the same one for the same numbers. */
  constant(type: NumberType, dims: readonly number[], numbers: readonly number[]): Value
  /** Adds a node as it is. */
  add(node: NodeProto): readonly Value[]
  /** Adds a node for an operation, or finds the one that is there, and gives all its outputs. */
  ops(
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes?: Readonly<Record<string, AttributeValue | undefined>>,
    outputs?: number,
  ): readonly Value[]
}
