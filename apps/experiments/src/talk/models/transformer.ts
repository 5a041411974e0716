// A transformer with normalization before each part: the body of the language model and of the vision transformer.
import * as tf from '@tensorflow/tfjs-core'
import { type Draw, dense, denseParams, gelu, layerNorm, normParams, type Params } from './layers.ts'

/** Its sizes. */
export interface Shape {
  readonly length: number
  readonly width: number
  readonly heads: number
  readonly blocks: number
}

/** The parameters of the blocks and of the normalization after them. */
export function blockParams(draw: Draw, { width, blocks }: Shape): Params {
  const all = Array.from({ length: blocks }, (_, i) => ({
    ...normParams(`${i}.attend`, width),
    ...denseParams(draw, `${i}.qkv`, width, 3 * width),
    ...denseParams(draw, `${i}.mix`, width, width, 1 / (2 * blocks)),
    ...normParams(`${i}.think`, width),
    ...denseParams(draw, `${i}.in`, width, 4 * width),
    ...denseParams(draw, `${i}.out`, 4 * width, width, 1 / (2 * blocks)),
  }))
  return Object.assign({}, ...all, normParams('last', width))
}

/** Rows [n · length, width] through all blocks; `mask` [length, length] is added to the scores, −∞ where nothing may be seen. */
export function blocks(params: Params, rows: tf.Tensor, shape: Shape, mask?: tf.Tensor): tf.Tensor {
  let x = rows
  for (let i = 0; i < shape.blocks; i++) {
    x = tf.add(x, attention(params, i, layerNorm(params, `${i}.attend`, x), shape, mask))
    x = tf.add(x, dense(params, `${i}.out`, gelu(dense(params, `${i}.in`, layerNorm(params, `${i}.think`, x)))))
  }
  return layerNorm(params, 'last', x)
}

function attention(params: Params, i: number, x: tf.Tensor, { length, width, heads }: Shape, mask?: tf.Tensor): tf.Tensor {
  const size = width / heads
  const all = tf.reshape(dense(params, `${i}.qkv`, x), [-1, length, 3, heads, size])
  // [3, n, heads, length, size]
  const [q, k, v] = tf
    .split(tf.transpose(all, [2, 0, 3, 1, 4]), 3)
    .map((part): tf.Tensor3D => tf.reshape(part, [-1, length, size]))
  const scores = tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(size))
  const seen = tf.matMul(tf.softmax(mask ? tf.add(scores, mask) : scores) as tf.Tensor3D, v)
  const joined = tf.reshape(tf.transpose(tf.reshape(seen, [-1, heads, length, size]), [0, 2, 1, 3]), [-1, width])
  return dense(params, `${i}.mix`, joined)
}
