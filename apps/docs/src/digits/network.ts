/**
 * A perceptron with one hidden layer in TensorFlow.js, with its gradient written out, so that both
 * racers are trained by the same few products. Not the optimizers.
 *
 *     h = max(x W₁ + b₁, 0),  p = softmax(h W₂ + b₂),  loss = −mean log p[label]
 *     δ₂ = (p − y) / n,  δ₁ = (δ₂ W₂ᵀ) [h > 0],  ∇Wᵢ = inputᵢᵀ δᵢ,  ∇bᵢ = Σ δᵢ
 */
import type { NamedTensor } from '@freestep/tfjs'
import * as tf from '@tensorflow/tfjs-core'

const names = ['W1', 'b1', 'W2', 'b2'] as const
type Weights = Record<(typeof names)[number], tf.Variable<tf.Rank.R2>>

/** Numbers in [0, 1) that are the same every time: mulberry32. */
export function uniform(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** The network. */
export class Perceptron {
  private readonly weights: Weights

  /** Weights that depend on the seed alone; `name` makes the names of the variables unique. */
  constructor(
    name: string,
    [inputs, hidden, outputs]: readonly [number, number, number],
    seed = 1,
  ) {
    const random = uniform(seed)
    const matrix = (rows: number, columns: number) => {
      const numbers = Float32Array.from(
        { length: rows * columns },
        () => (2 * random() - 1) * Math.sqrt(6 / rows),
      )
      return tf.tensor2d(numbers, [rows, columns])
    }
    const first: Record<keyof Weights, tf.Tensor2D> = {
      W1: matrix(inputs, hidden),
      b1: tf.zeros([1, hidden]),
      W2: matrix(hidden, outputs),
      b2: tf.zeros([1, outputs]),
    }
    const variables = names.map((each) => [each, tf.variable(first[each], true, `${name}/${each}`)])
    this.weights = Object.fromEntries(variables) as Weights
    tf.dispose(first)
  }

  /**
   * The loss on a batch, and its gradient by the names of the variables: tensors of the tidy that
   * this is called in.
   */
  gradient(
    x: tf.Tensor2D,
    y: tf.Tensor2D,
  ): { readonly loss: tf.Scalar; readonly gradients: NamedTensor[] } {
    const { W2 } = this.weights
    const { h, z } = this.forward(x)
    const loss = tf.neg(tf.mean(tf.sum(tf.mul(y, tf.logSoftmax(z)), 1))) as tf.Scalar
    const delta2 = tf.div(tf.sub(tf.softmax(z), y), x.shape[0]) as tf.Tensor2D
    const delta1 = tf.mul(tf.matMul(delta2, tf.transpose(W2)), tf.step(h)) as tf.Tensor2D
    // Transposing first: the wasm backend is slow at products that are asked to transpose.
    const gradients = {
      W1: tf.matMul(tf.transpose(x), delta1),
      b1: tf.sum(delta1, 0, true),
      W2: tf.matMul(tf.transpose(h), delta2),
      b2: tf.sum(delta2, 0, true),
    }
    return {
      loss,
      gradients: names.map((each) => ({ name: this.weights[each].name, tensor: gradients[each] })),
    }
  }

  /** The class that it takes each row for: the caller's to dispose. */
  readings(x: tf.Tensor2D): tf.Tensor1D {
    return tf.tidy(() => tf.argMax(this.forward(x).z, 1) as tf.Tensor1D)
  }

  /** Frees the variables. */
  dispose(): void {
    tf.dispose(Object.values(this.weights))
  }

  private forward(x: tf.Tensor2D): { readonly h: tf.Tensor2D; readonly z: tf.Tensor2D } {
    const { W1, b1, W2, b2 } = this.weights
    const h = tf.relu(tf.add(tf.matMul(x, W1), b1)) as tf.Tensor2D
    return { h, z: tf.add(tf.matMul(h, W2), b2) as tf.Tensor2D }
  }
}
