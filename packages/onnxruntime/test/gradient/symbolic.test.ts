// Models whose sizes are names: what hangs on a size is decided when the graph runs, here for
// several sizes each, against differences.
import * as ort from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { gradient } from '../../src/gradient/gradient.ts'
import {
  encodeModel,
  model,
  type NodeProto,
  node,
  type TensorProto,
  tensorProto,
  valueInfo,
} from '../../src/onnx/index.ts'
import { differencesOf, expectInferred, gradientsOf, noise } from './differences.ts'

const random = noise(11)
const numbers = (length: number) => Array.from({ length }, random)
const constant = (
  name: string,
  list: readonly number[],
  shape: readonly number[] = [list.length],
) => tensorProto(name, 'int64', shape, list)
/** A number that no other is like, so that no gradient is right by symmetry. */
const weights = tensorProto('x0', 'float64', [3, 2], numbers(6))

/** h = a · x0 of shape [m, 2] goes into some nodes, which make y; loss = Σ tanh y. */
const through = (
  nodes: readonly NodeProto[],
  initializer: readonly TensorProto[] = [],
  inputs: Readonly<Record<string, string[]>> = {},
) => {
  const others = Object.entries(inputs).map(([name, shape]) =>
    valueInfo(
      name,
      'float64',
      shape.map((size) => (/^\d+$/.test(size) ? Number(size) : size)),
    ),
  )
  return model(
    {
      name: 'symbolic',
      node: [
        node('MatMul', ['a', 'x0'], ['h']),
        ...nodes,
        node('Tanh', ['y'], ['t']),
        node('ReduceSum', ['t'], ['loss'], { keepdims: 0 }),
      ],
      initializer: [weights, ...initializer],
      input: [valueInfo('a', 'float64', ['m', 3]), ...others],
      output: [valueInfo('loss', 'float64', [])],
    },
    { opset: 18 },
  )
}
const feed = (shape: readonly number[]) =>
  new ort.Tensor('float64', Float64Array.from(numbers(shape.reduce((p, q) => p * q, 1))), shape)

const end = 2 ** 31 - 1
const cases: readonly (readonly [
  string,
  ReturnType<typeof through>,
  readonly Record<string, number[]>[],
])[] = [
  ['nothing', through([node('Identity', ['h'], ['y'])]), [{ a: [1, 3] }, { a: [5, 3] }]],
  [
    'broadcasting of names',
    through([node('Mul', ['h', 'b'], ['y'])], [], { b: ['k', '2'] }),
    [
      { a: [4, 3], b: [4, 2] },
      { a: [1, 3], b: [4, 2] },
      { a: [4, 3], b: [1, 2] },
    ],
  ],
  [
    'broadcasting to more axes',
    through([node('Add', ['h', 'b'], ['y'])], [], { b: ['j', 'k', '2'] }),
    [
      { a: [4, 3], b: [2, 4, 2] },
      { a: [1, 3], b: [2, 4, 2] },
    ],
  ],
  [
    'a mean over a name',
    through([node('ReduceMean', ['h', 'axes'], ['y'])], [constant('axes', [0])]),
    [{ a: [4, 3] }, { a: [1, 3] }],
  ],
  [
    'a slice',
    through(
      [node('Slice', ['h', 'one', 'end'], ['y'])],
      [constant('one', [1]), constant('end', [end])],
    ),
    [{ a: [4, 3] }, { a: [2, 3] }],
  ],
  [
    'a slice backwards, with gaps',
    through(
      [node('Slice', ['h', 'last', 'first', 'axis', 'step'], ['y'])],
      [
        constant('last', [-1]),
        constant('first', [-end]),
        constant('axis', [0]),
        constant('step', [-2]),
      ],
    ),
    [{ a: [5, 3] }, { a: [4, 3] }, { a: [1, 3] }],
  ],
  [
    'two parts joined',
    through([node('Concat', ['h', 'b', 'h'], ['y'], { axis: 0 })], [], { b: ['k', '2'] }),
    [{ a: [2, 3], b: [3, 2] }],
  ],
  [
    'a reshape',
    through(
      [node('Reshape', ['h', 'flat'], ['r']), node('Mul', ['r', 'r'], ['y'])],
      [constant('flat', [-1])],
    ),
    [{ a: [4, 3] }],
  ],
  [
    'a reshape by sizes of another',
    through(
      [
        node('Shape', ['h'], ['s']),
        node('Gather', ['s', 'zero'], ['n']),
        node('Concat', ['two', 'n'], ['target'], { axis: 0 }),
        node('Reshape', ['h', 'target'], ['y']),
      ],
      [constant('zero', [0]), constant('two', [2])],
    ),
    [{ a: [4, 3] }, { a: [1, 3] }],
  ],
  [
    'an expansion to sizes of another',
    through(
      [
        node('Unsqueeze', ['h', 'zero'], ['u']),
        node('Shape', ['b'], ['s']),
        node('Concat', ['s', 'ones'], ['target'], { axis: 0 }),
        node('Expand', ['u', 'target'], ['e']),
        node('Mul', ['e', 'e'], ['y']),
      ],
      [constant('zero', [0]), constant('ones', [1, 1])],
      { b: ['k'] },
    ),
    [{ a: [3, 3], b: [4] }],
  ],
  [
    'rows picked by their number',
    through([node('Gather', ['h', 'rows'], ['y'])], [constant('rows', [1, 0, 1])]),
    [{ a: [2, 3] }, { a: [4, 3] }],
  ],
  [
    'a product of stacks',
    through(
      [node('Unsqueeze', ['h', 'zero'], ['u']), node('MatMul', ['u', 'b'], ['y'])],
      [constant('zero', [0])],
      {
        b: ['k', '2', 'l'],
      },
    ),
    [
      { a: [3, 3], b: [4, 2, 5] },
      { a: [3, 3], b: [1, 2, 1] },
    ],
  ],
  ['a softmax over a name', through([node('Softmax', ['h'], ['y'], { axis: 0 })]), [{ a: [4, 3] }]],
  [
    'a layer norm',
    through(
      [node('LayerNormalization', ['h', 'scale'], ['y'])],
      [tensorProto('scale', 'float64', [2], [0.5, 2])],
    ),
    [{ a: [4, 3] }],
  ],
]

describe.each(cases)('%s', (_, given, sizes) => {
  it.each(sizes)('has the gradient that differences show, for %o', async (shapes) => {
    const feeds = Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [name, feed(shape)]),
    )
    const { x0 } = await gradientsOf(given, feeds)
    const expected = await differencesOf(given, 1e-5, feeds)
    expect(x0.data).toEqual(expected.x0.map((each) => expect.closeTo(each, 7)))
    await expectInferred(given, feeds)
  })
})

describe('sizes that have to be numbers', () => {
  const strided = model({
    name: 'strided',
    node: [
      node('Conv', ['image', 'w'], ['y'], { strides: [2, 2] }),
      node('ReduceSum', ['y'], ['loss'], { keepdims: 0 }),
    ],
    initializer: [tensorProto('w', 'float32', [1, 1, 2, 2], [1, 2, 3, 4])],
    input: [valueInfo('image', 'float32', ['n', 1, 'height', 'width'])],
    output: [valueInfo('loss', 'float32', [])],
  })

  it('are asked for by name, and can be given', async () => {
    expect(() => gradient(strided)).toThrow(
      /Conv "y" has an input "image" of shape \[n, 1, height, width\].*dimensions: \{ 'height': … \}/,
    )
    const { model: differentiated, gradients } = gradient(strided, {
      dimensions: { height: 4, width: 5 },
    })
    const session = await ort.InferenceSession.create(encodeModel(differentiated))
    const image = new ort.Tensor(
      'float32',
      Float32Array.from({ length: 20 }, (_, i) => i),
      [1, 1, 4, 5],
    )
    const results = await session.run({
      image,
      w: new ort.Tensor('float32', [1, 2, 3, 4], [1, 1, 2, 2]),
    })
    // The sums of the elements that each weight lies over: rows 0, 2 and columns 0, 2 for the
    // first.
    expect(Array.from(results[gradients.w].data as Float32Array)).toEqual([
      0 + 2 + 10 + 12,
      1 + 3 + 11 + 13,
      5 + 7 + 15 + 17,
      6 + 8 + 16 + 18,
    ])
    await session.release()
  })
})
