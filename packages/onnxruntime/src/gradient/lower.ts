/**
 * Operators as several simpler ones, for those that only exist for inference in some runtimes, or
 * that need no rule of their own then. Each gives the values of the node's outputs, in order.
 */
import {
  add,
  axesFrom,
  axisIn,
  cast,
  count,
  div,
  equal,
  fullLike,
  ints,
  mul,
  neg,
  norm,
  op,
  reshape,
  reshapeAs,
  shapeOf,
  sum,
  typeOf,
  unsqueeze,
  where,
} from '../graph/ops.ts'
import type { Value } from '../graph/value.ts'
import { float, floatOf, intOf, type NodeProto, textOf } from '../onnx/index.ts'
import { batchAxes, logSoftmax, moments, perChannel } from './normalization.ts'
import { sizesOf } from './rule.ts'

/** The outputs of a node from its inputs; undefined where it can stay as it is. */
export type Lowering = (node: NodeProto, x: readonly Value[]) => readonly Value[] | undefined

/** Dropout is off: what goes in comes out, and nothing is masked. */
const dropout: Lowering = ({ output }, [x]) => [
  op('Identity', [x]),
  ...(output?.[1] ? [cast(fullLike(x, 1), 'bool')] : []),
]

/** In training, by the numbers of this batch, which the running ones move towards. */
const batchNormalization: Lowering = (node, [x, scale, bias, runningMean, runningVariance]) => {
  if (!intOf(node, 'training_mode')) return undefined
  const { mu, variance, normalized } = moments(x, batchAxes(x), floatOf(node, 'epsilon') ?? 1e-5)
  const momentum = floatOf(node, 'momentum') ?? 0.9
  const running = (old: Value, now: Value) =>
    add(mul(old, momentum), mul(reshapeAs(now, old), 1 - momentum))
  return [
    add(mul(normalized, perChannel(scale, x)), perChannel(bias, x)),
    running(runningMean, mu),
    running(runningVariance, variance),
  ]
}

const instanceNormalization: Lowering = (node, [x, scale, bias]) => {
  const { normalized } = moments(
    x,
    axesFrom(2, shapeOf(x).length),
    floatOf(node, 'epsilon') ?? 1e-5,
  )
  return [add(mul(normalized, perChannel(scale, x)), perChannel(bias, x))]
}

/** Until opset 20 with a scale for each group, since then for each channel. */
const groupNormalization: Lowering = (node, [x, scale, bias]) => {
  const groups = intOf(node, 'num_groups') ?? 1
  const [channels] = sizesOf(node, x, 1, 2)
  const { normalized } = moments(
    op('Reshape', [x, ints(x, [0, groups, -1])]),
    [2],
    floatOf(node, 'epsilon') ?? 1e-5,
  )
  const each = (value: Value) =>
    x.in.opset >= 21
      ? value
      : reshape(op('Expand', [unsqueeze(value, [1]), ints(x, [groups, channels / groups])]), [-1])
  return [add(mul(reshapeAs(normalized, x), perChannel(each(scale), x)), perChannel(each(bias), x))]
}

/** x / ‖x‖ along an axis, by the L¹ or L² norm; where that is 0 so is y, and nothing flows back. */
const lpNormalization: Lowering = (node, [x]) => {
  const length = norm(x, [axisIn(x, intOf(node, 'axis') ?? -1)], intOf(node, 'p') === 1 ? 1 : 2)
  const none = equal(length, 0)
  return [where(none, 0, div(x, where(none, 1, length)))]
}

/**
 * Truth values [N, C, …]: which class each of the labels [N, …] is; nowhere for labels that are
 * ignored.
 */
function classes(node: NodeProto, logits: Value, labels: Value): Value {
  const [size] = sizesOf(node, logits, 1, 2)
  return classesAt(logits, labels, 1, size, intOf(node, 'ignore_index'))
}

/**
 * Which class each label is: truth values in the shape of the logits, whose classes, `size` of
 * them, lie along an axis.
 */
export function classesAt(
  logits: Value,
  labels: Value,
  axis: number,
  size: number,
  ignored: number | undefined,
): Value {
  const behind = Array<number>(shapeOf(logits).length - 1 - axis).fill(1)
  const numbers = logits.in.constant('int32', [size, ...behind], axesFrom(0, size))
  const column = unsqueeze(cast(labels, 'int32'), [axis])
  const chosen = equal(column, numbers)
  return ignored === undefined ? chosen : op('And', [chosen, op('Not', [equal(column, ignored)])])
}

/** −Σ w ln p of the right classes; `mean` divides by Σ w. */
const logLikelihood: Lowering = (node, [logP, labels, weights]) => {
  const type = typeOf(logP)
  const chosen = classes(node, logP, labels)
  const weighting = (value: Value) => (weights ? mul(value, perChannel(weights, logP)) : value)
  // Chosen rather than multiplied by 0: ln p of the other classes may be −∞.
  const losses = neg(sum(weighting(where(chosen, logP, 0)), [1], false))
  const reduction = textOf(node, 'reduction') ?? 'mean'
  if (reduction === 'none') return [losses]
  const all = axesFrom(0, shapeOf(losses).length)
  const total = sum(losses, all, false)
  if (reduction === 'sum') return [total]
  if (!weights && intOf(node, 'ignore_index') === undefined)
    return [div(total, count(losses, all, type))]
  return [div(total, sum(weighting(cast(chosen, type)), axesFrom(0, shapeOf(logP).length), false))]
}

const crossEntropy: Lowering = (node, [scores, ...rest]) => {
  const logP = logSoftmax(scores, 1)
  return [...(logLikelihood(node, [logP, ...rest]) ?? []), logP]
}

export const lowerings: Readonly<Record<string, Lowering>> = {
  Dropout: dropout,
  BatchNormalization: batchNormalization,
  InstanceNormalization: instanceNormalization,
  GroupNormalization: groupNormalization,
  LpNormalization: lpNormalization,
  NegativeLogLikelihoodLoss: logLikelihood,
  SoftmaxCrossEntropyLoss: crossEntropy,
  HardSwish: (_, [x]) => [
    mul(x, op('HardSigmoid', [x], { alpha: float(1 / 6), beta: float(0.5) })),
  ],
  Mish: (_, [x]) => [mul(x, op('Tanh', [op('Softplus', [x])]))],
  Celu: (node, [x]) => {
    const alpha = floatOf(node, 'alpha') ?? 1
    return [mul(op('Elu', [div(x, alpha)]), alpha)]
  },
  Selu: (node, [x]) => {
    const alpha = floatOf(node, 'alpha') ?? 1.6732632423543772
    return [
      mul(op('Elu', [x], { alpha: float(alpha) }), floatOf(node, 'gamma') ?? 1.0507009873554805),
    ]
  },
}
