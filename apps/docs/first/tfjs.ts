import { prodigy } from '@freestep/tfjs'
import * as tf from '@tensorflow/tfjs'

const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [1] })] })
model.compile({ optimizer: prodigy(), loss: 'meanSquaredError' })
const [x, y] = [tf.tensor2d([[1], [2], [3]]), tf.tensor2d([[1], [3], [5]])]
await model.fit(x, y, { epochs: 300, verbose: 0 })
const [w, b] = model.getWeights().map((each) => each.dataSync()[0].toFixed(1))
console.log(w, b) // 2.0 -1.0
