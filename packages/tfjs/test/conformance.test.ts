/** The kit of all backends, on every tfjs backend that runs here. */
import { testBackend } from '@freestep/conformance'
import * as tf from '@tensorflow/tfjs-core'
import { tfjs } from '../src/index.ts'
import { absent, start } from './backends.ts'

for (const [backend, reason] of Object.entries(absent))
  testBackend<tf.Tensor>(
    `tfjs on ${backend}`,
    async () => {
      await start(backend)
      return tfjs()
    },
    {
      absent: reason,
      tensor: (numbers, shape) => tf.tidy(() => tf.variable(tf.tensor([...numbers], [...shape], 'float32'), false)),
      read: (tensor) => tensor.dataSync(),
      dispose: (tensor) => tensor.dispose(),
      manyTensors: 200,
      tolerances: {
        sps: { relative: 1e-3, reason: 'scalars are float32 on the device, so f − f* near the end has few digits' },
        dadaptAdam: { relative: 1e-3, reason: 'scalars are float32 on the device; the preprint subtracts nearly equal sums' },
        'dadapt_adagrad/public/015': {
          relative: 2e-4,
          reason: 'sums are float32 on wasm; the first growth of d keeps their error',
        },
      },
    },
  )
