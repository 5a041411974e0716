// A network of tfjs as a task: its parameters become variables, its loss on batch k gives the
// gradient of step k.
import { tfjs } from '@freestep/tfjs'
import * as tf from '@tensorflow/tfjs-core'
import type { Numbers } from '../experiment.ts'
import { type Draw, type Params, weights } from '../models/layers.ts'
import type { Task } from '../session.ts'

/** A network with its data. */
export interface Network {
  /** The initial weights. */
  params(draw: Draw): Params
  /** The loss on the batch of step k. */
  loss(params: Params, k: number): tf.Scalar
  /** What is measured at the end of training. */
  test(params: Params): Numbers
}

/** The task, with weights drawn from the seed. */
export function networkTask({ params, loss, test }: Network, seed: number): Task<tf.Tensor> {
  const variables = tf.tidy(() =>
    Object.fromEntries(
      Object.entries(params(weights(seed))).map(([name, tensor]) => [name, tf.variable(tensor)]),
    ),
  )
  const list = Object.values(variables)
  return {
    backend: tfjs(),
    params: variables,
    // One number is read back a step, the loss: on the backends of Node that costs nothing.
    step: (optimizer, k) =>
      tf.tidy(() => {
        const { value, grads } = tf.variableGrads(() => loss(variables, k), list)
        const gradients = Object.entries(variables).map(([name, variable]) => [
          name,
          grads[variable.name],
        ])
        optimizer.step(Object.fromEntries(gradients), { loss: value })
        return value.dataSync()[0]
      }),
    measure({ optimizer, last }) {
      if (!last) return {}
      const point = optimizer.evaluated()
      try {
        return tf.tidy(() => test(point))
      } finally {
        for (const [name, tensor] of Object.entries(point))
          if (tensor !== variables[name]) tensor.dispose()
      }
    },
    dispose: () => tf.dispose(list),
  }
}

/** Cross-entropy of scores [rows, classes], in nats, the mean over the rows. */
export function crossEntropy(labels: ArrayLike<number>, logits: tf.Tensor2D): tf.Scalar {
  const targets = tf.oneHot(tf.tensor1d(Int32Array.from(labels), 'int32'), logits.shape[1])
  return tf.losses.softmaxCrossEntropy<tf.Tensor, tf.Scalar>(targets, logits)
}

/** The share of rows whose highest score is not that of their class. */
export function errorRate(labels: ArrayLike<number>, logits: tf.Tensor2D): number {
  const found = tf.argMax(logits, 1).dataSync<'int32'>()
  return found.reduce((wrong, each, i) => wrong + (each === labels[i] ? 0 : 1), 0) / found.length
}
