/**
 * What the inference of types and shapes works with: a node, what is known of its inputs, and short
 * ways to say the usual.
 */
import type { NodeProto } from '../../onnx/index.ts'
import { axisOf, type Dim, type Shape } from '../dims.ts'
import type { Known, Value } from '../value.ts'

/** A node whose outputs are asked for. */
export interface Site {
  readonly node: NodeProto
  /** The inputs; undefined where an optional one is left out. */
  readonly x: readonly (Value | undefined)[]
  readonly opset: number
  /** A size that nothing is known of. */
  unknown(): Dim
}

/** What is known of a node's outputs, in order; {} for one of which nothing is. */
export type Infer = (site: Site) => readonly Known[]

/** The shape that two broadcast to. */
export function broadcast(
  a: Shape | undefined,
  b: Shape | undefined,
  unknown: () => Dim,
): Shape | undefined {
  if (!a || !b) return undefined
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, i) => {
    const left = a[i - rank + a.length] ?? 1
    const right = b[i - rank + b.length] ?? 1
    if (left === right || right === 1) return left
    if (left === 1) return right
    // A name beside a number that is not 1 is that number, or 1.
    if (typeof left === 'number') return left
    return typeof right === 'number' ? right : unknown()
  })
}

/** Axes counted from the front. */
export const axesOf = (axes: readonly number[], rank: number): readonly number[] =>
  axes.map((axis) => axisOf(axis, rank))

/** The elements of a value if all of them are numbers. */
export function numbersOf(value: Value | undefined): readonly number[] | undefined {
  return value?.elements?.every((each) => typeof each === 'number')
    ? (value.elements as readonly number[])
    : undefined
}
