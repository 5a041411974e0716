// The layers that the models of the talk are made of, as functions of tensors, and their initial
// weights. Plain tensors, so that a model is a function of its parameters, be they the variables in
// training or the averages to evaluate at.
import * as tf from '@tensorflow/tfjs-core'

/** A model's parameters by name. */
export type Params = Readonly<Record<string, tf.Tensor>>

/** Draws initial weights; every call of one stream gives others. */
export type Draw = (shape: readonly number[], deviation: number) => tf.Tensor

/** A stream of initial weights from a seed. */
export function weights(seed: number): Draw {
  let count = 0
  // Seeds of neighbouring runs must not meet; 0 would mean "unseeded" to tfjs.
  return (shape, deviation) =>
    tf.randomNormal([...shape], 0, deviation, 'float32', 1 + count++ + 1000 * seed)
}

/** Parameters of a dense layer: normal with variance gain / inputs, and biases of zero. */
export const denseParams = (
  draw: Draw,
  name: string,
  inputs: number,
  outputs: number,
  gain = 1,
): Params => ({
  [`${name}.w`]: draw([inputs, outputs], Math.sqrt(gain / inputs)),
  [`${name}.b`]: tf.zeros([outputs]),
})

/** x W + b for rows x [rows, inputs]. */
export const dense = (params: Params, name: string, x: tf.Tensor): tf.Tensor2D =>
  tf.add(tf.matMul(x as tf.Tensor2D, params[`${name}.w`] as tf.Tensor2D), params[`${name}.b`])

/** Parameters of a 3 × 3 convolution. */
export const convParams = (
  draw: Draw,
  name: string,
  inputs: number,
  outputs: number,
  gain = 2,
): Params => ({
  [`${name}.w`]: draw([3, 3, inputs, outputs], Math.sqrt(gain / (9 * inputs))),
  [`${name}.b`]: tf.zeros([outputs]),
})

/** 3 × 3 convolution of images x [n, height, width, channels], the size kept. */
export const conv = (params: Params, name: string, x: tf.Tensor4D): tf.Tensor4D =>
  tf.add(convolve(x, params[`${name}.w`] as tf.Tensor4D), params[`${name}.b`])

/** The filter turned by 180 degrees, inputs and outputs exchanged. */
const turned = (w: tf.Tensor4D): tf.Tensor4D => tf.transpose(tf.reverse(w, [0, 1]), [0, 1, 3, 2])

/**
 * Convolution whose gradients are convolutions, too: that for the image with the turned filter,
 * that for the filter with the batch in the place of the channels. The wasm backend has no kernel
 * for the second and a slow one for the first: at 28 × 28, 8 to 16 channels, batch 32, they take 6
 * and 5 ms so, where tfjs's own way takes 62 and a matrix product of patches 46 (measured). Images
 * must be square: a filter higher than wide, which the gradient of one would then be, makes the
 * wasm backend of tfjs 4.22 write beyond its memory.
 */
const convolve = tf.customGrad((x, w, save) => {
  const [image, filter] = [x as tf.Tensor4D, w as tf.Tensor4D]
  if (image.shape[1] !== image.shape[2])
    throw new Error(`convolve: the images are ${image.shape[1]} × ${image.shape[2]}, not square`)
  ;(save as tf.GradSaveFunc)([image, filter])
  return {
    value: tf.conv2d(image, filter, 1, 'same'),
    gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [x, w, d] = [...saved, dy] as tf.Tensor4D[]
      const byBatch = tf.conv2d(
        tf.transpose(x, [3, 1, 2, 0]),
        tf.transpose(d, [1, 2, 0, 3]),
        1,
        (w.shape[0] - 1) / 2,
      )
      return [tf.conv2d(d, turned(w), 1, 'same'), tf.transpose(byBatch, [1, 2, 0, 3])]
    },
  }
}) as (x: tf.Tensor4D, w: tf.Tensor4D) => tf.Tensor4D

/**
 * The products of matrices a [n, p, q] and b [n, q, r], with gradients whose transpositions come
 * before the product, as those of plain matrices have them in backend.ts: only so does the wasm
 * backend take its fast road.
 */
export const products = tf.customGrad((a, b, save) => {
  ;(save as tf.GradSaveFunc)([a as tf.Tensor, b as tf.Tensor])
  return {
    value: tf.matMul(a as tf.Tensor3D, b as tf.Tensor3D),
    gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [a, b, d] = [...saved, dy] as tf.Tensor3D[]
      return [tf.matMul(d, transposed(b)), tf.matMul(transposed(a), d)]
    },
  }
}) as (a: tf.Tensor3D, b: tf.Tensor3D) => tf.Tensor3D

/** Each of the matrices transposed. */
export const transposed = (a: tf.Tensor3D): tf.Tensor3D => tf.transpose(a, [0, 2, 1])

/** Parameters of a layer normalization. */
export const normParams = (name: string, width: number): Params => ({
  [`${name}.scale`]: tf.ones([width]),
  [`${name}.shift`]: tf.zeros([width]),
})

const EPS = 1e-5

/** Layer normalization of rows [rows, width]. */
export function layerNorm(params: Params, name: string, x: tf.Tensor): tf.Tensor {
  const centred = tf.sub(x, tf.mean(x, -1, true))
  const variance = tf.mean(tf.square(centred), -1, true)
  return tf.add(
    tf.mul(tf.mul(centred, tf.rsqrt(tf.add(variance, EPS))), params[`${name}.scale`]),
    params[`${name}.shift`],
  )
}

/**
 * Normalization of every channel over the batch and all places; at a test, over the batch of the
 * test.
 */
export function batchNorm(params: Params, name: string, x: tf.Tensor4D): tf.Tensor4D {
  const rows = tf.reshape(x, [-1, x.shape[3]])
  const centred = tf.sub(rows, tf.mean(rows, 0))
  const variance = tf.mean(tf.square(centred), 0)
  const scaled = tf.mul(centred, tf.mul(tf.rsqrt(tf.add(variance, EPS)), params[`${name}.scale`]))
  return tf.reshape(tf.add(scaled, params[`${name}.shift`]), x.shape)
}

/** Halves height and width by the largest of each four. */
export const pooled = (x: tf.Tensor4D): tf.Tensor4D => tf.maxPool(x, 2, 2, 'valid')

/** The Gaussian error unit x Φ(x), by its usual approximation with a sigmoid. */
export const gelu = (x: tf.Tensor): tf.Tensor => tf.mul(x, tf.sigmoid(tf.mul(1.702, x)))
