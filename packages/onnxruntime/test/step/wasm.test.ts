/** The kit, on onnxruntime-web: WebAssembly, here in Node. */
import { testBackend } from '@freestep/conformance'
import * as ort from 'onnxruntime-web'
import type { OrtTensor } from '../../src/ort.ts'
import { onnxruntime } from '../../src/step/index.ts'
import { tensorsOf } from './tensors.ts'

ort.env.wasm.numThreads = 1
testBackend<OrtTensor, Promise<void>>(
  'onnxruntime-web, wasm',
  () => onnxruntime({ ort, executionProviders: ['wasm'] }),
  {
    ...tensorsOf(ort),
    manyTensors: 100,
  },
)
