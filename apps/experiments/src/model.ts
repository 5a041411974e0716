// The two models that are trained: softmax regression, and a perceptron with one hidden layer. Plain tensors and
// variables, so that the optimizer is the only moving part.
import * as tf from '@tensorflow/tfjs-core'

/** `logistic`: no hidden layer. `mlp`: one hidden layer of rectified linear units. */
export const MODELS = ['mlp', 'logistic'] as const
export type ModelKind = (typeof MODELS)[number]

const HIDDEN = 256

/** A classifier and its trainable variables. */
export interface Model {
  readonly variables: tf.Variable[]
  /** Scores [rows, classes] of a batch [rows, features]. */
  logits(x: tf.Tensor2D): tf.Tensor2D
  dispose(): void
}

/** The widths of a model's layers, input and output included. */
export function layerSizes(kind: ModelKind, features: number, classes: number): number[] {
  return kind === 'mlp' ? [features, HIDDEN, classes] : [features, classes]
}

/**
 * A new model. Weights are normal with variance 2 / inputs (K. He et al. 2015), drawn from the seed; biases, and the
 * weights of logistic regression, which is convex, begin at zero.
 */
export function createModel(kind: ModelKind, features: number, classes: number, seed: number): Model {
  const sizes = layerSizes(kind, features, classes)
  const layers = sizes.slice(1).map((outputs, layer) => {
    const inputs = sizes[layer]!
    const deviation = Math.sqrt(2 / inputs)
    // Seeds of neighbouring runs and layers must not meet; 0 would mean "unseeded" to tfjs.
    const draw = () => tf.randomNormal<tf.Rank.R2>([inputs, outputs], 0, deviation, 'float32', 1 + layer + 10 * seed)
    return tf.tidy(() => ({
      weights: tf.variable(kind === 'mlp' ? draw() : tf.zeros<tf.Rank.R2>([inputs, outputs])),
      bias: tf.variable(tf.zeros<tf.Rank.R1>([outputs])),
    }))
  })
  const variables = layers.flatMap(({ weights, bias }): tf.Variable[] => [weights, bias])
  return {
    variables,
    logits: (x) =>
      layers.reduce<tf.Tensor2D>((input, { weights, bias }, layer) => {
        const sum = tf.add<tf.Tensor2D>(tf.matMul(input, weights), bias)
        return layer < layers.length - 1 ? tf.relu(sum) : sum
      }, x),
    dispose: () => tf.dispose(variables),
  }
}
