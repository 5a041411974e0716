/** Derivatives of what acts element by element. x are the inputs, y the output, g its gradient. */
import {
  add,
  cast,
  div,
  equal,
  exp,
  fullLike,
  greater,
  less,
  like,
  log,
  mul,
  neg,
  numberOf,
  op,
  pow,
  sub,
  typeOf,
  where,
} from '../../graph/ops.ts'
import type { Value } from '../../graph/value.ts'
import { floatOf, textOf } from '../../onnx/index.ts'
import type { Rule, Rules, Site } from '../rule.ts'
import { isSumOfSquares } from '../squares.ts'

/** A rule for one argument. */
const unary =
  (f: (site: { g: Value; x: Value; y: Value } & Pick<Site, 'node'>) => Value): Rule =>
  ({ g, x: [x], y: [y], node }) => [() => f({ g, x, y, node })]

/** 0 and 1 in the type of a value, where a condition holds. */
const indicator = (condition: Value, value: Value) => cast(condition, typeOf(value))

/**
 * max and min: g goes to the inputs that are the extreme, in equal parts. Where the result is NaN
 * none is, and every input gets g, as in PyTorch.
 */
const extreme =
  (beyond: (a: Value, b: Value) => Value): Rule =>
  ({ g, x, y: [y] }) => {
    const ties = () => x.map((each) => indicator(equal(each, y), y)).reduce(add)
    const share = () => div(g, op('Clip', [ties(), like(y, 1)]))
    return x.map((each) => () => where(beyond(each, y), 0, share()))
  }

/**
 * aᵇ. By a: b aᵇ⁻¹, which is 0 for b = 0 wherever a is. By b: aᵇ log a, which is 0 for a = 0 and b
 * ≥ 0. (PyTorch's pow_backward_self and pow_backward_exponent.) All else that is infinite stays so.
 */
const power: Rule = ({ g, x: [a, b], y: [y] }) => {
  const exponent = numberOf(b)
  const base = () => {
    if (exponent === 0) return fullLike(a, 0)
    if (exponent === 2) return mul(g, mul(a, 2))
    if (exponent === 3) return mul(g, mul(mul(a, a), 3))
    if (exponent !== undefined) {
      const gradient = mul(g, mul(pow(a, exponent - 1), exponent))
      const isRoot = exponent > 0 && exponent < 1 && isSumOfSquares(a)
      return isRoot ? where(equal(a, 0), 0, gradient) : gradient
    }
    const gradient = where(equal(b, 0), 0, mul(g, mul(pow(a, sub(b, 1)), cast(b, typeOf(g)))))
    return isSumOfSquares(a) ? where(op('And', [equal(a, 0), less(b, 1)]), 0, gradient) : gradient
  }
  const atZero = () => op('And', [equal(a, 0), op('Not', [less(b, 0)])])
  return [base, () => cast(mul(g, where(atZero(), 0, mul(y, log(a)))), typeOf(b))]
}

/** √x: g / 2y, infinite at 0; but 0 where x is a sum of squares. */
const root = unary(({ g, x, y }) => {
  const gradient = div(mul(g, 0.5), y)
  return isSumOfSquares(x) ? where(equal(y, 0), 0, gradient) : gradient
})

/** What is bent at 0, where the slope is that of the negative side, as in PyTorch. */
const bent = (x: Value, positive: Value | number, negative: Value) =>
  where(greater(x, 0), positive, negative)

/** g where a limit holds; a limit that is left out holds. */
const clip: Rule = ({ g, x: [a, low, high] }) => [
  () => {
    const above = low ? where(less(a, low), 0, g) : g
    return high ? where(greater(a, high), 0, above) : above
  },
]

/** x Φ(x), or its approximation by tanh. */
const gelu = unary(({ g, x, node }) => {
  if (textOf(node, 'approximate') === 'tanh') {
    const c = Math.sqrt(2 / Math.PI)
    const t = op('Tanh', [mul(mul(x, c), add(1, mul(mul(x, x), 0.044715)))])
    const inner = add(c, mul(mul(x, x), 3 * 0.044715 * c))
    return mul(g, mul(0.5, add(add(1, t), mul(x, mul(sub(1, mul(t, t)), inner)))))
  }
  const Phi = mul(add(op('Erf', [mul(x, Math.SQRT1_2)]), 1), 0.5)
  const phi = mul(exp(mul(mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI))
  return mul(g, add(Phi, mul(x, phi)))
})

export const elementwise: Rules = {
  Identity: ({ g }) => [() => g],
  Cast: unary(({ g, x }) => cast(g, typeOf(x))),
  Add: ({ g }) => [() => g, () => g],
  Sub: ({ g }) => [() => g, () => neg(g)],
  Mul: ({ g, x: [a, b] }) => [() => mul(g, b), () => mul(g, a)],
  Div: ({ g, x: [, b], y: [y] }) => [() => div(g, b), () => neg(mul(g, div(y, b)))],
  Sum: ({ g, x }) => x.map(() => () => g),
  Mean: ({ g, x }) => x.map(() => () => div(g, x.length)),
  Max: extreme(less),
  Min: extreme(greater),
  Pow: power,
  Where: ({ g, x: [c] }) => [undefined, () => where(c, g, 0), () => where(c, 0, g)],
  Clip: clip,

  Neg: unary(({ g }) => neg(g)),
  Abs: unary(({ g, x }) => mul(g, op('Sign', [x]))),
  Reciprocal: unary(({ g, y }) => neg(mul(g, mul(y, y)))),
  Sqrt: root,
  Exp: unary(({ g, y }) => mul(g, y)),
  Log: unary(({ g, x }) => div(g, x)),
  Sin: unary(({ g, x }) => mul(g, op('Cos', [x]))),
  Cos: unary(({ g, x }) => neg(mul(g, op('Sin', [x])))),
  Erf: unary(({ g, x }) => mul(g, mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI)))),

  Relu: unary(({ g, y }) => where(greater(y, 0), g, 0)),
  LeakyRelu: unary(({ g, x, node }) => bent(x, g, mul(g, floatOf(node, 'alpha') ?? 0.01))),
  PRelu: ({ g, x: [a, slope] }) => [() => bent(a, g, mul(g, slope)), () => bent(a, 0, mul(g, a))],
  Elu: unary(({ g, x, y, node }) => bent(x, g, mul(g, add(y, floatOf(node, 'alpha') ?? 1)))),
  Gelu: gelu,
  Sigmoid: unary(({ g, y }) => mul(g, mul(y, sub(1, y)))),
  Tanh: unary(({ g, y }) => mul(g, sub(1, mul(y, y)))),
  Softplus: unary(({ g, x }) => mul(g, op('Sigmoid', [x]))),
  Softsign: unary(({ g, x }) => div(g, pow(add(op('Abs', [x]), 1), 2))),
  HardSigmoid: unary(({ g, y, node }) =>
    where(op('And', [greater(y, 0), less(y, 1)]), mul(g, floatOf(node, 'alpha') ?? 0.2), 0),
  ),
}
