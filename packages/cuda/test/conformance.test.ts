/**
 * The kit, on arrays of the device, at both precisions. Small blocks of threads leave an emulator
 * less to do, and what takes long is for real devices; fused.test.ts has blocks of the default size.
 */
import { testBackend } from '@freestep/conformance'
import { type CudaTensor, cuda } from '../src/index.ts'
import { arrays, driver, driverName, noGpu } from './backend.ts'

const backend = await cuda({ driver, ...(noGpu && { blockSize: 32 }) })

const options = { ...arrays(backend), manyTensors: 1000 }
testBackend<CudaTensor>(`cuda, ${driverName} driver`, () => backend, {
  ...options,
  dtypes: ['float32'],
  large: !noGpu,
})
testBackend<CudaTensor>(`cuda, ${driverName} driver`, () => backend, {
  ...options,
  dtypes: ['float64'],
})
