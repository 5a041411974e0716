/** The kit of all backends, for tfjs on one of its own. Not a test. */
import { testBackend } from '@freestep/conformance'
import * as tf from '@tensorflow/tfjs-core'
import { tfjs } from '../src/index.ts'

/**
 * Registers it; `start` makes the tfjs backend the active one, `leaveOut` is the kit's own option.
 */
export function testOn(
  backend: string,
  fused: boolean,
  start: () => Promise<void>,
  leaveOut: Record<string, string> = {},
): void {
  const onDevice = {
    sps: {
      relative: 1e-3,
      reason: 'scalars are float32 on the device, so f − f* near the end has few digits',
    },
    dadaptAdam: {
      relative: 1e-3,
      reason: 'scalars are float32 on the device; the preprint subtracts nearly equal sums',
    },
    dadaptAdan: {
      relative: 1e-3,
      reason: 'scalars are float32 on the device; the first d̂ is a difference of equal sums',
    },
    'dadapt_adagrad/public/015': {
      relative: 2e-4,
      reason: 'sums are float32 on wasm; the first growth of d keeps their error',
    },
  }
  const pow = {
    relative: 1e-5,
    reason: 'the pow of WGSL, which tfjs takes as it is, goes through logarithms',
  }
  const eagerly = { ...onDevice, ...(backend === 'webgpu' && { pow, 'pow below 1': pow }) }
  testBackend<tf.Tensor>(
    `tfjs on ${backend}, ${fused ? 'fused' : 'eager'}`,
    async () => {
      await start()
      return tfjs({ fused })
    },
    {
      tensor: (numbers, shape) =>
        tf.tidy(() => tf.variable(tf.tensor([...numbers], [...shape], 'float32'), false)),
      read: (tensor) => tensor.data<'float32'>(),
      dispose: (tensor) => tensor.dispose(),
      manyTensors: 200,
      doubles: fused && backend !== 'webgpu',
      leaveOut,
      tolerances: !fused ? eagerly : backend === 'webgpu' ? onDevice : {},
    },
  )
}
