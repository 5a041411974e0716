/** Types and shapes of products, sums over axes, and normalizations. */
import { type ElementType, intOf, intsOf, textOf } from '../../onnx/index.ts'
import { axisOf, type Shape } from '../dims.ts'
import { axesOf, broadcast, type Infer, numbersOf, type Site } from './site.ts'

function matMul({ x: [a, b], unknown }: Site): Shape | undefined {
  if (!a?.shape || !b?.shape) return undefined
  const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2), unknown) ?? []
  return [
    ...batch,
    ...(a.shape.length > 1 ? [a.shape[a.shape.length - 2]] : []),
    ...(b.shape.length > 1 ? [b.shape[b.shape.length - 1]] : []),
  ]
}

/**
 * The axes that a reduction goes over, undefined where they are not known: an attribute at first,
 * an input later.
 */
export function reducedAxes({ node, x }: Pick<Site, 'node' | 'x'>): readonly number[] | undefined {
  const rank = x[0]?.shape?.length
  const given = intsOf(node, 'axes') ?? numbersOf(x[1])
  if (rank === undefined || (x[1] && !given)) return undefined
  if (!given?.length)
    return intOf(node, 'noop_with_empty_axes') ? [] : Array.from({ length: rank }, (_, i) => i)
  return axesOf(given, rank)
}

function reduced(site: Site): Shape | undefined {
  const shape = site.x[0]?.shape
  const axes = reducedAxes(site)
  const keep = intOf(site.node, 'keepdims') ?? 1
  if (!axes) return shape && keep ? shape.map(() => site.unknown()) : undefined
  return shape && without(shape, axes, keep)
}

/** A shape after a reduction over some axes: they have the size 1, or are gone. */
const without = (shape: Shape, axes: readonly number[], keep: number): Shape =>
  shape.flatMap((size, i) => {
    if (!axes.includes(i)) return [size]
    return keep ? [1] : []
  })

const reduction: Infer = (site) => [{ type: site.x[0]?.type, shape: reduced(site) }]

const arg: Infer = (site) => {
  const shape = site.x[0]?.shape
  const axis = shape && axisOf(intOf(site.node, 'axis') ?? 0, shape.length)
  const keep = intOf(site.node, 'keepdims') ?? 1
  return [
    { type: 'int64', shape: shape && axis !== undefined ? without(shape, [axis], keep) : shape },
  ]
}

/** Losses: a number, or one for each label. */
const loss: Infer = ({ node, x: [scores, labels] }) => {
  const shape = textOf(node, 'reduction') === 'none' ? labels?.shape : []
  return [
    { type: scores?.type, shape },
    { type: scores?.type, shape: scores?.shape },
  ]
}

const reductions =
  'ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceSumSquare'

export const algebraRules: Readonly<Record<string, Infer>> = {
  ...Object.fromEntries(reductions.split(' ').map((name) => [name, reduction])),
  ArgMax: arg,
  ArgMin: arg,
  MatMul: (site) => [{ type: site.x[0]?.type, shape: matMul(site) }],

  Gemm({ node, x: [a, b] }) {
    const rows = a?.shape?.[intOf(node, 'transA') ? 1 : 0]
    const columns = b?.shape?.[intOf(node, 'transB') ? 0 : 1]
    return [
      {
        type: a?.type,
        shape: rows !== undefined && columns !== undefined ? [rows, columns] : undefined,
      },
    ]
  },

  Einsum({ node, x }) {
    const [left, result] = (textOf(node, 'equation') ?? '').replaceAll(' ', '').split('->')
    const sizes = new Map(
      left
        .split(',')
        .flatMap((term, i) => [...term].map((index, axis) => [index, x[i]?.shape?.[axis]])),
    )
    const shape = result === undefined ? undefined : [...result].map((index) => sizes.get(index))
    return [
      {
        type: x[0]?.type,
        shape: shape?.every((size) => size !== undefined) ? (shape as Shape) : undefined,
      },
    ]
  },

  LayerNormalization({ node, x: [a] }) {
    const axis = a?.shape && axisOf(intOf(node, 'axis') ?? -1, a.shape.length)
    const shape = a?.shape?.map((size, i) => (axis !== undefined && i < axis ? size : 1))
    const type: ElementType | undefined = a?.type === 'float16' ? 'float32' : a?.type
    return [
      { type: a?.type, shape: a?.shape },
      { type, shape },
      { type, shape },
    ]
  },

  BatchNormalization: ({ x: [a, , , mean, variance] }) => [
    { type: a?.type, shape: a?.shape },
    { type: mean?.type, shape: mean?.shape },
    { type: variance?.type, shape: variance?.shape },
  ],

  SoftmaxCrossEntropyLoss: loss,
  NegativeLogLikelihoodLoss: loss,
}
