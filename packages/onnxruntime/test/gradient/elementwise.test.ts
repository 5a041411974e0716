// The rules for what acts element by element, with broadcasting wherever there is any, against
// central differences.
import { describe, expect, it } from 'vitest'
import { float, type TensorProto, tensorProto } from '../../src/onnx/index.ts'
import {
  type Case,
  expectGradients,
  expectInferred,
  gradientsOf,
  type Input,
  ints,
  modelOf,
  parameter,
} from './differences.ts'

const scalar = (value: number): TensorProto => tensorProto('', 'float64', [], [value])
const positive = (shape: readonly number[]) => parameter(shape, (i) => 0.3 + ((i * 0.37) % 1.9))
/** Numbers of both signs that stay away from the kinks at 0 and ±1. */
const apart = (shape: readonly number[]) =>
  parameter(shape, (i) => (i % 2 ? -1 : 1) * (0.15 + ((i * 0.29) % 0.7)))
const unary = (op: string, input: Input = apart([3, 4]), attributes = {}, opset = 17): Case => ({
  op,
  inputs: [input],
  attributes,
  opset,
})
/** For an operator that ONNX Runtime has in single precision only. */
const single = (op: string, f: (x: number) => number, attributes = {}, opset = 17): Case => ({
  ...unary(op, apart([3, 4]), attributes, opset),
  exact: (x) => x.map(f),
})

/** The series of erf, which is exact to double precision for the small numbers here. */
function erf(x: number): number {
  let [term, sum] = [x, x]
  for (let n = 1; n < 60; n++) {
    term *= -(x * x) / n
    sum += term / (2 * n + 1)
  }
  return (2 / Math.sqrt(Math.PI)) * sum
}
const elu = (alpha: number) => (x: number) => (x < 0 ? alpha * Math.expm1(x) : x)
const softplus = (x: number) => Math.log1p(Math.exp(x))

const shapes: readonly (readonly [readonly number[], readonly number[]])[] = [
  [
    [2, 3],
    [2, 3],
  ],
  [[2, 3], [3]],
  [[3], [2, 3]],
  [
    [2, 1, 4],
    [3, 1],
  ],
  [[1], [2, 2]],
  [
    [2, 3],
    [1, 1],
  ],
  [
    [4, 1],
    [1, 3],
  ],
]
const broadcasting = (op: string, make = positive): Case[] =>
  shapes.map(([a, b]) => ({ op, inputs: [make(a), make(b)] }))

const cases: readonly Case[] = [
  ...['Add', 'Sub', 'Mul', 'Div', 'Pow'].flatMap((op) => broadcasting(op)),
  ...['Max', 'Min'].flatMap((op) => broadcasting(op, (shape) => parameter(shape))),
  { op: 'Add', inputs: [parameter([2, 3]), parameter([])] },
  { op: 'Mul', inputs: [parameter([]), parameter([])] },
  { op: 'Pow', inputs: [apart([5]), scalar(2)] },
  { op: 'Pow', inputs: [apart([5]), scalar(3)] },
  { op: 'Pow', inputs: [positive([5]), scalar(0.5)] },
  { op: 'Pow', inputs: [apart([2, 3]), ints([2], [1])] },
  { op: 'Sum', inputs: [parameter([2, 3]), parameter([3]), parameter([2, 1])] },
  {
    op: 'Mean',
    inputs: [parameter([2]), parameter([2])],
    exact: (a, b) => a.map((each, i) => (each + b[i]) / 2),
  },
  { op: 'Max', inputs: [parameter([2, 3]), parameter([3]), parameter([2, 1])] },
  {
    op: 'Where',
    inputs: [tensorProto('', 'bool', [3, 1], [1, 0, 1]), parameter([2, 3, 2]), parameter([2])],
  },
  { op: 'Clip', inputs: [parameter([12]), scalar(-0.4), scalar(0.3)] },
  { op: 'Clip', inputs: [parameter([12]), undefined, scalar(0.3)] },
  ...[
    'Identity',
    'Neg',
    'Abs',
    'Reciprocal',
    'Exp',
    'Sin',
    'Cos',
    'Relu',
    'LeakyRelu',
    'Sigmoid',
    'Tanh',
    'Dropout',
  ].map((op) => unary(op)),
  ...['Sqrt', 'Log'].map((op) => unary(op, positive([3, 4]))),
  unary('LeakyRelu', apart([7]), { alpha: float(0.3) }),
  unary('Cast', apart([3]), { to: 11 }),
  { op: 'PRelu', inputs: [apart([2, 3]), positive([3])] },
  single('Erf', erf),
  single('Elu', elu(1)),
  single('Elu', elu(0.5), { alpha: float(0.5) }),
  single('Celu', (x) => (x < 0 ? 0.5 * Math.expm1(x / 0.5) : x), { alpha: float(0.5) }),
  single('Selu', (x) => 1.0507009873554805 * elu(1.6732632423543772)(x)),
  single('Softplus', softplus),
  single('Softsign', (x) => x / (1 + Math.abs(x))),
  single('HardSigmoid', (x) => Math.min(1, Math.max(0, x * 0.5 + 0.25)), {
    alpha: float(0.5),
    beta: float(0.25),
  }),
  single('HardSwish', (x) => x * Math.min(1, Math.max(0, x / 6 + 0.5))),
  single('Mish', (x) => x * Math.tanh(softplus(x)), {}, 18),
  single('Gelu', (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)), {}, 20),
  single(
    'Gelu',
    (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
    { approximate: 'tanh' },
    20,
  ),
]

describe.each(cases.map((each, i) => [`${each.op} ${i}`, each] as const))('%s', (_, given) => {
  it('has the gradient that differences show', () => expectGradients(given))
  it('has the types and shapes that are inferred', async () => expectInferred(await modelOf(given)))
})

describe('where there is no derivative', () => {
  it('max gives equal parts to what is equal', async () => {
    const same = parameter([3], (i) => [1, 2, 3][i])
    const model = await modelOf({ op: 'Max', inputs: [same, same] })
    const { x0, x1 } = await gradientsOf(model)
    expect(x0.data).toEqual(x1.data)
  })
})
