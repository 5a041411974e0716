// The gradients of TensorFlow.js, for the operators that it has as well: another implementation, of
// other people.
import '@tensorflow/tfjs-backend-cpu'
import '@tensorflow/tfjs-core/dist/register_all_gradients.js'
import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { type AttributeValue, dataOf, type TensorProto, tensorProto } from '../../src/onnx/index.ts'
import { type Case, gradientsOf, modelOf, parameter, parametersOf } from './differences.ts'

type Theirs = (...inputs: tf.Tensor[]) => tf.Tensor

/** An operator with random inputs of these shapes, and what TensorFlow.js calls it. */
interface Pair {
  readonly op: string
  readonly shapes: readonly (readonly number[])[]
  readonly theirs: Theirs
  readonly attributes?: Readonly<Record<string, AttributeValue>>
  readonly constants?: readonly TensorProto[]
  readonly opset?: number
  readonly values?: (index: number) => number
}

const ints = (numbers: readonly number[]) => tensorProto('', 'int64', [numbers.length], numbers)
const positive = (i: number) => 0.3 + ((i * 0.37) % 1.9)
const distinct = (i: number) => ((i * 37) % 101) * 0.02 - 1
const unary = (op: string, theirs: Theirs, values?: Pair['values'], attributes = {}): Pair => ({
  op,
  shapes: [[3, 4]],
  theirs,
  attributes,
  ...(values && { values }),
})
const binary = (op: string, theirs: Theirs): Pair[] =>
  [
    [
      [2, 3],
      [2, 3],
    ],
    [[2, 3], [3]],
    [
      [2, 1, 4],
      [3, 1],
    ],
  ].map((shapes) => ({ op, shapes, theirs, values: positive }))

/** NCHW as the NHWC that TensorFlow.js has gradients for, and back. */
const last = (x: tf.Tensor) => tf.transpose(x, [0, 2, 3, 1]) as tf.Tensor4D
const first = (x: tf.Tensor) => tf.transpose(x, [0, 3, 1, 2])
const conv =
  (strides: number, pad: number | 'valid', dilation = 1): Theirs =>
  (x, w) =>
    first(
      tf.conv2d(
        last(x),
        tf.transpose(w, [2, 3, 1, 0]) as tf.Tensor4D,
        strides,
        pad,
        'NHWC',
        dilation,
      ),
    )

const pairs: readonly Pair[] = [
  ...binary('Add', tf.add as Theirs),
  ...binary('Sub', tf.sub as Theirs),
  ...binary('Mul', tf.mul as Theirs),
  ...binary('Div', tf.div as Theirs),
  ...binary('Pow', tf.pow as Theirs),
  unary('Neg', tf.neg as Theirs),
  unary('Sqrt', tf.sqrt as Theirs, positive),
  unary('Exp', tf.exp as Theirs),
  unary('Log', tf.log as Theirs, positive),
  unary('Erf', tf.erf as Theirs),
  unary('Relu', tf.relu as Theirs),
  unary('LeakyRelu', (x) => tf.leakyRelu(x, 0.2), undefined, { alpha: { float: 0.2 } }),
  unary('Elu', tf.elu as Theirs),
  unary('Selu', tf.selu as Theirs),
  unary('Sigmoid', tf.sigmoid as Theirs),
  unary('Tanh', tf.tanh as Theirs),
  unary('Softplus', tf.softplus as Theirs),
  unary('Abs', tf.abs as Theirs),
  unary('Softmax', (x) => tf.softmax(x)),
  unary('LogSoftmax', (x) => tf.logSoftmax(x)),
  unary('ReduceSum', (x) => tf.sum(x)),
  unary('ReduceMean', (x) => tf.mean(x, 1, true), undefined, { axes: [1] }),
  unary('Transpose', (x) => tf.transpose(x)),
  {
    op: 'MatMul',
    shapes: [
      [3, 4],
      [4, 2],
    ],
    theirs: (a, b) => tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D),
  },
  {
    op: 'MatMul',
    shapes: [
      [2, 3, 4],
      [2, 4, 2],
    ],
    theirs: (a, b) => tf.matMul(a as tf.Tensor3D, b as tf.Tensor3D),
  },
  {
    op: 'Gemm',
    shapes: [[4, 3], [2, 4], [2]],
    theirs: (a, b, c) => tf.add(tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D, true, true), c),
    attributes: { transA: 1, transB: 1 },
  },
  {
    op: 'Concat',
    shapes: [
      [2, 3],
      [2, 2],
    ],
    theirs: (a, b) => tf.concat([a, b], 1),
    attributes: { axis: 1 },
  },
  {
    op: 'Reshape',
    shapes: [[2, 6]],
    constants: [ints([3, 4])],
    theirs: (x) => tf.reshape(x, [3, 4]),
  },
  {
    op: 'Slice',
    shapes: [[4, 5]],
    constants: [ints([1, 2]), ints([3, 5])],
    theirs: (x) => tf.slice(x, [1, 2], [2, 3]),
  },
  {
    op: 'Gather',
    shapes: [[4, 3]],
    constants: [ints([2, 0, 2])],
    theirs: (x) => tf.gather(x, tf.tensor1d([2, 0, 2], 'int32')),
  },
  {
    op: 'Pad',
    shapes: [[2, 3]],
    constants: [ints([1, 0, 2, 1])],
    theirs: (x) =>
      tf.pad(x, [
        [1, 2],
        [0, 1],
      ]),
  },
  {
    op: 'Conv',
    shapes: [
      [2, 3, 6, 5],
      [4, 3, 3, 3],
    ],
    theirs: conv(1, 1),
    attributes: { pads: [1, 1, 1, 1] },
  },
  {
    op: 'Conv',
    shapes: [
      [2, 2, 7, 7],
      [3, 2, 3, 3],
    ],
    theirs: conv(2, 'valid'),
    attributes: { strides: [2, 2] },
  },
  {
    op: 'Conv',
    shapes: [
      [1, 3, 6, 6],
      [3, 1, 3, 3],
    ],
    theirs: (x, w) =>
      first(tf.depthwiseConv2d(last(x), tf.transpose(w, [2, 3, 0, 1]) as tf.Tensor4D, 1, 'valid')),
    attributes: { group: 3 },
  },
  {
    op: 'MaxPool',
    shapes: [[2, 2, 6, 6]],
    values: distinct,
    theirs: (x) => first(tf.maxPool(last(x), 3, 2, 'valid')),
    attributes: { kernel_shape: [3, 3], strides: [2, 2] },
  },
  {
    op: 'AveragePool',
    shapes: [[2, 2, 6, 6]],
    theirs: (x) => first(tf.avgPool(last(x), 2, 2, 'valid')),
    attributes: { kernel_shape: [2, 2], strides: [2, 2] },
  },
]

describe.each(pairs.map((each, i) => [`${each.op} ${i}`, each] as const))('%s', (_, pair) => {
  const { op, shapes, theirs, attributes, constants = [], opset, values } = pair
  it('has the gradient that TensorFlow.js finds', async () => {
    const inputs = [...shapes.map((shape) => parameter(shape, values)), ...constants]
    const given: Case = {
      op,
      inputs,
      type: 'float32',
      ...(attributes && { attributes }),
      ...(opset && { opset }),
    }
    const model = await modelOf(given)
    const found = await gradientsOf(model)
    const weights = model.graph?.initializer?.find(({ name }) => name === 'w0') ?? {}
    const expected = tf.tidy(() => {
      const points = parametersOf(model).map((each) =>
        tf.tensor(dataOf(each) as Float32Array, [...(each.dims ?? [])]),
      )
      const w = tf.tensor(dataOf(weights) as Float32Array, [...(weights.dims ?? [])])
      const gradients = tf.grads((...x: tf.Tensor[]) =>
        tf.sum(tf.mul(tf.reshape(theirs(...x), w.shape), w)),
      )(points)
      return gradients.map((each) => Array.from(each.dataSync()))
    })
    for (const [i, { data }] of Object.values(found).entries()) {
      const scale = Math.max(1, ...expected[i].map(Math.abs))
      const difference = Math.max(...data.map((each, j) => Math.abs(each - expected[i][j])))
      expect(difference / scale, `${data} for ${expected[i]}`).toBeLessThan(5e-6)
    }
  })
})
