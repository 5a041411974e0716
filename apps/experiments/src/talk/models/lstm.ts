// A language model of one LSTM layer (Hochreiter, Schmidhuber 1997) over characters, unrolled.
import * as tf from '@tensorflow/tfjs-core'
import { type Draw, dense, denseParams, type Params } from './layers.ts'

/**
 * The parameters; the gates stand side by side: input, forget, output, candidate. Forget gates
 * begin open.
 */
export function lstmParams(draw: Draw, symbols: number, width: number): Params {
  const bias = tf.tidy(() =>
    tf.concat([tf.zeros([width]), tf.ones([width]), tf.zeros([2 * width])]),
  )
  return {
    'in.w': draw([symbols, 4 * width], 1 / Math.sqrt(width)),
    'in.b': bias,
    hidden: draw([width, 4 * width], 1 / Math.sqrt(width)),
    ...denseParams(draw, 'out', width, symbols),
  }
}

/**
 * Scores of the next symbol [length · n, symbols], times first, for one-hot symbols [length · n,
 * symbols].
 */
export function lstm(params: Params, oneHot: tf.Tensor2D, length: number): tf.Tensor2D {
  const n = oneHot.shape[0] / length
  const width = params.hidden.shape[0]
  const inputs = Array.from({ length }, (_, t) =>
    dense(params, 'in', tf.slice(oneHot, [t * n, 0], [n, oneHot.shape[1]])),
  )
  let h: tf.Tensor2D = tf.zeros([n, width])
  let c: tf.Tensor2D = tf.zeros([n, width])
  const outputs = inputs.map((input) => {
    const gates = tf.add(input, tf.matMul(h, params.hidden as tf.Tensor2D))
    const [i, f, o, candidate] = [0, 1, 2, 3].map((gate) => {
      const part = tf.slice(gates, [0, gate * width], [n, width])
      return gate < 3 ? tf.sigmoid(part) : tf.tanh(part)
    })
    c = tf.add(tf.mul(f, c), tf.mul(i, candidate))
    h = tf.mul(o, tf.tanh(c))
    return h
  })
  return dense(params, 'out', tf.concat(outputs))
}
