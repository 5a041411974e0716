/**
 * The driver to test on: that of NVIDIA where there is one, else one that executes PTX itself; and
 * tensors on it.
 */
import type { Dtype, TestBackendOptions } from '@freestep/conformance'
import { absent } from '../../../scripts/absent.ts'
import {
  type CudaBackend,
  type CudaTensor,
  cudaAvailable,
  DeviceArray,
  type Driver,
  openNvidia,
} from '../src/index.ts'
import { EmulatedDriver } from './emulator/driver.ts'

const answer = cudaAvailable()

/** Why there is no GPU, if there is none. */
export const noGpu = absent('cuda', answer.available ? undefined : answer.reason)

/** The driver. */
export const driver: Driver = noGpu ? new EmulatedDriver() : openNvidia()

/** What the driver is called. */
export const driverName = noGpu ? 'emulated' : 'NVIDIA'

/** Arrays on the device. */
export const arrays = (backend: CudaBackend): TestBackendOptions<CudaTensor> => ({
  tensor: (numbers, _shape, dtype: Dtype = 'float32') => backend.array(numbers, dtype),
  read: (tensor) => (tensor instanceof DeviceArray ? tensor.read() : (tensor as Float32Array)),
  dispose: (tensor) => {
    if (tensor instanceof DeviceArray && !tensor.freed) tensor.free()
  },
})
