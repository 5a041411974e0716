/** The kit, on onnxruntime-node. */
import { testBackend } from '@freestep/conformance'
import * as ort from 'onnxruntime-node'
import type { OrtTensor } from '../../src/ort.ts'
import { onnxruntime } from '../../src/step/index.ts'
import { tensorsOf } from './tensors.ts'

testBackend<OrtTensor, Promise<void>>(
  'onnxruntime-node',
  () => onnxruntime({ ort, sessionOptions: { intraOpNumThreads: 1 } }),
  {
    ...tensorsOf(ort),
    dtypes: ['float64', 'float32'],
    manyTensors: 100,
  },
)
