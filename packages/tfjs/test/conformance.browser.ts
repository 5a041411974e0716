/** The kit of all backends, on the webgpu backend of tfjs: fused; and eager as far as it is not what it is in Node, and takes long here. */
import '@tensorflow/tfjs-backend-webgpu'
import * as tf from '@tensorflow/tfjs-core'
import { testOn } from './kit.ts'

const start = async () => {
  await tf.setBackend('webgpu')
}
testOn('webgpu', true, start)
