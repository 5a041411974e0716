/**
 * What normalizations and their gradients have in common. The same call gives the same nodes, so
 * nothing is computed twice.
 */
import {
  add,
  axesFrom,
  div,
  exp,
  log,
  maximum,
  mean,
  mul,
  op,
  shapeOf,
  sqrt,
  sub,
  sum,
  unsqueeze,
} from '../graph/ops.ts'
import type { Value } from '../graph/value.ts'

/** One number for each channel, in the shape that broadcasts against x of [N, C, …]. */
export const perChannel = (value: Value, x: Value): Value =>
  unsqueeze(value, axesFrom(1, shapeOf(x).length - 1))

/** All axes but that of the channels. */
export const batchAxes = (x: Value): number[] => [0, ...axesFrom(2, shapeOf(x).length)]

/**
 * x normalized over axes: mean and variance (both with these axes, of size 1), 1/√(σ² + ε), and (x
 * − μ)/√(σ² + ε).
 */
export function moments(x: Value, axes: readonly number[], epsilon: number) {
  const mu = mean(x, axes)
  const centered = sub(x, mu)
  const variance = mean(mul(centered, centered), axes)
  const inverse = div(1, sqrt(add(variance, epsilon)))
  return { mu, variance, inverse, normalized: mul(centered, inverse) }
}

/**
 * The gradient of x from that of x normalized over axes, n: (h − mean h − n · mean(h n)) / √(σ² +
 * ε).
 */
export const throughMoments = (
  h: Value,
  normalized: Value,
  inverse: Value,
  axes: readonly number[],
): Value =>
  mul(inverse, sub(sub(h, mean(h, axes)), mul(normalized, mean(mul(h, normalized), axes))))

/**
 * log softmax from operators that every device has. What is subtracted first only has to be near
 * the maximum, so it is rounded down: nothing flows back through that, which is what the exact
 * derivative amounts to.
 */
export function logSoftmax(x: Value, axis: number): Value {
  const shifted = sub(x, op('Floor', [maximum(x, [axis])]))
  return sub(shifted, log(sum(exp(shifted), [axis])))
}
