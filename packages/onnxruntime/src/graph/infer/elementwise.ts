/**
 * Types and shapes of what acts element by element; and the elements themselves of the few
 * operations that shapes are computed with.
 */
import { elementTypeName, intOf } from '../../onnx/index.ts'
import { type Dim, product, quotient } from '../dims.ts'
import type { Known } from '../value.ts'
import { broadcast, type Infer, type Site } from './site.ts'

const same: Infer = ({ x: [a] }) => [{ type: a?.type, shape: a?.shape }]

/** Operations of one argument that keep its type and shape. */
const unary =
  'Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Ceil Celu Clip Cos Cosh CumSum Elu Erf Exp Floor Gelu HardSigmoid HardSwish Hardmax ' +
  'LeakyRelu Log LogSoftmax LpNormalization LRN MeanVarianceNormalization Mish Neg Not PRelu Reciprocal Relu Round Selu Shrink Sigmoid ' +
  'Sign Sin Sinh Softmax Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu Trilu'

const all = (site: Site) =>
  site.x.map((value) => value?.shape).reduce((a, b) => broadcast(a, b, site.unknown))

/**
 * Elements computed one by one, a single one standing for as many as there are on the other side.
 */
function elementwise(
  { x: [a, b] }: Site,
  f: (a: Dim, b: Dim) => Dim | undefined,
): readonly Dim[] | undefined {
  const left = a?.elements
  const right = b?.elements
  if (!left || !right) return undefined
  if (left.length !== right.length && left.length !== 1 && right.length !== 1) return undefined
  const length = left.length === 1 ? right.length : left.length
  const results = Array.from({ length }, (_, i) =>
    f(left[left.length === 1 ? 0 : i], right[right.length === 1 ? 0 : i]),
  )
  return results.every((each) => each !== undefined) ? (results as Dim[]) : undefined
}

const numeric = (f: (a: number, b: number) => number) => (a: Dim, b: Dim) =>
  typeof a === 'number' && typeof b === 'number' ? f(a, b) : undefined

/** Sizes are never negative, so a name differs from any negative number. */
const equal = (a: Dim, b: Dim) => {
  if (a === b) return 1
  if (typeof a === typeof b) return typeof a === 'number' ? 0 : undefined
  return Number(typeof a === 'number' ? a : b) < 0 ? 0 : undefined
}

const arithmetic: Readonly<Record<string, (a: Dim, b: Dim) => Dim | undefined>> = {
  Add(a, b) {
    if (a === 0) return b
    return b === 0 ? a : numeric((p, q) => p + q)(a, b)
  },
  Sub(a, b) {
    if (b === 0) return a
    return a === b ? 0 : numeric((p, q) => p - q)(a, b)
  },
  Mul: (a, b) =>
    isNegative(a) || isNegative(b) ? numeric((p, q) => p * q)(a, b) : product([a, b]),
  Div: (a, b) => numeric((p, q) => Math.trunc(p / q))(a, b) ?? quotient(a, b),
  Mod: numeric((a, b) => a - b * Math.floor(a / b)),
  Max: numeric(Math.max),
  Min: numeric(Math.min),
  Pow: numeric((a, b) => a ** b),
}

const isNegative = (dim: Dim) => typeof dim === 'number' && dim < 0

const comparisons: Readonly<Record<string, (a: Dim, b: Dim) => Dim | undefined>> = {
  Equal: equal,
  Less: numeric((a, b) => Number(a < b)),
  LessOrEqual: numeric((a, b) => Number(a <= b)),
  Greater: numeric((a, b) => Number(a > b)),
  GreaterOrEqual: numeric((a, b) => Number(a >= b)),
  And: numeric((a, b) => a & b),
  Or: numeric((a, b) => a | b),
  Xor: numeric((a, b) => a ^ b),
}

const table = <T>(names: readonly string[], infer: (name: string) => T): Record<string, T> =>
  Object.fromEntries(names.map((name) => [name, infer(name)]))

export const elementwiseRules: Readonly<Record<string, Infer>> = {
  ...table(unary.split(' '), () => same),
  ...table(
    [
      ...Object.keys(arithmetic),
      'Sum',
      'Mean',
      'BitShift',
      'BitwiseAnd',
      'BitwiseOr',
      'BitwiseXor',
    ],
    (name) => (site) => {
      const f = arithmetic[name]
      return [
        {
          type: site.x[0]?.type,
          shape: all(site),
          elements: name in arithmetic && site.x.length === 2 ? elementwise(site, f) : undefined,
        },
      ]
    },
  ),
  ...table(Object.keys(comparisons), (name) => (site) => [
    { type: 'bool', shape: all(site), elements: elementwise(site, comparisons[name]) },
  ]),
  ...table(['IsNaN', 'IsInf'], () => ({ x: [a] }) => [{ type: 'bool', shape: a?.shape }]),

  Identity: ({ x: [a] }) => [{ type: a?.type, shape: a?.shape, elements: a?.elements }],

  Dropout: ({ x: [a] }) => [
    { type: a?.type, shape: a?.shape },
    { type: 'bool', shape: a?.shape },
  ],

  Cast({ node, x: [a] }) {
    const type = elementTypeName(intOf(node, 'to'))
    const whole = type === 'int64' || type === 'int32'
    return [{ type, shape: a?.shape, elements: whole ? a?.elements : undefined }]
  },

  CastLike: ({ x: [a, b] }) => [{ type: b?.type, shape: a?.shape }],

  Where(site): readonly Known[] {
    const [c, a, b] = site.x
    const chosen = c?.elements?.map((each, i) => {
      const from = (each === 1 ? a : b)?.elements
      return typeof each === 'number' ? from?.[from.length === 1 ? 0 : i] : undefined
    })
    const elements = chosen?.every((each) => each !== undefined) ? (chosen as Dim[]) : undefined
    return [{ type: a?.type, shape: all(site), elements }]
  },
}
