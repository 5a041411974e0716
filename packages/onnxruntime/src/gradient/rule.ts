/**
 * What a rule of differentiation is: from a node with its values and the gradient of its output,
 * the gradients of its inputs. Rules don't sum over what was broadcast, nor add up over several
 * uses of a value: ../backward.ts does so for all of them.
 */
import { FreestepError } from '@freestep/core'
import type { Dim } from '../graph/dims.ts'
import { shapeOf } from '../graph/ops.ts'
import type { Value } from '../graph/value.ts'
import { type NodeProto, nodeTitle } from '../onnx/index.ts'

/** A node to differentiate. */
export interface Site {
  readonly node: NodeProto
  /** The inputs; undefined where an optional one is left out. */
  readonly x: readonly Value[]
  /** The outputs. */
  readonly y: readonly Value[]
  /** The gradient of the first output. */
  readonly g: Value
  /** The gradients of all outputs; undefined where nothing flows back. */
  readonly gs: readonly (Value | undefined)[]
  /** An output by its place, asked for if the node does not give it yet. */
  output(place: number): Value
}

/**
 * The gradient for each input, computed only where it is wanted; undefined where there is none to
 * be had.
 */
export type Rule = (site: Site) => readonly ((() => Value) | undefined)[]

/** Rules by operator. */
export type Rules = Readonly<Record<string, Rule>>

/** Refuses a node, naming it. */
export const refuse = (node: NodeProto, message: string): FreestepError =>
  new FreestepError('onnxruntime', 'unsupported', `${nodeTitle(node)} ${message}`)

/** Sizes of a value that have to be numbers before anything runs. */
export function sizesOf(
  node: NodeProto,
  value: Value,
  from: number,
  to?: number,
): readonly number[] {
  return shapeOf(value)
    .slice(from, to)
    .map((size: Dim) => {
      if (typeof size === 'number') return size
      throw refuse(
        node,
        `has an input "${value.name}" of shape [${value.shape?.join(', ')}], and its gradient needs the size "${size}" as a number. ` +
          `Give it: dimensions: { '${size}': … }.`,
      )
    })
}
