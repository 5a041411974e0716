// A transformer with normalization before each part: the body of the language model and of the
// vision transformer.
import * as tf from '@tensorflow/tfjs-core'
import {
  type Draw,
  dense,
  denseParams,
  gelu,
  layerNorm,
  normParams,
  type Params,
  products,
  transposed,
} from './layers.ts'

/** Its sizes. */
export interface Shape {
  readonly length: number
  readonly width: number
  readonly heads: number
  readonly blocks: number
}

const PARTS = ['q', 'k', 'v'] as const

/** The parameters of the blocks and of the normalization after them. */
export function blockParams(draw: Draw, { width, heads, blocks }: Shape): Params {
  const size = width / heads
  const all = Array.from({ length: blocks }, (_, i) => [
    normParams(`${i}.attend`, width),
    ...headNames(i, heads).flatMap((head) => [
      ...PARTS.map((part) => denseParams(draw, `${head}.${part}`, width, size)),
      denseParams(draw, `${head}.mix`, size, width, 1 / (2 * blocks * heads)),
    ]),
    normParams(`${i}.think`, width),
    denseParams(draw, `${i}.in`, width, 4 * width),
    denseParams(draw, `${i}.out`, 4 * width, width, 1 / (2 * blocks)),
  ])
  return Object.assign({}, ...all.flat(), normParams('last', width))
}

const headNames = (i: number, heads: number) =>
  Array.from({ length: heads }, (_, head) => `${i}.${head}`)

/**
 * Rows [n · length, width] through all blocks; `mask` [length, length] is added to the scores, −∞
 * where nothing may be seen.
 */
export function blocks(params: Params, rows: tf.Tensor, shape: Shape, mask?: tf.Tensor): tf.Tensor {
  let x = rows
  for (let i = 0; i < shape.blocks; i++) {
    const seen = layerNorm(params, `${i}.attend`, x)
    for (const head of headNames(i, shape.heads))
      x = tf.add(x, attention(params, head, seen, shape, mask))
    x = tf.add(
      x,
      dense(params, `${i}.out`, gelu(dense(params, `${i}.in`, layerNorm(params, `${i}.think`, x)))),
    )
  }
  return layerNorm(params, 'last', x)
}

/**
 * One head. Each has weights of its own, which says the same as one matrix for all and needs no
 * exchange of axes.
 */
function attention(
  params: Params,
  head: string,
  x: tf.Tensor,
  { length, width, heads }: Shape,
  mask?: tf.Tensor,
): tf.Tensor {
  const size = width / heads
  const [q, k, v] = PARTS.map(
    (part): tf.Tensor3D => tf.reshape(dense(params, `${head}.${part}`, x), [-1, length, size]),
  )
  const scores = tf.mul(products(q, transposed(k)), 1 / Math.sqrt(size))
  const seen = products(tf.softmax(mask ? tf.add(scores, mask) : scores) as tf.Tensor3D, v)
  return dense(params, `${head}.mix`, tf.reshape(seen, [-1, size]))
}
