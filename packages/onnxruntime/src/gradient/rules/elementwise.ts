/** Derivatives of what acts element by element. x are the inputs, y the output, g its gradient. */
import {
  add,
  cast,
  div,
  equal,
  exp,
  greater,
  less,
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

/** A rule for one argument. */
const unary =
  (f: (site: { g: Value; x: Value; y: Value } & Pick<Site, 'node'>) => Value): Rule =>
  ({ g, x: [x], y: [y], node }) => [() => f({ g, x, y, node })]

/** 0 and 1 in the type of a value, where a condition holds. */
const indicator = (condition: Value, value: Value) => cast(condition, typeOf(value))

/** max and min: g goes to the inputs that are the extreme, in equal parts. */
const extreme: Rule = ({ g, x, y: [y] }) => {
  const ties = () => x.map((each) => indicator(equal(each, y), y))
  return x.map((_, i) => () => mul(g, div(ties()[i], ties().reduce(add))))
}

const power: Rule = ({ g, x: [a, b], y: [y] }) => {
  const exponent = numberOf(b)
  const base = () => {
    if (exponent === 2) return mul(g, mul(a, 2))
    if (exponent === 3) return mul(g, mul(mul(a, a), 3))
    if (exponent !== undefined) return mul(mul(g, exponent), pow(a, exponent - 1))
    return mul(mul(g, cast(b, typeOf(g))), pow(a, sub(b, 1)))
  }
  // The derivative by the exponent, y log a, is 0 in the limit a → 0.
  return [base, () => cast(where(greater(a, 0), mul(mul(g, y), log(a)), 0), typeOf(b))]
}

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
  Div: ({ g, x: [, b], y: [y] }) => [() => div(g, b), () => neg(mul(div(g, b), y))],
  Sum: ({ g, x }) => x.map(() => () => g),
  Mean: ({ g, x }) => x.map(() => () => div(g, x.length)),
  Max: extreme,
  Min: extreme,
  Pow: power,
  Where: ({ g, x: [c] }) => [undefined, () => where(c, g, 0), () => where(c, 0, g)],
  Clip: clip,

  Neg: unary(({ g }) => neg(g)),
  Abs: unary(({ g, x }) => mul(g, op('Sign', [x]))),
  Reciprocal: unary(({ g, y }) => neg(mul(g, mul(y, y)))),
  Sqrt: unary(({ g, y }) => div(mul(g, 0.5), y)),
  Exp: unary(({ g, y }) => mul(g, y)),
  Log: unary(({ g, x }) => div(g, x)),
  Sin: unary(({ g, x }) => mul(g, op('Cos', [x]))),
  Cos: unary(({ g, x }) => neg(mul(g, op('Sin', [x])))),
  Erf: unary(({ g, x }) => mul(g, mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI)))),

  Relu: unary(({ g, y }) => where(greater(y, 0), g, 0)),
  LeakyRelu: unary(({ g, x, node }) => where(less(x, 0), mul(g, floatOf(node, 'alpha') ?? 0.01), g)),
  PRelu: ({ g, x: [a, slope] }) => [() => where(less(a, 0), mul(g, slope), g), () => where(less(a, 0), mul(g, a), 0)],
  Elu: unary(({ g, x, y, node }) => where(less(x, 0), mul(g, add(y, floatOf(node, 'alpha') ?? 1)), g)),
  Gelu: gelu,
  Sigmoid: unary(({ g, y }) => mul(g, mul(y, sub(1, y)))),
  Tanh: unary(({ g, y }) => mul(g, sub(1, mul(y, y)))),
  Softplus: unary(({ g, x }) => mul(g, op('Sigmoid', [x]))),
  Softsign: unary(({ g, x }) => div(g, pow(add(op('Abs', [x]), 1), 2))),
  HardSigmoid: unary(({ g, y, node }) => where(op('And', [greater(y, 0), less(y, 1)]), mul(g, floatOf(node, 'alpha') ?? 0.2), 0)),
}
