/** The kit of all backends, on the webgpu backend of tfjs. */
import '@tensorflow/tfjs-backend-webgpu'
import * as tf from '@tensorflow/tfjs-core'
import { testOn } from './kit.ts'

const start = async () => {
  await tf.setBackend('webgpu')
}
for (const fused of [true]) testOn('webgpu', fused, start)
