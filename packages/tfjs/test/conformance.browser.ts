/** The kit of all backends, on the webgpu backend of tfjs. */
import '@tensorflow/tfjs-backend-webgpu'
import * as tf from '@tensorflow/tfjs-core'
import { testOn } from './kit.ts'

const start = async () => {
  await tf.setBackend('webgpu')
}
declare global {
  interface ImportMeta {
    readonly env: Readonly<Record<string, string>>
  }
}

/** With FREESTEP_THOROUGH=1 nothing is left out. */
const briefly = (leaveOut: Record<string, string>) =>
  import.meta.env.FREESTEP_THOROUGH ? {} : leaveOut
const kernels = 'the kernels are those of @freestep/webgpu, whose own kit has these'
const reason =
  'eager steps are the same code on every backend but for what operations and sums do, and take long here'

testOn(
  'webgpu',
  true,
  start,
  briefly(
    Object.fromEntries(
      ['trajectories', 'moved', 'range', 'compare', 'cutting'].map((layer) => [layer, kernels]),
    ),
  ),
)
testOn(
  'webgpu',
  false,
  start,
  briefly(
    Object.fromEntries(
      ['trajectories', 'contract', 'moved', 'range', 'compare'].map((layer) => [layer, reason]),
    ),
  ),
)
