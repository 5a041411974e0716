// Operators that are differentiated as several simpler ones: losses and normalizations, against
// their definitions in double precision.
import { describe, expect, it } from 'vitest'
import { gradient } from '../../src/gradient/gradient.ts'
import {
  type AttributeValue,
  float,
  model,
  node,
  tensorProto,
  valueInfo,
} from '../../src/onnx/index.ts'
import {
  type Case,
  expectGradients,
  expectInferred,
  ints,
  modelOf,
  parameter,
  run,
  tensorOf,
} from './differences.ts'

/** log softmax of rows of `classes` numbers, which lie `behind` apart, as [N, C, behind]. */
function logSoftmax(x: readonly number[], classes: number, behind: number): number[] {
  const at = (n: number, c: number, d: number) => (n * classes + c) * behind + d
  const result = [...x]
  for (let n = 0; n < x.length / (classes * behind); n++)
    for (let d = 0; d < behind; d++) {
      const row = Array.from({ length: classes }, (_, c) => x[at(n, c, d)])
      const total = Math.log(row.reduce((sum, each) => sum + Math.exp(each), 0))
      for (let c = 0; c < classes; c++) result[at(n, c, d)] = x[at(n, c, d)] - total
    }
  return result
}

interface Loss {
  readonly shape: readonly number[]
  readonly labels: readonly number[]
  readonly weights?: readonly number[]
  readonly reduction?: 'mean' | 'sum' | 'none'
  readonly ignored?: number
}

function likelihood(
  logP: readonly number[],
  { shape, labels, weights, reduction = 'mean', ignored }: Loss,
): number[] {
  const [, classes, ...rest] = shape
  const behind = rest.reduce((product, each) => product * each, 1)
  const weightOf = (label: number) => (label === ignored ? 0 : (weights?.[label] ?? 1))
  const losses = labels.map((label, i) => {
    const [n, d] = [Math.floor(i / behind), i % behind]
    return label === ignored ? 0 : -weightOf(label) * logP[(n * classes + label) * behind + d]
  })
  if (reduction === 'none') return losses
  const total = losses.reduce((sum, each) => sum + each, 0)
  return [
    reduction === 'sum' ? total : total / labels.reduce((sum, label) => sum + weightOf(label), 0),
  ]
}

const losses: readonly Loss[] = [
  { shape: [4, 3], labels: [0, 2, 1, 1] },
  { shape: [4, 3], labels: [0, 2, 1, 1], reduction: 'sum' },
  { shape: [4, 3], labels: [0, 2, 1, 1], reduction: 'none' },
  { shape: [4, 3], labels: [0, 2, 1, 1], weights: [0.5, 2, 1.5] },
  { shape: [4, 3], labels: [0, -1, 1, -1], ignored: -1 },
  { shape: [4, 3], labels: [0, 2, 1, 1], ignored: 1, weights: [0.5, 2, 1.5] },
  { shape: [2, 3, 2], labels: [0, 2, 1, 1] },
  { shape: [2, 3, 2], labels: [0, 2, 1, 1], weights: [0.5, 2, 1.5], ignored: 2, reduction: 'none' },
]

const lossCase = (op: string, each: Loss, exact: NonNullable<Case['exact']>): Case => {
  const { shape, labels, weights, reduction, ignored } = each
  const attributes: Record<string, AttributeValue | undefined> = {
    reduction,
    ignore_index: ignored,
  }
  const constant = weights && tensorProto('', 'float32', [weights.length], weights)
  const sizes = [shape[0], ...shape.slice(2)]
  return {
    op,
    inputs: [parameter(shape), ints(labels, sizes), ...(constant ? [constant] : [])],
    attributes,
    exact,
  }
}

const behindOf = ({ shape }: Loss) => shape.slice(2).reduce((product, each) => product * each, 1)

/** Groups of consecutive numbers, normalized. */
function normalized(x: readonly number[], size: number, epsilon: number): number[] {
  return Array.from({ length: x.length / size }, (_, i) =>
    x.slice(size * i, size * (i + 1)),
  ).flatMap((row) => {
    const mu = row.reduce((sum, each) => sum + each, 0) / size
    const variance = row.reduce((sum, each) => sum + (each - mu) ** 2, 0) / size
    return row.map((each) => (each - mu) / Math.sqrt(variance + epsilon))
  })
}

const scaled = (
  n: readonly number[],
  channels: number,
  behind: number,
  scale: readonly number[],
  bias: readonly number[],
) =>
  n.map((each, i) => {
    const c = Math.floor(i / behind) % channels
    return each * scale[c] + bias[c]
  })

const epsilon = Math.fround(1e-5)
const normalizations: readonly Case[] = [
  {
    op: 'InstanceNormalization',
    inputs: [parameter([2, 3, 2, 2]), parameter([3]), parameter([3])],
    exact: (x, scale, bias) => scaled(normalized(x, 4, epsilon), 3, 4, scale, bias),
  },
  {
    op: 'GroupNormalization',
    inputs: [parameter([2, 4, 3]), parameter([4]), parameter([4])],
    attributes: { num_groups: 2 },
    exact: (x, scale, bias) => scaled(normalized(x, 6, epsilon), 4, 3, scale, bias),
    opset: 21,
  },
  {
    op: 'GroupNormalization',
    inputs: [parameter([2, 4, 3]), parameter([2]), parameter([2])],
    attributes: { num_groups: 2, epsilon: float(0.5) },
    exact: (x, scale, bias) => scaled(normalized(x, 6, 0.5), 2, 6, scale, bias),
    opset: 18,
  },
]

const cases: readonly Case[] = [
  ...losses.map((each) =>
    lossCase('SoftmaxCrossEntropyLoss', each, (x) =>
      likelihood(logSoftmax(x, each.shape[1], behindOf(each)), each),
    ),
  ),
  ...losses.map((each) =>
    lossCase('NegativeLogLikelihoodLoss', each, (logP) => likelihood(logP, each)),
  ),
  ...normalizations,
]

describe.each(cases.map((each, i) => [`${each.op} ${i}`, each] as const))('%s', (_, given) => {
  it('has the gradient that differences show', () => expectGradients(given))
  it('has the types and shapes that are inferred', async () => expectInferred(await modelOf(given)))
})

describe('what is lowered', () => {
  it('computes what the operator does', async () => {
    for (const given of cases) {
      // Our model gives its outputs as well, computed by the simpler operators.
      const forward = await modelOf(given)
      const withOutput = {
        ...forward,
        graph: {
          ...forward.graph,
          output: [
            ...(forward.graph?.output ?? []),
            { name: 'y0', type: { tensorType: { elemType: 1 } } },
          ],
        },
      }
      const names = given.inputs.flatMap((input, i) => (input && 'shape' in input ? [`x${i}`] : []))
      const { model: lowered, parameters } = gradient(withOutput, {
        parameters: names,
        loss: 'loss',
      })
      const feeds = Object.fromEntries(
        Object.entries(parameters).map(([name, tensor]) => [name, tensorOf(tensor)]),
      )
      const [found, expected] = [await run(lowered, feeds), await run(withOutput, {})]
      expect(lowered.graph?.node?.some(({ opType }) => opType === given.op)).toBe(false)
      expect(found.y0.dims).toEqual(expected.y0.dims)
      const numbers = Array.from(expected.y0.data as Float32Array, (each) =>
        expect.closeTo(each, 5),
      )
      expect(Array.from(found.y0.data as Float32Array)).toEqual(numbers)
    }
  })

  it('gives the log-probabilities of a cross entropy as well, which can be differentiated', async () => {
    const graph = {
      name: 'both',
      node: [
        node('SoftmaxCrossEntropyLoss', ['x', 'labels'], ['ce', 'logP']),
        node('ReduceMean', ['logP'], ['m'], { keepdims: 0 }),
        node('Add', ['ce', 'm'], ['loss']),
      ],
      initializer: [
        tensorProto('x', 'float32', [2, 2], [1, 2, 3, 5]),
        tensorProto('labels', 'int64', [2], [0, 1]),
      ],
      output: [valueInfo('loss', 'float32', [])],
    }
    const { model: both, gradients, parameters } = gradient(model(graph), { loss: 'loss' })
    const found = await run(both, { x: tensorOf(parameters.x) })
    const softmax = [1, 2].flatMap((gap) => [1 / (1 + Math.exp(gap)), 1 / (1 + Math.exp(-gap))])
    const oneHot = [1, 0, 0, 1]
    const expected = softmax.map((p, i) => (p - oneHot[i]) / 2 + 1 / 4 - p / 2)
    expect(Array.from(found[gradients.x].data as Float32Array)).toEqual(
      expected.map((each) => expect.closeTo(each, 6)),
    )
  })
})
