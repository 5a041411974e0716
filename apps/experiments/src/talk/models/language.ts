// A causal transformer as a model of text: symbols and their places in, scores of the next symbol
// out.
import * as tf from '@tensorflow/tfjs-core'
import type { LanguageModel } from '../problems/language.ts'
import { dense, denseParams } from './layers.ts'
import { blockParams, blocks, type Shape } from './transformer.ts'

/** The model, for windows of `shape.length` symbols. */
export function causalTransformer(symbols: number, shape: Shape): LanguageModel {
  const { length, width } = shape
  return {
    params: (draw) => ({
      symbols: draw([symbols, width], 1 / Math.sqrt(2)),
      places: draw([1, length, width], 1 / Math.sqrt(2)),
      ...blockParams(draw, shape),
      ...denseParams(draw, 'scores', width, symbols),
    }),
    logits(params, oneHot) {
      const embedded = tf.reshape(tf.matMul(oneHot, params.symbols as tf.Tensor2D), [
        -1,
        length,
        width,
      ])
      const rows = tf.reshape(tf.add(embedded, params.places), [-1, width])
      return dense(params, 'scores', blocks(params, rows, shape, future(length)))
    },
  }
}

/** −∞, or near enough, where a place would look ahead: [length, length]. */
function future(length: number): tf.Tensor {
  const mask = new Float32Array(length * length)
  for (let from = 0; from < length; from++)
    mask.fill(-1e9, from * length + from + 1, (from + 1) * length)
  return tf.tensor2d(mask, [length, length])
}
