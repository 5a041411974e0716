import { prodigy } from '@freestep/tfjs'
import * as tf from '@tensorflow/tfjs'

const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [1] })] })
model.compile({ optimizer: prodigy(), loss: 'meanSquaredError' })
await model.fit(tf.tensor2d([[1], [2], [3]]), tf.tensor2d([[1], [3], [5]]), { epochs: 300, verbose: 0 })
model.getWeights().forEach((w) => console.log(w.dataSync()[0].toFixed(1))) // 2.0, then -1.0
