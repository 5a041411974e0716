/** The kit of all backends, on the webgpu backend of tfjs. */
import '@tensorflow/tfjs-backend-webgpu'
import * as tf from '@tensorflow/tfjs-core'
import { testOn } from './kit.ts'

const start = async () => {
  await tf.setBackend('webgpu')
}
const reason = 'eager steps are the same code on every backend but for what operations and sums do; the rest takes long here'

testOn('webgpu', true, start)
testOn('webgpu', false, start, { trajectories: reason, contract: reason, moved: reason })
