/**
 * Short ways to write the messages: nodes with attributes as plain values, values with types, a
 * whole model; and to read attributes back.
 */
import { FreestepError } from '@freestep/core'
import { tensorProto } from './tensors.ts'
import {
  type AttributeProto,
  attributeTypes,
  type ElementType,
  elementTypes,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from './types.ts'

/**
 * An attribute's value: a whole number, `float(x)` for one that is none, a text, a tensor, a graph,
 * or a list of whole numbers.
 */
export type AttributeValue =
  | number
  | Float
  | string
  | TensorProto
  | GraphProto
  | readonly number[]
  | readonly Float[]

/** A number that is stored in single precision. */
export interface Float {
  readonly float: number
}

/**
 * Marks a number as a floating-point attribute, whole or not; it is rounded as the file will have
 * it.
 */
export const float = (value: number): Float => ({ float: Math.fround(value) })

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const isFloat = (value: unknown): value is Float =>
  typeof value === 'object' && value !== null && 'float' in value

/** An attribute. */
export function attribute(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === 'number') return { name, type: attributeTypes.int, i: value }
  if (typeof value === 'string')
    return { name, type: attributeTypes.string, s: encoder.encode(value) }
  if (isFloat(value)) return { name, type: attributeTypes.float, f: value.float }
  if (Array.isArray(value))
    return value.length > 0 && isFloat(value[0])
      ? { name, type: attributeTypes.floats, floats: value.map(({ float }: Float) => float) }
      : { name, type: attributeTypes.ints, ints: value as number[] }
  if ('dataType' in value) return { name, type: attributeTypes.tensor, t: value as TensorProto }
  return { name, type: attributeTypes.graph, g: value as GraphProto }
}

/** A node; attributes that are undefined are left out. */
export function node(
  opType: string,
  input: readonly string[],
  output: readonly string[],
  attributes: Readonly<Record<string, AttributeValue | undefined>> = {},
  name?: string,
): NodeProto {
  const given = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [attribute(key, value)],
  )
  return {
    ...(name !== undefined && { name }),
    opType,
    input,
    output,
    ...(given.length > 0 && { attribute: given }),
  }
}

/**
 * The type of a value: its element type and its shape, a text being the name of a size that is
 * known later.
 */
export function valueInfo(
  name: string,
  type: ElementType,
  shape: readonly (number | string)[],
): ValueInfoProto {
  const dim = shape.map((size) =>
    typeof size === 'number' ? { dimValue: size } : { dimParam: size },
  )
  return { name, type: { tensorType: { elemType: elementTypes[type], shape: { dim } } } }
}

/**
 * A model of operators of ONNX itself. IR version 8 is what opset 17 and 18 came with, and what
 * every runtime since 2022 reads.
 */
export function model(
  graph: GraphProto,
  { opset = 17, irVersion = 8 }: { opset?: number; irVersion?: number } = {},
): ModelProto {
  return {
    irVersion,
    producerName: 'freestep',
    opsetImport: [{ domain: '', version: opset }],
    graph,
  }
}

/** What a node is called in messages: its operator, and its name or else its first output. */
export const nodeTitle = ({ opType, name, output }: NodeProto): string =>
  `${opType} "${name || output?.find(Boolean) || ''}"`

const find = ({ attribute }: NodeProto, name: string) =>
  attribute?.find((each) => each.name === name)

function number(node: NodeProto, value: number | bigint): number {
  if (typeof value === 'number') return value
  throw new FreestepError(
    'onnxruntime',
    'bad-model',
    `The number ${value} is too large for an attribute of ${nodeTitle(node)}.`,
  )
}

/** A whole number of a node, or undefined if it is not there. */
export function intOf(node: NodeProto, name: string): number | undefined {
  const value = find(node, name)
  return value && number(node, value.i ?? 0)
}

/** A floating-point number of a node. */
export function floatOf(node: NodeProto, name: string): number | undefined {
  const value = find(node, name)
  return value && (value.f ?? 0)
}

/**
 * A list of whole numbers of a node. What is too large for a number is the largest that ONNX has,
 * which means "to the end".
 */
export function intsOf(node: NodeProto, name: string): readonly number[] | undefined {
  const value = find(node, name)
  return value && (value.ints ?? []).map(Number)
}

/** A text of a node. */
export function textOf(node: NodeProto, name: string): string | undefined {
  const value = find(node, name)
  return value && decoder.decode(value.s)
}

/** What a Constant node holds, undefined where that is no tensor of numbers. */
export function constantOf(node: NodeProto): TensorProto | undefined {
  const name = node.output?.[0] ?? ''
  for (const { name: kind = '', ...value } of node.attribute ?? []) {
    const held = Object.hasOwn(constantKinds, kind) ? constantKinds[kind](name, value) : undefined
    if (held) return held
  }
  return undefined
}

/** The attributes that a constant may have its numbers in. */
const constantKinds: Readonly<
  Record<string, (name: string, value: AttributeProto) => TensorProto | undefined>
> = {
  value: (name, { t }) => t && { ...t, name },
  value_int: (name, { i = 0 }) => tensorProto(name, 'int64', [], [i]),
  value_ints: (name, { ints = [] }) => tensorProto(name, 'int64', [ints.length], ints),
  value_float: (name, { f = 0 }) => tensorProto(name, 'float32', [], [f]),
  value_floats: (name, { floats = [] }) => tensorProto(name, 'float32', [floats.length], floats),
}

/** A tensor of a node. */
export const tensorOf = (node: NodeProto, name: string): TensorProto | undefined =>
  find(node, name)?.t
