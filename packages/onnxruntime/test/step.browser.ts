/**
 * The kit, on onnxruntime-web in a browser: WebGPU, and WebAssembly as far as a browser could make
 * a difference.
 */
import { testBackend } from '@freestep/conformance'
import asyncify from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url'
import plain from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url'
import * as web from 'onnxruntime-web/wasm'
import * as ort from 'onnxruntime-web/webgpu'
import type { OrtTensor } from '../src/ort.ts'
import { onnxruntime } from '../src/step/index.ts'
import { tensorsOf } from './step/tensors.ts'

ort.env.wasm.wasmPaths = { wasm: asyncify }
web.env.wasm.wasmPaths = { wasm: plain }

const node = 'the graphs are those of onnxruntime-node, which has these, and the steps are compared'
testBackend<OrtTensor, Promise<void>>(
  'onnxruntime-web, webgpu',
  () => onnxruntime({ ort, executionProviders: ['webgpu'] }),
  {
    ...tensorsOf(ort),
    manyTensors: 20,
    brief: true,
    doubles: false,
    tolerances: {
      ...Object.fromEntries(
        ['pow', 'pow below 1'].map((name) => [
          name,
          { relative: 4e-6, reason: 'ONNX Runtime makes powers of exp2 and log2 of singles' },
        ]),
      ),
      dadaptAdam: {
        relative: 1e-3,
        reason: 'the d̂ of the preprint starts as a difference of nearly equal numbers, single here',
      },
    },
    leaveOut: { trajectories: node, moved: node, range: node, contract: node },
  },
)

const elsewhere = 'the same WebAssembly has all of it in Node'
testBackend<OrtTensor, Promise<void>>(
  'onnxruntime-web, wasm',
  () => onnxruntime({ ort: web, executionProviders: ['wasm'] }),
  {
    ...tensorsOf(web),
    dtypes: ['float32', 'float64'],
    leaveOut: {
      trajectories: elsewhere,
      moved: elsewhere,
      range: elsewhere,
      contract: elsewhere,
      compare: elsewhere,
    },
  },
)
