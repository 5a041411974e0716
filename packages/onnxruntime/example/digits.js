/**
 * Handwritten digits in the IDX files of MNIST (Y. LeCun, C. Cortes, C. J. C. Burges), and a model from PyTorch that learns to read them,
 * on whichever ONNX Runtime it is given and without a learning rate. The same in Node (node.js) and in a page (index.html).
 */
import { createTrainer, prodigy, softmaxCrossEntropy } from '@freestep/onnxruntime'

/**
 * The images of an IDX file, a byte for each of 28 × 28 pixels, and how many there are.
 *
 * @param {Uint8Array} file
 */
export function images(file) {
  return {
    pixels: file.subarray(16),
    count: new DataView(file.buffer, file.byteOffset).getUint32(4),
  }
}

/**
 * The labels of an IDX file.
 *
 * @param {Uint8Array} file
 */
export const labels = (file) => file.subarray(8)

/** Some of the images and their labels, as the model takes them. */
function batchOf({ images: { pixels }, labels: all }, rows) {
  const image = new Float32Array(rows.length * 784)
  rows.forEach((row, i) => {
    for (let p = 0; p < 784; p++) image[784 * i + p] = pixels[784 * row + p] / 255
  })
  return { image, target: rows.map((row) => all[row]) }
}

/**
 * Trains, and gives the trained model and the part of the test images that it reads right.
 *
 * @param {object} options
 * @param {import("@freestep/onnxruntime").Ort} options.ort - onnxruntime-node, onnxruntime-web or onnxruntime-web/webgpu
 * @param {string[]} [options.executionProviders]
 * @param {object} [options.sessionOptions]
 * @param {Uint8Array} options.model - the content of digits.onnx
 * @param {{ images: { pixels: Uint8Array, count: number }, labels: Uint8Array }} options.train - images and labels to learn from
 * @param {{ images: { pixels: Uint8Array, count: number }, labels: Uint8Array }} options.test - images and labels to be examined on
 * @param {number} [options.steps]
 * @param {number} [options.size] - how many images a batch has
 * @param {(step: number, loss: number) => unknown} [options.onLoss] - what it returns is waited for
 */
export async function learn({ train, test, steps = 600, size = 100, onLoss, ...options }) {
  // Prodigy as it is for networks that start small: its first steps are not to be larger than the later ones.
  const optimizer = prodigy({ useBiasCorrection: true })
  const trainer = await createTrainer({ ...options, optimizer, loss: softmaxCrossEntropy() })
  const { count } = train.images
  for (let k = 0; k < steps; k++) {
    const read = k % 50 === 49
    const batch = batchOf(train, rowsFrom(k * size, size, count))
    const loss = await trainer.step(batch, { read })
    if (read) await onLoss?.(k + 1, loss)
  }
  const accuracy = await examine(trainer, test)
  const { d } = await trainer.scalars()
  const trained = await trainer.exportModel()
  await trainer.dispose()
  return { accuracy, d, trained }
}

/** `size` rows from a place on, around the end. MNIST comes in random order. */
const rowsFrom = (start, size, count) => Array.from({ length: size }, (_, i) => (start + i) % count)

async function examine(trainer, test) {
  let right = 0
  for (let from = 0; from < test.labels.length; from += 500) {
    const rows = rowsFrom(from, Math.min(500, test.labels.length - from), test.labels.length)
    const { outputs } = await trainer.evaluate(batchOf(test, rows))
    const logits = outputs.output.data
    rows.forEach((row, i) => {
      const own = logits.subarray(10 * i, 10 * i + 10)
      if (own.indexOf(Math.max(...own)) === test.labels[row]) right++
    })
  }
  return right / test.labels.length
}
