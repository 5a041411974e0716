/**
 * \@freestep/cuda: optimizers on NVIDIA GPUs, from Node, as fused kernels of one or two passes over
 * memory, with nothing to install but the driver.
 *
 * @packageDocumentation
 */
import { chooseOptions, type Declared, given, having, natural, numbers } from '@freestep/core'
import { backendOf, type CudaBackend } from './backend.ts'
import { Device, tooOld, versionText } from './device.ts'
import type { Driver } from './driver.ts'
import { loadDriver } from './load.ts'
import { Modules } from './modules.ts'

export * from '@freestep/core'
export { DeviceArray, type Dtype } from './array.ts'
export type { CudaBackend } from './backend.ts'
export { type DeviceFacts, type Driver, DriverError, results, type Spread } from './driver.ts'
export {
  type Argument,
  CudaKernel,
  CudaModule,
  type LaunchOptions,
  type ParameterType,
} from './kernel.ts'
export { openNvidia } from './nvidia.ts'
export { type CudaOptimizer, createOptimizer, type OnDevice } from './optimizer.ts'
export type { CudaTensor, DevicePointer, HalfArray, HostArray } from './tensors.ts'
export { Graph, Mark } from './time.ts'

/** Options of {@link cuda}. */
export interface CudaOptions {
  /** Which device, counted from 0. Default: 0. */
  readonly device?: number
  /**
   * A stream to put everything into, as the driver's handle:
   * `BigInt(torch.cuda.current_stream().cuda_stream)`. Default: the default one.
   */
  readonly stream?: bigint
  /** Threads of a block of freestep's own kernels: a power of two from 32 to 512. Default: 256. */
  readonly blockSize?: number
  /**
   * Rounds parameters in bfloat16 up or down at random so that the mean is right: small updates are
   * then not lost. Default: false.
   */
  readonly stochasticRounding?: boolean
  /** The driver. Default: that of NVIDIA, through koffi. */
  readonly driver?: Driver
}
type Chosen = Required<Omit<CudaOptions, 'driver'>> & Pick<CudaOptions, 'driver'>
const blockSizes = numbers(
  'a power of two from 32 to 512',
  (n) => n >= 32 && n <= 512 && Number.isInteger(Math.log2(n)),
)
const defaults: Declared<Chosen> = {
  device: natural(0),
  stream: given<bigint>(
    'a stream of the driver as a BigInt ≥ 0',
    (value) => typeof value === 'bigint' && value >= 0n,
    0n,
  ),
  blockSize: blockSizes(256),
  stochasticRounding: false,
  driver: given<Driver | undefined>(
    'a driver, such as openNvidia() gives',
    having('deviceCount', 'alloc'),
    undefined,
  ),
}

/**
 * The backend for NVIDIA GPUs. Parameters and gradients are arrays of the backend, device pointers
 * of others, or arrays on the host, which are uploaded: `optimizer.params` then says where they
 * are, and `optimizer.grads` where kernels may write their gradients. A step is submitted and not
 * waited for.
 *
 * @throws FreestepError `unsupported` if there is no driver, no device, or they are too old;
 * `bad-option` or `unknown-option` for options that are none
 */
export async function cuda(options?: CudaOptions): Promise<CudaBackend> {
  const all = chooseOptions({ what: 'cuda', place: 'cuda' }, defaults, options)
  const { device: ordinal, stream, blockSize, stochasticRounding, driver = loadDriver() } = all
  const device = Device.open(driver, ordinal, stream)
  return backendOf({
    device,
    modules: new Modules(device),
    ptx: { threads: blockSize, stochastic: stochasticRounding },
  })
}

/** What {@link cudaAvailable} answers. */
export type CudaAvailability =
  | { readonly available: true; readonly cuda: string; readonly devices: readonly string[] }
  | { readonly available: false; readonly reason: string }

/** Whether there is something to run on, and why not. Never throws. */
export function cudaAvailable(): CudaAvailability {
  try {
    const driver = loadDriver()
    const reason =
      tooOld(driver) ?? (driver.deviceCount() ? undefined : 'The NVIDIA driver finds no device.')
    if (reason) return { available: false, reason }
    const devices = Array.from({ length: driver.deviceCount() }, (_, i) => driver.device(i).name)
    return { available: true, cuda: versionText(driver.version), devices }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { available: false, reason: message.replace('[freestep/cuda] ', '') }
  }
}
