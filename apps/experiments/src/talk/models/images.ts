// The convolutional classifiers: one in the manner of VGG, and a small residual network with batch
// normalization.
import * as tf from '@tensorflow/tfjs-core'
import {
  batchNorm,
  conv,
  convParams,
  type Draw,
  dense,
  denseParams,
  normParams,
  type Params,
  pooled,
} from './layers.ts'

/** A classifier of images [n, size, size, 1]. */
export interface Classifier {
  params(draw: Draw, size: number, classes: number): Params
  logits(params: Params, images: tf.Tensor4D): tf.Tensor2D
}

const VGG = [8, 16]
const HIDDEN = 64

/** Two blocks of two convolutions and a pooling, then two dense layers. */
export const vgg: Classifier = {
  params(draw, size, classes) {
    const last = Math.floor(size / 4) ** 2 * VGG[1]
    const blocks = VGG.map((channels, i) => ({
      ...convParams(draw, `${i}.a`, i === 0 ? 1 : VGG[i - 1], channels),
      ...convParams(draw, `${i}.b`, channels, channels),
    }))
    return {
      ...Object.assign({}, ...blocks),
      ...denseParams(draw, 'hidden', last, HIDDEN, 2),
      ...denseParams(draw, 'out', HIDDEN, classes),
    }
  },
  logits(params, images) {
    const features = VGG.reduce((x, _, i) => {
      const once = tf.relu(conv(params, `${i}.a`, x))
      return pooled(tf.relu(conv(params, `${i}.b`, once)))
    }, images)
    const flat = tf.reshape(features, [images.shape[0], -1])
    return dense(params, 'out', tf.relu(dense(params, 'hidden', flat)))
  },
}

const RESNET = 12
const BLOCKS = 2

/**
 * A convolution, residual blocks of two convolutions each with a pooling after the first, and the
 * mean over all places.
 */
export const resnet: Classifier = {
  params(draw, _size, classes) {
    const blocks = Array.from({ length: BLOCKS }, (_, i) => ({
      ...convParams(draw, `${i}.a`, RESNET, RESNET),
      ...normParams(`${i}.a`, RESNET),
      ...convParams(draw, `${i}.b`, RESNET, RESNET),
      ...normParams(`${i}.b`, RESNET),
    }))
    const first = { ...convParams(draw, 'first', 1, RESNET), ...normParams('first', RESNET) }
    return { ...Object.assign({}, first, ...blocks), ...denseParams(draw, 'out', RESNET, classes) }
  },
  logits(params, images) {
    const layer = (name: string, x: tf.Tensor4D) => batchNorm(params, name, conv(params, name, x))
    let x = pooled(tf.relu(layer('first', images)))
    for (let i = 0; i < BLOCKS; i++)
      x = tf.relu(tf.add(x, layer(`${i}.b`, tf.relu(layer(`${i}.a`, x)))))
    return dense(params, 'out', tf.mean(x, [1, 2]))
  },
}
