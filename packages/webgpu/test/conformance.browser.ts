/**
 * The kit, in a browser: on a caller's buffers, one for each tensor, and what depends on tensors
 * once more on arrays that are uploaded.
 */
import { testBackend } from '@freestep/conformance'
import { type GPUTensor, webgpu } from '../src/index.ts'
import { arrays, buffers } from './tensors.ts'

const backend = await webgpu()
const options = {
  manyTensors: 1000,
  doubles: false,
  tolerances: {
    dadaptAdam: {
      relative: 1e-3,
      reason: 'the d̂ of the preprint starts as a difference of nearly equal numbers, single here',
    },
  },
}
testBackend<GPUTensor>('webgpu, buffers', () => backend, { ...buffers(backend.device), ...options })
testBackend<GPUTensor>('webgpu, arrays', () => backend, {
  ...arrays(backend.device),
  ...options,
  leaveOut: Object.fromEntries(
    ['trajectories', 'moved', 'range', 'compare'].map((layer) => [
      layer,
      'the kernels are the same as on buffers',
    ]),
  ),
})
