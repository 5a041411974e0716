import { prodigy } from '@freestep/tfjs'
import * as tf from '@tensorflow/tfjs'

const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [1] })] })
model.compile({ optimizer: prodigy(), loss: 'meanSquaredError' })
await model.fit(tf.tensor2d([[1], [2]]), tf.tensor2d([[1], [3]]), { epochs: 300, verbose: 0 })
const [w, b] = model.getWeights().map((each) => each.dataSync()[0].toFixed(1))
console.log(w, b) // 2.0 -1.0
