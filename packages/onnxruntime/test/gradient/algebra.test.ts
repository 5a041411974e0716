// The rules for products, reductions and normalizations, against central differences.
import { describe, it } from 'vitest'
import { float, tensorProto } from '../../src/onnx/index.ts'
import {
  type Case,
  expectGradients,
  expectInferred,
  ints,
  modelOf,
  parameter,
} from './differences.ts'

const positive = (shape: readonly number[]) => parameter(shape, (i) => 0.3 + ((i * 0.37) % 1.9))
/** Numbers of which no two are alike: where a maximum is, it is clear. */
const distinct = (shape: readonly number[]) => parameter(shape, (i) => ((i * 7) % 24) * 0.13 - 1)
const two = (
  op: string,
  pairs: readonly (readonly [readonly number[], readonly number[]])[],
  attributes = {},
): Case[] => pairs.map(([a, b]) => ({ op, inputs: [parameter(a), parameter(b)], attributes }))

const products: readonly Case[] = [
  ...two('MatMul', [
    [
      [2, 3],
      [3, 4],
    ],
    [[3], [3, 4]],
    [[2, 3], [3]],
    [[3], [3]],
    [
      [2, 2, 3],
      [3, 4],
    ],
    [
      [2, 2, 2, 3],
      [3, 1],
    ],
    [
      [2, 2, 3],
      [2, 3, 4],
    ],
    [
      [2, 3],
      [2, 3, 4],
    ],
    [
      [2, 1, 2, 3],
      [3, 3, 2],
    ],
    [[3], [2, 3, 4]],
    [[2, 2, 3], [3]],
    [
      [2, 2, 2, 3],
      [2, 3, 1],
    ],
  ]),
  { op: 'Gemm', inputs: [parameter([2, 3]), parameter([3, 4])] },
  ...[
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ].flatMap(([transA, transB]): Case[] =>
    [[4], [2, 1], [2, 4], [], [1, 4]].map((bias) => ({
      op: 'Gemm',
      inputs: [
        parameter(transA ? [3, 2] : [2, 3]),
        parameter(transB ? [4, 3] : [3, 4]),
        parameter(bias),
      ],
      attributes: { transA, transB, alpha: float(0.5), beta: float(-2) },
    })),
  ),
  {
    op: 'Einsum',
    inputs: [parameter([2, 3]), parameter([3, 4])],
    attributes: { equation: 'ij,jk->ik' },
  },
  {
    op: 'Einsum',
    inputs: [parameter([2, 3, 2]), parameter([2, 4, 2])],
    attributes: { equation: 'b i d, b j d -> b i j' },
  },
  {
    op: 'Einsum',
    inputs: [parameter([2]), parameter([3]), parameter([3, 2])],
    attributes: { equation: 'a,b,ba->' },
  },
]

const reductions: readonly Case[] = [
  ...[
    'ReduceSum',
    'ReduceMean',
    'ReduceMax',
    'ReduceMin',
    'ReduceL1',
    'ReduceL2',
    'ReduceSumSquare',
    'ReduceLogSumExp',
    'ReduceLogSum',
  ].flatMap((op): Case[] => {
    const make = op === 'ReduceLogSum' ? positive : distinct
    // Axes are an input of ReduceSum since opset 13, and of the others since 18.
    const later = { opset: 18 }
    const listed = (
      shape: number[],
      axes: number[],
      attributes: Record<string, number>,
    ): Case[] => [
      { op, inputs: [make(shape), ints(axes)], attributes, ...later },
      ...(op === 'ReduceSum'
        ? []
        : [{ op, inputs: [make(shape)], attributes: { ...attributes, axes } }]),
    ]
    return [
      { op, inputs: [make([2, 3])] },
      { op, inputs: [make([2, 3])], attributes: { keepdims: 0 } },
      ...listed([2, 3, 4], [1], { keepdims: 1 }),
      ...listed([2, 3, 4], [-1, 0], { keepdims: 0 }),
      ...listed([2, 3, 4], [2, 1], { keepdims: 1 }),
    ]
  }),
  {
    op: 'ReduceSum',
    inputs: [distinct([2, 3]), ints([])],
    attributes: { noop_with_empty_axes: 1 },
  },
]

const softmaxes: readonly Case[] = ['Softmax', 'LogSoftmax'].flatMap((op): Case[] => [
  { op, inputs: [parameter([3, 4])] },
  { op, inputs: [parameter([2, 3, 2])], attributes: { axis: 1 } },
  { op, inputs: [parameter([2, 3])], attributes: { axis: 0 } },
])

const statistics = [
  tensorProto('', 'float64', [3], [0.3, -0.2, 0.1]),
  tensorProto('', 'float64', [3], [0.5, 1.5, 0.9]),
]
const perChannel = [positive([3]), parameter([3])]

/** Rows of 4, normalized. */
function normalizedRows(
  x: readonly number[],
  scale: readonly number[],
  bias: readonly number[],
): number[] {
  return Array.from({ length: x.length / 4 }, (_, i) => x.slice(4 * i, 4 * i + 4)).flatMap(
    (row) => {
      const mu = row.reduce((sum, each) => sum + each, 0) / 4
      const variance = row.reduce((sum, each) => sum + (each - mu) ** 2, 0) / 4
      return row.map(
        (each, i) => ((each - mu) / Math.sqrt(variance + Math.fround(1e-5))) * scale[i] + bias[i],
      )
    },
  )
}

const normalizations: readonly Case[] = [
  { op: 'LpNormalization', inputs: [parameter([3, 4])] },
  { op: 'LpNormalization', inputs: [parameter([2, 3, 2])], attributes: { axis: 1, p: 1 } },
  { op: 'LpNormalization', inputs: [parameter([2, 3])], attributes: { axis: 0 }, opset: 18 },
  {
    op: 'LayerNormalization',
    inputs: [parameter([3, 4]), positive([4]), parameter([4])],
    exact: normalizedRows,
  },
  {
    op: 'LayerNormalization',
    inputs: [parameter([2, 3, 4]), positive([4]), parameter([4])],
    exact: normalizedRows,
  },
  { op: 'LayerNormalization', inputs: [parameter([3, 5]), positive([5]), parameter([5])] },
  {
    op: 'LayerNormalization',
    inputs: [parameter([3, 5]), positive([5])],
    attributes: { epsilon: float(0.1) },
  },
  {
    op: 'LayerNormalization',
    inputs: [parameter([2, 3, 4]), positive([3, 4]), parameter([3, 4])],
    attributes: { axis: 1 },
  },
  {
    op: 'LayerNormalization',
    inputs: [parameter([2, 3, 4]), positive([4]), parameter([1])],
    attributes: { axis: -1 },
  },
  { op: 'BatchNormalization', inputs: [parameter([2, 3, 2, 2]), ...perChannel, ...statistics] },
  {
    op: 'BatchNormalization',
    inputs: [parameter([4, 3]), ...perChannel, ...statistics],
    attributes: { epsilon: float(0.1) },
  },
  ...[
    [4, 3],
    [2, 3, 2],
    [2, 3, 2, 2],
  ].map(
    (shape): Case => ({
      op: 'BatchNormalization',
      inputs: [parameter(shape), ...perChannel, ...statistics],
      attributes: { training_mode: 1, epsilon: float(1e-3) },
      unused: 2,
    }),
  ),
]

describe.each(
  [...products, ...reductions, ...softmaxes, ...normalizations].map(
    (each, i) => [`${each.op} ${i}`, each] as const,
  ),
)('%s', (_, given) => {
  it('has the gradient that differences show', () => expectGradients(given))
  it('has the types and shapes that are inferred', async () => expectInferred(await modelOf(given)))
})
