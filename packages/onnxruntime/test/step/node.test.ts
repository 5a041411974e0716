/** The kit, on onnxruntime-node. */
import { type Dtype, testBackend } from '@freestep/conformance'
import * as ort from 'onnxruntime-node'
import type { OrtTensor } from '../../src/ort.ts'
import { onnxruntime } from '../../src/step/index.ts'

testBackend<OrtTensor, Promise<void>>('onnxruntime-node', () => onnxruntime({ ort, sessionOptions: { intraOpNumThreads: 1 } }), {
  dtypes: ['float32', 'float64'],
  tensor: (numbers: readonly number[], shape: readonly number[], dtype: Dtype) =>
    dtype === 'float32'
      ? new ort.Tensor('float32', Float32Array.from(numbers), shape)
      : new ort.Tensor('float64', Float64Array.from(numbers), shape),
  read: (tensor) => tensor.data as Float32Array,
  manyTensors: 100,
})
