/** Derivatives of softmax and of the normalizations. */
import { add, axesFrom, axisIn, div, exp, mul, shapeOf, sqrt, sub, sum } from '../../graph/ops.ts'
import { floatOf, intOf } from '../../onnx/index.ts'
import { batchAxes, moments, perChannel, throughMoments } from '../normalization.ts'
import type { Rule, Rules } from '../rule.ts'

const softmax: Rule = ({ node, g, x: [x], y: [y] }) => {
  const axis = axisIn(x, intOf(node, 'axis') ?? -1)
  return [() => mul(y, sub(g, sum(mul(g, y), [axis])))]
}

const logSoftmax: Rule = ({ node, g, x: [x], y: [y] }) => {
  const axis = axisIn(x, intOf(node, 'axis') ?? -1)
  return [() => sub(g, mul(exp(y), sum(g, [axis])))]
}

/**
 * y = n · scale + bias, with n = x normalized over the axes from `axis` on. In single precision the
 * node tells mean and deviation itself; in others it may round them to that.
 */
const layerNormalization: Rule = ({ node, g, x: [x, scale], output }) => {
  const axes = axesFrom(axisIn(x, intOf(node, 'axis') ?? -1), shapeOf(x).length)
  const own = () => ({ normalized: mul(sub(x, output(1)), output(2)), inverse: output(2) })
  const parts = () =>
    x.type === 'float32' ? own() : moments(x, axes, floatOf(node, 'epsilon') ?? 1e-5)
  const dx = () => throughMoments(mul(g, scale), parts().normalized, parts().inverse, axes)
  return [dx, () => mul(g, parts().normalized), () => g]
}

/**
 * y = n · scale + bias; n = x normalized by the numbers of this batch in training, else by the
 * running ones, which are constants then.
 */
const batchNormalization: Rule = ({ node, g, x: [x, scale, , mu, variance] }) => {
  const epsilon = floatOf(node, 'epsilon') ?? 1e-5
  const axes = batchAxes(x)
  const total = (value: typeof g) => sum(value, axes, false)
  if (intOf(node, 'training_mode')) {
    const { normalized, inverse } = moments(x, axes, epsilon)
    const dx = () => throughMoments(mul(g, perChannel(scale, x)), normalized, inverse, axes)
    return [dx, () => total(mul(g, normalized)), () => total(g)]
  }
  const inverse = () => div(1, sqrt(add(variance, epsilon)))
  return [
    () => mul(g, perChannel(mul(scale, inverse()), x)),
    () => mul(total(mul(g, sub(x, perChannel(mu, x)))), inverse()),
    () => total(g),
  ]
}

export const normalize: Rules = {
  Softmax: softmax,
  LogSoftmax: logSoftmax,
  LayerNormalization: layerNormalization,
  BatchNormalization: batchNormalization,
}
