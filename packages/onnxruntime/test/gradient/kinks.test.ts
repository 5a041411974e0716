/**
 * Gradients where there is no derivative, or where the chain rule gives 0 · ∞: they are PyTorch's.
 * Expected values are its definitions, worked out by hand: norm_backward, pow_backward_self and
 * pow_backward_exponent (torch/csrc/autograd/FunctionsManual.cpp), abs, sqrt, clamp, maximum and
 * where (tools/autograd/derivatives.yaml), the kernels of leaky_relu, prelu and elu
 * (aten/src/ATen/native/cpu/Activation.cpp). Subgraphs are as torch.onnx.export writes them.
 */
import { describe, expect, it } from 'vitest'
import { gradient } from '../../src/gradient/gradient.ts'
import {
  float,
  model,
  type NodeProto,
  node,
  type TensorProto,
  tensorProto,
  valueInfo,
} from '../../src/onnx/index.ts'
import { run, tensorOf } from './differences.ts'

type Precision = 'float32' | 'float64'
interface Kink {
  /** From parameters x0, x1, … and constants to y. */
  readonly nodes: readonly NodeProto[]
  /** Rows of numbers: parameters, each of them a matrix or a vector. */
  readonly x: readonly (readonly (readonly number[])[] | readonly number[])[]
  /** The gradients of Σ w y with w = 1, 2, 3, … */
  readonly expected: readonly (readonly number[])[]
  /** Σ w y itself, where that is of interest. */
  readonly loss?: number
  readonly constants?: readonly TensorProto[]
  /** For operators that ONNX Runtime has in single precision only. */
  readonly type?: Precision
  readonly opset?: number
}

const isMatrix = (x: readonly unknown[]): x is readonly (readonly number[])[] => Array.isArray(x[0])
const tensor = (name: string, type: Precision, x: Kink['x'][number]): TensorProto =>
  isMatrix(x)
    ? tensorProto(name, type, [x.length, x[0].length], x.flat())
    : tensorProto(name, type, [x.length], x as readonly number[])

/** Σ w y, and its gradients. */
async function gradientsAt({ nodes, x, constants = [], type = 'float64', opset = 17 }: Kink) {
  const parameters = x.map((each, i) => tensor(`x${i}`, type, each))
  const known = [...parameters, ...constants]
  const output = [{ name: 'y', type: { tensorType: { elemType: type === 'float64' ? 11 : 1 } } }]
  const { y } = await run(
    model({ name: 'y', node: nodes, initializer: known, output }, { opset }),
    {},
  )
  const w = tensorProto(
    'w',
    type,
    y.dims as number[],
    Array.from({ length: y.size }, (_, i) => i + 1),
  )
  const whole = {
    name: 'kink',
    node: [
      ...nodes,
      node('Mul', ['y', 'w'], ['wy']),
      node('ReduceSum', ['wy'], ['loss'], { keepdims: 0 }),
    ],
    initializer: [...known, w],
    output: [valueInfo('loss', type, [])],
  }
  const names = parameters.map(({ name = '' }) => name)
  const found = gradient(model(whole, { opset }), { parameters: names, loss: 'loss' })
  const results = await run(
    found.model,
    Object.fromEntries(parameters.map((each) => [each.name, tensorOf(each)])),
  )
  const numbers = (name: string) => Array.from(results[name].data as Float64Array)
  return {
    loss: numbers('loss')[0],
    gradients: names.map((name) => numbers(found.gradients[name])),
  }
}

const constant = (
  name: string,
  dims: readonly number[],
  numbers: readonly number[],
  type: Precision = 'float64',
) => tensorProto(name, type, dims, numbers)
const axes = (...numbers: number[]) => tensorProto('axes', 'int64', [numbers.length], numbers)
const [inf, nan] = [Number.POSITIVE_INFINITY, Number.NaN]
/** Two rows, the first of which has no norm; the gradient of their norms, weighted by 1 and 2. */
const rows = [
  [0, 0, 0],
  [3, 0, -4],
]
const ofNorms = [0, 0, 0, 1.2, 0, -1.6]

const norms: Readonly<Record<string, Kink>> = {
  'ReduceL2 of a row of zeros': {
    nodes: [node('ReduceL2', ['x0'], ['y'], { axes: [1], keepdims: 0 })],
    x: [rows],
    expected: [ofNorms],
  },
  'ReduceL2 of zeros, all axes': {
    nodes: [node('ReduceL2', ['x0'], ['y'])],
    x: [[0, 0, 0]],
    expected: [[0, 0, 0]],
  },
  'ReduceL2 whose axes are an input': {
    nodes: [node('ReduceL2', ['x0', 'axes'], ['y'])],
    x: [rows],
    constants: [axes(1)],
    opset: 18,
    expected: [ofNorms],
  },
  'ReduceL2 of the smallest numbers': {
    nodes: [node('ReduceL2', ['x0'], ['y'], { axes: [0] })],
    x: [[3e-150, -4e-150]],
    expected: [[0.6, -0.8]],
  },
  'ReduceL1 at 0': {
    nodes: [node('ReduceL1', ['x0'], ['y'])],
    x: [[0, -2, 3]],
    expected: [[0, -1, 1]],
  },
  'a Frobenius norm': {
    nodes: [
      node('Mul', ['x0', 'x0'], ['s']),
      node('ReduceSum', ['s', 'axes'], ['n'], { keepdims: 0 }),
      node('Sqrt', ['n'], ['y']),
    ],
    x: [rows],
    constants: [axes(1)],
    expected: [ofNorms],
  },
  'the root of ReduceSumSquare': {
    nodes: [node('ReduceSumSquare', ['x0'], ['n'], { axes: [1] }), node('Sqrt', ['n'], ['y'])],
    x: [rows],
    expected: [ofNorms],
  },
  'a distance of nothing (pairwise_distance, cdist)': {
    nodes: [
      node('Sub', ['x0', 'x1'], ['d']),
      node('Pow', ['d', 'two'], ['s']),
      node('ReduceSum', ['s', 'axes'], ['n'], { keepdims: 0 }),
      node('Pow', ['n', 'half'], ['y']),
    ],
    x: [
      [
        [1, 2, 3],
        [4, 2, -1],
      ],
      [
        [1, 2, 3],
        [1, 2, 3],
      ],
    ],
    constants: [axes(-1), constant('two', [], [2]), constant('half', [], [0.5])],
    expected: [ofNorms, ofNorms.map((each) => -each || 0)],
  },
  'a standard deviation of equal numbers': {
    nodes: [
      node('ReduceMean', ['x0'], ['mean'], { axes: [1] }),
      node('Sub', ['x0', 'mean'], ['c']),
      node('Mul', ['c', 'c'], ['s']),
      node('ReduceMean', ['s'], ['v'], { axes: [1] }),
      node('Mul', ['v', 'n'], ['nv']),
      node('Div', ['nv', 'n1'], ['u']),
      node('Sqrt', ['u'], ['y']),
    ],
    x: [
      [
        [2, 2],
        [1, 3],
      ],
    ],
    constants: [constant('n', [], [2]), constant('n1', [], [1])],
    // The deviation of (1, 3) is √2, its slope (x − 2)/√2.
    expected: [[0, 0, -Math.SQRT2, Math.SQRT2]],
  },
  'cosine_similarity of nothing': {
    nodes: [
      node('Mul', ['x0', 'x1'], ['p']),
      node('ReduceSum', ['p', 'axes'], ['cross'], { keepdims: 0 }),
      node('ReduceSumSquare', ['x0'], ['n0'], { axes: [1], keepdims: 0 }),
      node('ReduceSumSquare', ['x1'], ['n1'], { axes: [1], keepdims: 0 }),
      node('Mul', ['n0', 'n1'], ['n']),
      node('Sqrt', ['n'], ['r']),
      node('Max', ['r', 'eps'], ['m']),
      node('Div', ['cross', 'm'], ['y']),
    ],
    x: [[[0, 0]], [[3, 4]]],
    constants: [axes(1), constant('eps', [], [0.5])],
    expected: [
      [6, 8],
      [0, 0],
    ],
  },
  'F.normalize': {
    nodes: [
      node('ReduceL2', ['x0'], ['n'], { axes: [1] }),
      node('Clip', ['n', 'eps'], ['c']),
      node('Shape', ['x0'], ['shape']),
      node('Expand', ['c', 'shape'], ['e']),
      node('Div', ['x0', 'e'], ['y']),
    ],
    x: [
      [
        [0, 0],
        [3, 4],
      ],
    ],
    constants: [constant('eps', [], [0.25])],
    // x / ε below ε; (w − y (w · y)) / ‖x‖ beyond, for w = (3, 4), which is along y.
    expected: [[4, 8, 0, 0]],
  },
  LpNormalization: {
    nodes: [node('LpNormalization', ['x0'], ['y'], { axis: 1 })],
    x: [
      [
        [0, 0],
        [4, -3],
      ],
    ],
    // w = (3, 4), y = (4, −3) / 5.
    expected: [[0, 0, 3 / 5, 4 / 5]],
  },
  'LpNormalization by L¹': {
    nodes: [node('LpNormalization', ['x0'], ['y'], { axis: -1, p: 1 })],
    x: [
      [
        [0, 0],
        [1, 1],
      ],
    ],
    // (w − w · y sign x) / ‖x‖₁.
    expected: [[0, 0, -0.25, 0.25]],
  },
}

const pow = (
  x: Kink['x'],
  expected: Kink['expected'],
  exponents?: readonly number[],
  dims?: number[],
): Kink => ({
  nodes: [node('Pow', ['x0', exponents ? 'e' : 'x1'], ['y'])],
  x,
  expected,
  ...(exponents && { constants: [constant('e', dims ?? [exponents.length], exponents)] }),
})

const powers: Readonly<Record<string, Kink>> = {
  'Pow with exponent 0': pow([[0, 1, -2]], [[0, 0, 0]], [0], []),
  'Pow with exponents 0 and others': pow(
    [[0, 0, 0, 0, 2, -2]],
    [[0, 2, 0, inf, 0, -24]],
    [0, 1, 2, 0.5, 0, 2],
  ),
  'Pow with exponent 1 at 0': pow([[0, -3]], [[1, 2]], [1], []),
  'Pow with an exponent between 0 and 1 at 0, infinite': pow([[0, 4]], [[inf, 0.5]], [0.5], []),
  'Pow with a negative exponent at 0, infinite': pow([[0, 2]], [[-inf, -0.5]], [-1], []),
  'Pow by base and exponent': pow(
    [
      [0, 0, 0, 2, -2, 0],
      [0, 2, 0.5, 0, 2, -1],
    ],
    [
      [0, 0, inf, 0, -20, -inf],
      // aᵇ log a; 0 at a = 0 and b ≥ 0; −∞ at a = 0 and b < 0; undefined for a < 0.
      [0, 0, 0, 4 * Math.LN2, nan, -inf],
    ],
  ),
  'Pow by the exponent of a constant 0': {
    nodes: [node('Pow', ['zero', 'x0'], ['y'])],
    x: [[0, 1.5, -1]],
    constants: [constant('zero', [], [0])],
    expected: [[0, 0, -inf]],
  },
  'Sqrt at 0, infinite': {
    nodes: [node('Sqrt', ['x0'], ['y'])],
    x: [[0, 4]],
    expected: [[inf, 0.5]],
  },
  'Sqrt of a sum that is not of squares, infinite': {
    nodes: [node('ReduceSum', ['x0'], ['s']), node('Sqrt', ['s'], ['y'])],
    x: [[0, 0]],
    expected: [[inf, inf]],
  },
  'Abs at 0': { nodes: [node('Abs', ['x0'], ['y'])], x: [[0, -1, 1]], expected: [[0, -2, 3]] },
  'Div of 0 by the smallest numbers': {
    nodes: [node('Div', ['x0', 'x1'], ['y'])],
    x: [[0], [1e-320]],
    expected: [[inf], [0]],
  },
}

const logarithms: Readonly<Record<string, Kink>> = {
  'ReduceLogSumExp with −∞ among others': {
    nodes: [node('ReduceLogSumExp', ['x0'], ['y'])],
    x: [[-inf, 0, 0]],
    expected: [[0, 0.5, 0.5]],
  },
  'ReduceLogSum of a sum of 0, infinite': {
    nodes: [node('ReduceLogSum', ['x0'], ['y'], { axes: [1] })],
    x: [
      [
        [0, 0],
        [1, 3],
      ],
    ],
    expected: [[inf, inf, 0.5, 0.5]],
  },
  'Log behind Where': {
    nodes: [node('Log', ['x0'], ['l']), node('Where', ['c', 'l', 'zero'], ['y'])],
    x: [[-1, 2]],
    constants: [tensorProto('c', 'bool', [2], [0, 1]), constant('zero', [], [0])],
    expected: [[0, 1]],
  },
  'NegativeLogLikelihoodLoss of classes that cannot be': {
    nodes: [
      node('Where', ['c', 'x0', 'never'], ['logits']),
      node('LogSoftmax', ['logits'], ['p'], { axis: 1 }),
      node('NegativeLogLikelihoodLoss', ['p', 'labels'], ['y'], { reduction: 'sum' }),
    ],
    x: [[[1, 1, 7]]],
    constants: [
      tensorProto('c', 'bool', [1, 3], [1, 1, 0]),
      constant('never', [], [-inf], 'float32'),
      tensorProto('labels', 'int64', [1], [0]),
    ],
    type: 'float32',
    expected: [[-0.5, 0.5, 0]],
    loss: Math.LN2,
  },
  'SoftmaxCrossEntropyLoss with every label ignored': {
    nodes: [node('SoftmaxCrossEntropyLoss', ['x0', 'labels'], ['y'], { ignore_index: -1 })],
    x: [[[1, 2, 3]]],
    constants: [tensorProto('labels', 'int64', [1], [-1])],
    type: 'float32',
    expected: [[0, 0, 0]],
  },
}

const ends: Readonly<Record<string, Kink>> = {
  'Max of ties, in halves': {
    nodes: [node('Max', ['x0', 'x1'], ['y'])],
    x: [
      [1, 2, 0],
      [1, 3, 0],
    ],
    expected: [
      [0.5, 0, 1.5],
      [0.5, 2, 1.5],
    ],
  },
  'Min of ties, in halves': {
    nodes: [node('Min', ['x0', 'x1'], ['y'])],
    x: [
      [1, 2],
      [1, 3],
    ],
    expected: [
      [0.5, 2],
      [0.5, 0],
    ],
  },
  'Max of infinities': {
    nodes: [node('Max', ['x0', 'x1'], ['y'])],
    x: [
      [-inf, inf],
      [-inf, 0],
    ],
    expected: [
      [0.5, 2],
      [0.5, 0],
    ],
  },
  'Max with NaN, behind Where': {
    nodes: [node('Max', ['x0', 'x1'], ['m']), node('Where', ['c', 'm', 'x1'], ['y'])],
    x: [
      [nan, 5],
      [1, 1],
    ],
    constants: [tensorProto('c', 'bool', [2], [0, 1])],
    expected: [
      [0, 2],
      [1, 0],
    ],
  },
  'Clip at its bounds': {
    nodes: [node('Clip', ['x0', 'low', 'high'], ['y'])],
    x: [[-1, 1, -1.5, 0]],
    constants: [constant('low', [], [-1]), constant('high', [], [1])],
    expected: [[1, 2, 0, 4]],
  },
  'ReduceMax of ties, in equal parts': {
    nodes: [node('ReduceMax', ['x0'], ['y'])],
    x: [[2, 2, 1, 2]],
    expected: [[1 / 3, 1 / 3, 0, 1 / 3]],
  },
  'MaxPool over −∞': {
    nodes: [
      node('Reshape', ['x0', 'shape'], ['r']),
      node('MaxPool', ['r'], ['y'], { kernel_shape: [2], strides: [2] }),
    ],
    x: [[-inf, 1, 2, inf]],
    constants: [tensorProto('shape', 'int64', [3], [1, 1, 4])],
    type: 'float32',
    expected: [[0, 1, 0, 2]],
  },
  'Relu at 0': { nodes: [node('Relu', ['x0'], ['y'])], x: [[0, -1, 1]], expected: [[0, 0, 3]] },
  'LeakyRelu at 0': {
    nodes: [node('LeakyRelu', ['x0'], ['y'], { alpha: float(0.25) })],
    x: [[0, -1, 1]],
    expected: [[0.25, 0.5, 3]],
  },
  'PRelu at 0': {
    nodes: [node('PRelu', ['x0', 'x1'], ['y'])],
    x: [[0, -1, 1], [0.25]],
    expected: [[0.25, 0.5, 3], [-2]],
  },
  'Elu at 0': {
    nodes: [node('Elu', ['x0'], ['y'], { alpha: float(0.5) })],
    x: [[0, 1]],
    type: 'float32',
    expected: [[0.5, 2]],
  },
}

describe.each(Object.entries({ ...norms, ...powers, ...logarithms, ...ends }))('%s', (_, kink) => {
  it("has PyTorch's gradient", async () => {
    const { loss, gradients } = await gradientsAt(kink)
    if (kink.loss !== undefined) expect(loss).toBeCloseTo(kink.loss, 6)
    expect(gradients).toEqual(
      kink.expected.map((row) =>
        row.map((each) => (Number.isFinite(each) ? expect.closeTo(each, 6) : each)),
      ),
    )
  })
})
