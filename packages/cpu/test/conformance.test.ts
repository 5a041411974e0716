/** The kit, on arrays: operation by operation, and compiled to each target. */
import { type Dtype, testBackend } from '@freestep/conformance'
import { cpu, type FloatArray } from '../src/index.ts'

const arrays = {
  dtypes: ['float64', 'float32'] as const,
  tensor: (numbers: readonly number[], _shape: readonly number[], dtype: Dtype): FloatArray =>
    dtype === 'float32' ? Float32Array.from(numbers) : Float64Array.from(numbers),
  read: (array: FloatArray) => array,
  // Whoever still reads an array that was given back is found out.
  dispose: (array: FloatArray) => void array.fill(Number.NaN),
}

testBackend('cpu, eager', (dtype) => cpu({ dtype, fused: false }), arrays)
testBackend('cpu, fused, js', (dtype) => cpu({ dtype, target: 'js' }), arrays)
testBackend('cpu, fused, wasm', (dtype) => cpu({ dtype, target: 'wasm' }), {
  ...arrays,
  dtypes: ['float64'],
})
testBackend('cpu, fused, wasm', (dtype) => cpu({ dtype, target: 'wasm' }), {
  ...arrays,
  dtypes: ['float32'],
  large: true,
})
