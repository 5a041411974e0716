/** Derivatives of products of matrices and of reductions over axes. */
import { reducedAxes } from '../../graph/infer/algebra.ts'
import {
  cast,
  count,
  div,
  equal,
  exp,
  expandAs,
  gemm,
  matMul,
  mul,
  op,
  reshapeAs,
  shapeOf,
  squeeze,
  sub,
  sum,
  transposed,
  typeOf,
  unsqueeze,
  where,
} from '../../graph/ops.ts'
import type { Value } from '../../graph/value.ts'
import { float, floatOf, intOf, textOf } from '../../onnx/index.ts'
import { type Rule, type Rules, refuse, type Site } from '../rule.ts'

/** A stack of matrices as one long matrix. */
const rows = (a: Value) =>
  shapeOf(a).length === 2 ? a : op('Flatten', [a], { axis: shapeOf(a).length - 1 })

/** y = a b for b a matrix: one Gemm for each factor. */
const timesMatrix: Rule = ({ g, x: [a, b] }) => [
  () => reshapeAs(gemm(rows(g), b, { transB: true }), a),
  () => gemm(rows(a), rows(g), { transA: true }),
]

/** y = a b for stacks of matrices; a vector is a matrix of one row or column. */
const timesStack: Rule = ({ g, x: [a, b] }) => {
  const [aIsVector, bIsVector] = [shapeOf(a).length === 1, shapeOf(b).length === 1]
  const A = aIsVector ? unsqueeze(a, [0]) : a
  const B = bIsVector ? unsqueeze(b, [1]) : b
  const rank = Math.max(shapeOf(A).length, shapeOf(B).length)
  const [row, column] = [aIsVector ? [rank - 2] : [], bIsVector ? [rank - 1] : []]
  const G = unsqueeze(g, [...row, ...column])
  return [
    () => squeeze(matMul(G, transposed(B)), row),
    () => squeeze(matMul(transposed(A), G), column),
  ]
}

const product: Rule = (site) => {
  const [a, b] = site.x.map((value) => shapeOf(value).length)
  return a >= 2 && b === 2 ? timesMatrix(site) : timesStack(site)
}

/** y = α A B + β c, where A is a or its transpose, B is b or its transpose. */
const general: Rule = ({ node, g, x: [a, b] }) => {
  const alpha = floatOf(node, 'alpha') ?? 1
  const beta = floatOf(node, 'beta') ?? 1
  const [transA, transB] = [Boolean(intOf(node, 'transA')), Boolean(intOf(node, 'transB'))]
  const scale = alpha === 1 ? undefined : float(alpha)
  return [
    () =>
      transA
        ? gemm(b, g, { transA: transB, transB: true }, scale)
        : gemm(g, b, { transB: !transB }, scale),
    () =>
      transB
        ? gemm(g, a, { transA: true, transB: transA }, scale)
        : gemm(a, g, { transA: !transA }, scale),
    () => mul(g, beta),
  ]
}

/** A sum over indices: of the others and g, over the indices that are not this one's. */
const einsum: Rule = ({ node, g, x }) => {
  const equation = (textOf(node, 'equation') ?? '').replaceAll(' ', '')
  const [left, result] = equation.split('->')
  const terms = left.split(',')
  const plain =
    result !== undefined &&
    terms.every((term) => /^[a-zA-Z]*$/.test(term) && new Set(term).size === term.length)
  if (!plain)
    throw refuse(
      node,
      `has the equation "${equation}". Its gradient needs "->", and no index twice in a term.`,
    )
  return terms.map((term, i) => () => {
    const others = [...terms.filter((_, j) => j !== i), result]
    const lost = [...term].find((index) => !others.some((other) => other.includes(index)))
    if (lost)
      throw refuse(
        node,
        `sums over the index ${lost} of "${equation}" alone. Sum it with ReduceSum first.`,
      )
    return op('Einsum', [...x.filter((_, j) => j !== i), g], {
      equation: `${others.join(',')}->${term}`,
    })
  })
}

/**
 * The axes a reduction goes over, and the way back: a value without them gets them again, with size
 * 1.
 */
function reduction({ node, x }: Site) {
  const axes = reducedAxes({ node, x })
  if (!axes)
    throw refuse(
      node,
      'goes over axes that are computed when the model runs. Make them constants of the model.',
    )
  const restored = (value: Value) =>
    (intOf(node, 'keepdims') ?? 1) === 1
      ? value
      : unsqueeze(
          value,
          [...axes].sort((p, q) => p - q),
        )
  return { axes, restored }
}

/** A rule for a reduction of a, from the gradient and the result with all axes. */
const reducing =
  (f: (site: { g: Value; a: Value; y: Value; axes: readonly number[] }) => Value): Rule =>
  (site) => {
    const { axes, restored } = reduction(site)
    return [() => f({ g: restored(site.g), a: site.x[0], y: restored(site.y[0]), axes })]
  }

/** max and min over axes: g goes to the elements that are the extreme, in equal parts. */
const extreme = reducing(({ g, a, y, axes }) => {
  const ties = cast(equal(a, y), typeOf(a))
  return mul(div(g, sum(ties, axes)), ties)
})

export const algebra: Rules = {
  MatMul: product,
  Gemm: general,
  Einsum: einsum,
  ReduceSum: reducing(({ g, a }) => expandAs(g, a)),
  ReduceMean: reducing(({ g, a, axes }) => expandAs(div(g, count(a, axes, typeOf(g))), a)),
  ReduceMax: extreme,
  ReduceMin: extreme,
  ReduceL1: reducing(({ g, a }) => mul(g, op('Sign', [a]))),
  // A norm of 0 has no derivative, and the gradient is 0, as in PyTorch's norm_backward.
  ReduceL2: reducing(({ g, a, y }) => mul(g, where(equal(y, 0), 0, div(a, y)))),
  ReduceSumSquare: reducing(({ g, a }) => mul(g, mul(a, 2))),
  ReduceLogSum: reducing(({ g, a, axes }) => expandAs(div(g, sum(a, axes)), a)),
  ReduceLogSumExp: reducing(({ g, a, y }) => mul(g, exp(sub(a, y)))),
}
