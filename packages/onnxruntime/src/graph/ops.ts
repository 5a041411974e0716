/**
 * The operations of ONNX that gradients are written with, as free functions over values and plain
 * numbers; a number takes the type of the value beside it. Each adds a node to the graph of its
 * operands, or finds it there. Standard operators only, of opset 17 and later.
 */
import { FreestepError, halves } from '@freestep/core'
import { type AttributeValue, dataOf, elementTypes, type NumberType } from '../onnx/index.ts'
import { axisOf, type Dim, isStatic, type Shape, sameShape } from './dims.ts'
import type { Value } from './value.ts'

/** A value, or a number that takes the type of what it meets. */
export type Operand = Value | number

/** Applies any operator and gives its first output. */
export function op(
  type: string,
  inputs: readonly (Value | undefined)[],
  attributes: Readonly<Record<string, AttributeValue | undefined>> = {},
): Value {
  return ops(type, inputs, attributes, 1)[0]
}

/** Applies any operator and gives the first of its outputs, as many as are asked for. */
export function ops(
  type: string,
  inputs: readonly (Value | undefined)[],
  attributes: Readonly<Record<string, AttributeValue | undefined>>,
  outputs: number,
): readonly Value[] {
  const graph = inputs.find((value) => value !== undefined)?.in
  if (!graph)
    throw new FreestepError(
      'onnxruntime',
      'bad-model',
      `${type} has no operand. Give at least one value.`,
    )
  return graph.ops(type, inputs, attributes, outputs)
}

/** The type of a value that has to be known. */
export function typeOf(value: Value): NumberType {
  if (value.type !== undefined && value.type !== 'string') return value.type
  throw new FreestepError(
    'onnxruntime',
    'bad-model',
    `The element type of "${value.name}" is not known. Run onnx.shape_inference on the model first.`,
  )
}

/** The shape of a value whose rank has to be known. */
export function shapeOf(value: Value): Shape {
  if (value.shape) return value.shape
  throw new FreestepError(
    'onnxruntime',
    'bad-model',
    `The number of dimensions of "${value.name}" is not known. Run onnx.shape_inference on the model first.`,
  )
}

/** A constant of the type of another value. */
export const like = (value: Value, number: number): Value =>
  value.in.constant(typeOf(value), [], [number])

/** A vector of integers, as operators take shapes and axes. */
export const ints = (near: Value, numbers: readonly number[]): Value =>
  near.in.constant('int64', [numbers.length], numbers)

function binary(type: string, a: Operand, b: Operand): Value {
  if (typeof a === 'number') return op(type, [like(b as Value, a), b as Value])
  return op(type, [a, typeof b === 'number' ? like(a, b) : b])
}

/** a + b */
export const add = (a: Operand, b: Operand): Value => binary('Add', a, b)

/** a − b */
export const sub = (a: Operand, b: Operand): Value => binary('Sub', a, b)

/** a · b; a factor that is the number 1 costs nothing. */
export function mul(a: Value, b: Operand): Value
export function mul(a: Operand, b: Value): Value
export function mul(a: Operand, b: Operand): Value {
  if (a === 1) return b as Value
  return b === 1 ? (a as Value) : binary('Mul', a, b)
}

/** a / b */
export const div = (a: Operand, b: Operand): Value => binary('Div', a, b)

/** aᵇ */
export const pow = (a: Operand, b: Operand): Value => binary('Pow', a, b)

/** −a */
export const neg = (a: Value): Value => op('Neg', [a])

/** √a */
export const sqrt = (a: Value): Value => op('Sqrt', [a])

/** eᵃ */
export const exp = (a: Value): Value => op('Exp', [a])

/** The natural logarithm. */
export const log = (a: Value): Value => op('Log', [a])

/** a > b, as truth values. */
export const greater = (a: Operand, b: Operand): Value => binary('Greater', a, b)

/** a < b, as truth values. */
export const less = (a: Operand, b: Operand): Value => binary('Less', a, b)

/** a = b, as truth values. */
export const equal = (a: Operand, b: Operand): Value => binary('Equal', a, b)

/** a where the condition holds, b elsewhere. */
export function where(condition: Value, a: Operand, b: Operand): Value {
  const value = (typeof a === 'number' ? b : a) as Value
  const operand = (each: Operand) => (typeof each === 'number' ? like(value, each) : each)
  return op('Where', [condition, operand(a), operand(b)])
}

/** The same numbers in another type. */
export const cast = (a: Value, type: NumberType): Value =>
  a.type === type ? a : op('Cast', [a], { to: elementTypes[type] })

/** a · b, as matrices or stacks of them. */
export const matMul = (a: Value, b: Value): Value => op('MatMul', [a, b])

/** α A B or with one or both transposed, of matrices. */
export const gemm = (
  a: Value,
  b: Value,
  { transA = false, transB = false },
  alpha?: AttributeValue,
): Value => op('Gemm', [a, b], { transA: Number(transA), transB: Number(transB), alpha })

/** The axes in another order. */
export const transpose = (a: Value, perm: readonly number[]): Value =>
  perm.every((axis, i) => axis === i) ? a : op('Transpose', [a], { perm })

/** The last two axes exchanged. */
export function transposed(a: Value): Value {
  const rank = shapeOf(a).length
  return transpose(a, [...Array(rank - 2).keys(), rank - 1, rank - 2])
}

/**
 * The shape of a value as a vector: a constant where all sizes are numbers, else found when the
 * graph runs.
 */
export const shapeVector = (a: Value): Value =>
  isStatic(a.shape) ? ints(a, a.shape) : op('Shape', [a])

/** One size of a value, as a vector of one element. */
export function sizeVector(a: Value, axis: number): Value {
  const size = a.shape?.[axis]
  return typeof size === 'number'
    ? ints(a, [size])
    : op('Slice', [op('Shape', [a]), ints(a, [axis]), ints(a, [axis + 1])])
}

/** In the shape of the given sizes, −1 being what is left. */
export const reshape = (a: Value, shape: readonly number[]): Value =>
  op('Reshape', [a, ints(a, shape)])

/** In the shape of another value. One size that is only a name can be left to the reshaping. */
export function reshapeAs(a: Value, other: Value): Value {
  const shape = shapeOf(other)
  if (sameShape(a.shape, shape)) return a
  const names = shape.filter((size) => typeof size !== 'number')
  if (names.length > 1 || shape.includes(0)) return op('Reshape', [a, shapeVector(other)])
  const vector = shape.map((size) => (typeof size === 'number' ? size : -1))
  return knownAs(reshape(a, vector), shape)
}

/** Says a shape of a value that inference could not find, and that is known from elsewhere. */
function knownAs(a: Value, shape: Shape): Value {
  return a.in.declare(a.name, { ...a, shape })
}

/** Repeated to the shape of another value. */
export const expandAs = (a: Value, other: Value): Value =>
  sameShape(a.shape, other.shape) ? a : op('Expand', [a, shapeVector(other)])

/** Zeros (or another number) in the shape of a value. */
export const fullLike = (a: Value, number: number): Value =>
  op('Expand', [like(a, number), shapeVector(a)])

/** New axes of size 1, at the given places of the result. */
export const unsqueeze = (a: Value, axes: readonly number[]): Value =>
  axes.length ? op('Unsqueeze', [a, ints(a, axes)]) : a

/** Without the given axes, which have size 1. */
export const squeeze = (a: Value, axes: readonly number[]): Value =>
  axes.length ? op('Squeeze', [a, ints(a, axes)]) : a

/** The sum over axes. */
export const sum = (a: Value, axes: readonly number[], keepdims = true): Value =>
  axes.length ? op('ReduceSum', [a, ints(a, axes)], { keepdims: Number(keepdims) }) : a

/** Another reduction over axes, which went from an attribute to an input in opset 18. */
const reduce = (type: string, a: Value, axes: readonly number[]) =>
  a.in.opset >= 18
    ? op(type, [a, ints(a, axes)], { keepdims: 1 })
    : op(type, [a], { axes, keepdims: 1 })

/** The mean over axes, which remain with size 1. */
export const mean = (a: Value, axes: readonly number[]): Value =>
  axes.length ? reduce('ReduceMean', a, axes) : a

/** The maximum over axes, which remain with size 1. */
export const maximum = (a: Value, axes: readonly number[]): Value => reduce('ReduceMax', a, axes)

/** The L¹ or L² norm over axes, which remain with size 1. */
export const norm = (a: Value, axes: readonly number[], p: 1 | 2): Value =>
  reduce(`ReduceL${p}`, a, axes)

/** How many elements the given axes have together, in the type of `type`. */
export function count(a: Value, axes: readonly number[], type: NumberType): Operand {
  const sizes: readonly Dim[] = axes.map((axis) => shapeOf(a)[axis])
  if (isStatic(sizes)) return sizes.reduce((product, size) => product * size, 1)
  const picked = op('Gather', [op('Shape', [a]), ints(a, axes)])
  return cast(op('ReduceProd', [picked], { keepdims: 0 }), type)
}

/** Consecutive axes. */
export const axesFrom = (start: number, end: number): number[] =>
  Array.from({ length: Math.max(0, end - start) }, (_, i) => start + i)

/** An axis attribute of a value, counted from the front. */
export const axisIn = (a: Value, axis: number): number => axisOf(axis, shapeOf(a).length)

/** The number of a constant that is one number, undefined for anything else. */
export function numberOf(value: Value | undefined): number | undefined {
  if (!value?.constant || value.type === 'string') return undefined
  const numbers = dataOf(value.constant)
  if (numbers.length !== 1) return undefined
  return value.type === 'float16' ? halves.float16.decode(Number(numbers[0])) : Number(numbers[0])
}

/**
 * The gradient of something that was broadcast: summed over every axis that was repeated, in the
 * shape of `target`. Where names of sizes leave open what was repeated, that is decided when the
 * graph runs.
 */
export function sumTo(a: Value, target: Value): Value {
  const [from, to] = [shapeOf(a), shapeOf(target)]
  if (sameShape(from, to)) return a
  const extra = from.length - to.length
  const padded: Shape = [...Array<number>(extra).fill(1), ...to]
  if (
    padded.some(
      (size, i) =>
        size !== 1 && size !== from[i] && (typeof size !== 'number' || typeof from[i] === 'number'),
    )
  )
    return sumAtRuntime(a, target, extra)
  const repeated = padded.flatMap((size, i) => (size === 1 && from[i] !== 1 ? [i] : []))
  if (repeated.every((axis) => axis < extra) && repeated.length === extra)
    return sum(a, repeated, false)
  return reshapeAs(sum(a, repeated), target)
}

function sumAtRuntime(a: Value, target: Value, extra: number): Value {
  const shape = op('Shape', [target])
  const padded = extra
    ? op('Concat', [ints(a, Array<number>(extra).fill(1)), shape], { axis: 0 })
    : shape
  const repeated = reshape(op('NonZero', [equal(padded, 1)]), [-1])
  return op('Reshape', [
    op('ReduceSum', [a, repeated], { keepdims: 1, noop_with_empty_axes: 1 }),
    shape,
  ])
}
