// MNIST at half its size, 14 × 14, as classes for networks: images whose pixels are means of four,
// around 0.
import * as tf from '@tensorflow/tfjs-core'
import { loadMnist } from '../../data/mnist.ts'
import type { Rows } from '../../data/rows.ts'
import { batchAt } from '../../random.ts'
import type { Params } from '../models/layers.ts'
import { crossEntropy, errorRate, type Network } from './network.ts'

/** Height and width. */
export const SIZE = 14
/** Number of digits. */
export const CLASSES = 10
const FULL = 28
/** The mean of all pixels and their deviation, of the training images at this size. */
const [MEAN, DEVIATION] = [0.13, 0.29]

/** Images [count, SIZE, SIZE] in one array, and their digits. */
export interface Digits {
  readonly pixels: Float32Array
  readonly labels: Int32Array
}

/** So many training images, and test images. */
export async function loadDigits(count: {
  train: number
  test: number
}): Promise<{ train: Digits; test: Digits; notes: readonly string[] }> {
  const { train, test, notes } = await loadMnist()
  return { train: halved(train, count.train), test: halved(test, count.test), notes }
}

function halved(rows: Rows, wanted: number): Digits {
  const count = Math.min(wanted, rows.count)
  const pixels = new Float32Array(count * SIZE * SIZE)
  const image = new Float32Array(FULL * FULL)
  for (let i = 0; i < count; i++) {
    rows.copy(i, image, 0)
    for (let at = 0; at < SIZE * SIZE; at++) {
      const corner = 2 * Math.floor(at / SIZE) * FULL + 2 * (at % SIZE)
      const mean =
        (image[corner] + image[corner + 1] + image[corner + FULL] + image[corner + FULL + 1]) / 4
      pixels[i * SIZE * SIZE + at] = (mean - MEAN) / DEVIATION
    }
  }
  return { pixels, labels: Int32Array.from(rows.targets.subarray(0, count)) }
}

/**
 * A classifier of these images as a network: cross-entropy on batches, and the error on the test
 * images, in percent.
 */
export function digitsNetwork(
  model: { params: Network['params']; logits(params: Params, images: tf.Tensor4D): tf.Tensor2D },
  { train, test }: { train: Digits; test: Digits },
  { batch, seed }: { batch: number; seed: number },
): Network {
  const { params, logits } = model
  return {
    params,
    loss(weights, k) {
      const rows = batchAt(train.labels.length, batch, seed, k)
      const size = SIZE * SIZE
      const pixels = new Float32Array(batch * size)
      for (const [i, row] of rows.entries())
        pixels.set(train.pixels.subarray(row * size, (row + 1) * size), i * size)
      return crossEntropy(
        rows.map((row) => train.labels[row]),
        logits(weights, tf.tensor4d(pixels, [batch, SIZE, SIZE, 1])),
      )
    },
    test(weights) {
      const count = test.labels.length
      const chunk = 500
      let wrong = 0
      for (let at = 0; at < count; at += chunk) {
        const labels = test.labels.subarray(at, at + chunk)
        const pixels = test.pixels.subarray(at * SIZE * SIZE, (at + chunk) * SIZE * SIZE)
        wrong +=
          tf.tidy(() =>
            errorRate(labels, logits(weights, tf.tensor4d(pixels, [labels.length, SIZE, SIZE, 1]))),
          ) * labels.length
      }
      return { error: (100 * wrong) / count }
    },
  }
}
