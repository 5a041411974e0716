// The two models that are trained: linear (softmax) regression, and a perceptron with one hidden
// layer. Plain tensors and variables, so that the optimizer is the only moving part.
import * as tf from '@tensorflow/tfjs-core'

/** `logistic`: no hidden layer. `mlp`: one hidden layer of rectified linear units. */
export const MODELS = ['mlp', 'logistic'] as const
export type ModelKind = (typeof MODELS)[number]

const HIDDEN = 256

/** A model and its trainable variables. */
export interface Model {
  readonly variables: tf.Variable[]
  /** What it gives, [rows, outputs], for a batch [rows, features]. */
  outputs(x: tf.Tensor2D): tf.Tensor2D
  dispose(): void
}

/** The widths of a model's layers, input and output included. */
export function layerSizes(kind: ModelKind, features: number, outputs: number): number[] {
  return kind === 'mlp' ? [features, HIDDEN, outputs] : [features, outputs]
}

/**
 * A new model. Weights are normal with variance 2 / inputs (K. He et al. 2015), drawn from the
 * seed; biases, and the weights of logistic regression, which is convex, begin at zero.
 */
export function createModel(
  kind: ModelKind,
  features: number,
  outputs: number,
  seed: number,
): Model {
  const sizes = layerSizes(kind, features, outputs)
  const layers = sizes.slice(1).map((width, layer) => {
    const inputs = sizes[layer]!
    const deviation = Math.sqrt(2 / inputs)
    // Seeds of neighbouring runs and layers must not meet; 0 would mean "unseeded" to tfjs.
    const draw = () =>
      tf.randomNormal<tf.Rank.R2>([inputs, width], 0, deviation, 'float32', 1 + layer + 10 * seed)
    return tf.tidy(() => ({
      weights: tf.variable(kind === 'mlp' ? draw() : tf.zeros<tf.Rank.R2>([inputs, width])),
      bias: tf.variable(tf.zeros<tf.Rank.R1>([width])),
    }))
  })
  const variables = layers.flatMap(({ weights, bias }): tf.Variable[] => [weights, bias])
  return {
    variables,
    outputs: (x) =>
      layers.reduce<tf.Tensor2D>((input, { weights, bias }, layer) => {
        const sum = tf.add<tf.Tensor2D>(tf.matMul(input, weights), bias)
        return layer < layers.length - 1 ? tf.relu(sum) : sum
      }, x),
    dispose: () => tf.dispose(variables),
  }
}
