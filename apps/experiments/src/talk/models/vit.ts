// A vision transformer: an image as a row of patches, the mean of all places at the end.
import * as tf from '@tensorflow/tfjs-core'
import type { Classifier } from './images.ts'
import { dense, denseParams } from './layers.ts'
import { blockParams, blocks, type Shape } from './transformer.ts'

/**
 * Patches of `patch` × `patch` pixels, around images that get a rim of `rim`; the length of the
 * shape is the number of patches.
 */
export function vit(patch: number, rim: number, shape: Shape): Classifier {
  const { length, width } = shape
  return {
    params: (draw, _size, classes) => ({
      ...denseParams(draw, 'patches', patch * patch, width),
      places: draw([1, length, width], 0.5),
      ...blockParams(draw, shape),
      ...denseParams(draw, 'out', width, classes),
    }),
    logits(params, bare) {
      const images = tf.pad(bare, [
        [0, 0],
        [rim, rim],
        [rim, rim],
        [0, 0],
      ])
      const [n, height, across] = images.shape
      const cut = tf.reshape(images, [n, height / patch, patch, across / patch, patch])
      const patches = tf.reshape(tf.transpose(cut, [0, 1, 3, 2, 4]), [n * length, patch * patch])
      const placed = tf.add(
        tf.reshape(dense(params, 'patches', patches), [n, length, width]),
        params.places,
      )
      const seen = blocks(params, tf.reshape(placed, [-1, width]), shape)
      return dense(params, 'out', tf.mean(tf.reshape(seen, [n, length, width]), 1))
    },
  }
}
