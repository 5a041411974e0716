// A small U-Net (Ronneberger, Fischer, Brox 2015) that adds a correction to an image. Its units
// leak, as those of the fastMRI U-Net do: with plain ones so narrow a network often ends with all
// of a layer dead.
import * as tf from '@tensorflow/tfjs-core'
import { conv, convParams, type Draw, type Params, pooled } from './layers.ts'

const [OUTER, INNER] = [8, 16]

/**
 * Its parameters: two convolutions down, two at the bottom, two up. The last begins at zero: no
 * correction.
 */
export const unetParams = (draw: Draw): Params => ({
  ...convParams(draw, 'down.a', 1, OUTER),
  ...convParams(draw, 'down.b', OUTER, OUTER),
  ...convParams(draw, 'bottom.a', OUTER, INNER),
  ...convParams(draw, 'bottom.b', INNER, INNER),
  ...convParams(draw, 'up.a', OUTER + INNER, OUTER),
  ...convParams(draw, 'up.b', OUTER, 1, 0.01),
})

/** The corrected images [n, size, size, 1]. */
export function unet(params: Params, images: tf.Tensor4D): tf.Tensor4D {
  const layer = (name: string, x: tf.Tensor4D) => tf.leakyRelu(conv(params, name, x), 0.2)
  const outer = layer('down.b', layer('down.a', images))
  const inner = layer('bottom.b', layer('bottom.a', pooled(outer)))
  const [, height, width] = outer.shape
  const joined = tf.concat([outer, tf.image.resizeNearestNeighbor(inner, [height, width])], 3)
  return tf.add(images, conv(params, 'up.b', layer('up.a', joined)))
}
