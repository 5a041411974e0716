/**
 * Gradients of an objective, by tfjs: what its errors mean for someone who trains, and what to do
 * then. Not the checks of gradients that a caller computed, which are in gradients.ts.
 */
import { FreestepError } from '@freestep/core'
import * as tf from '@tensorflow/tfjs-core'
import { refuseForeign } from './copies.ts'

/** A value and its gradients. */
export interface Differentiated {
  value: tf.Scalar
  grads: tf.NamedTensorMap
}

/** As `variableGrads`, with words for what stands in the way. */
export function differentiate(
  f: () => tf.Scalar,
  varList: tf.Variable[] | undefined,
  variableGrads: (f: () => tf.Scalar, varList?: tf.Variable[]) => Differentiated,
): Differentiated {
  for (const variable of varList ?? [])
    if (variable instanceof tf.Tensor) refuseForeign(tf, variable, variable.name)
  const objective = () => {
    const value = f()
    if (value instanceof tf.Tensor) refuseForeign(tf, value, 'the value of the objective')
    return value
  }
  try {
    // Without any variable, tfjs does not come to call f, and only its value tells of another copy.
    if (!varList && !Object.keys(tf.engine().registeredVariables).length) tf.tidy(objective)
    return variableGrads(objective, varList)
  } catch (error) {
    throw explained(error)
  }
}

/** The kernels of gradients that backends lack, by what needs them. */
const layers: Readonly<Record<string, string>> = {
  UnsortedSegmentSum: 'embeddings (tf.gather)',
  Conv2DBackpropFilter: 'convolutions',
  Conv2DBackpropInput: 'convolutions',
  DepthwiseConv2dNativeBackpropFilter: 'depthwise convolutions',
  DepthwiseConv2dNativeBackpropInput: 'depthwise convolutions',
}

function explained(error: unknown): unknown {
  const message = error instanceof Error ? error.message : ''
  const [, kernel, backend] =
    /^Kernel '(\w+)' not registered for backend '(\w+)'/.exec(message) ?? []
  if (kernel) {
    const what = layers[kernel] ? ` The gradient of ${layers[kernel]} needs it.` : ''
    const text = `tfjs's ${backend} backend has no kernel ${kernel}.${what} Train on another one: await tf.setBackend('cpu'), 'webgl' or 'webgpu'.`
    return new FreestepError('tfjs', 'unsupported', text, { cause: error })
  }
  const [, missing] = /gradient function not found for (\w+)/.exec(message) ?? []
  if (!missing) return error
  const text =
    `tfjs has no gradient for ${missing} here. Import '@tensorflow/tfjs' or '@tensorflow/tfjs-layers', which register gradients; ` +
    'in Node, @tensorflow/tfjs-core alone comes without them.'
  return new FreestepError('tfjs', 'unsupported', text, { cause: error })
}
