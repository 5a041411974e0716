/** The kit, on arrays of the device, at both precisions. */
import { testBackend } from '@freestep/conformance'
import { type CudaTensor, cuda } from '../src/index.ts'
import { arrays, driver, driverName } from './backend.ts'

const backend = await cuda({ driver })

testBackend<CudaTensor>(`cuda, ${driverName} driver`, () => backend, {
  ...arrays(backend),
  dtypes: ['float32', 'float64'],
  manyTensors: 1000,
})
