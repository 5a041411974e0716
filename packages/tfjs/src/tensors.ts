/**
 * What tensors of tfjs are to us: what can be a parameter or a gradient, and whether it is still
 * there. Nothing is computed here.
 */
import { FreestepError, type TensorInfo } from '@freestep/core'
import type { Tensor, Variable } from '@tensorflow/tfjs-core'
import * as tfjsCore from '@tensorflow/tfjs-core'
import { refuseForeign } from './copies.ts'
import type { TensorFlow } from './eager.ts'

/** Refuses what is no tensor of this TensorFlow.js, or was disposed. */
export function checkTensor(tensor: Tensor, name: string, tf: TensorFlow = tfjsCore): void {
  if (!(tensor instanceof tfjsCore.Tensor))
    throw new FreestepError('tfjs', 'bad-dtype', `${name} is not a tf.Tensor. Give one.`)
  refuseForeign(tf, tensor, name)
  if (isGone(tensor, tf))
    throw new FreestepError(
      'tfjs',
      'disposed',
      `${name} is disposed. Keep it until the optimizer is done with it (tf.keep).`,
    )
}

/** A tensor's shape and precision; refuses what is not a live float32 tensor. */
export function describe(
  tensor: Tensor,
  name: string,
  tf: TensorFlow = tfjsCore,
): Omit<TensorInfo, 'name'> {
  checkTensor(tensor, name, tf)
  const { dtype } = tensor as { dtype: string }
  if (dtype !== 'float32')
    throw new FreestepError(
      'tfjs',
      'bad-dtype',
      `${name} is ${dtype}. Give a float32 tensor (tf.cast, or its dtype when it is made).`,
    )
  return { shape: tensor.shape, size: tensor.size, dtype }
}

/** Whether a tensor can be updated. */
export const isVariable = (tensor: Tensor): tensor is Variable =>
  tensor instanceof tfjsCore.Variable

/**
 * Whether a tensor was disposed; a variable also by `tf.disposeVariables()`, which leaves no mark
 * on it.
 */
export const isGone = (tensor: Tensor, tf: TensorFlow = tfjsCore): boolean =>
  tensor.isDisposed ||
  (isVariable(tensor) && tf.engine().registeredVariables[tensor.name] !== tensor)
