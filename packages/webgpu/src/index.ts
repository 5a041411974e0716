/**
 * \@freestep/webgpu: optimizers on GPUBuffers, in browsers, Deno and Node, as fused kernels of one
 * or two passes over memory.
 *
 * @packageDocumentation
 */
import {
  chooseOptions,
  type Declared,
  FreestepError,
  given,
  having,
  kindOf,
  numbers,
} from '@freestep/core'
import {
  backendOf,
  type PromptWebGPUBackend,
  promptBackendOf,
  type WebGPUBackend,
} from './backend.ts'
import { Device, type DeviceOptions } from './device.ts'
import { type KernelOptions, sharedOn } from './shared.ts'

export * from '@freestep/core'
export type { GPUEngine, PromptWebGPUBackend, WebGPUBackend } from './backend.ts'
export { createOptimizer, type GPUOptimizer, type GPUStepOptions } from './optimizer.ts'
export type { GPUBufferView, GPUTensor, HalfArray } from './tensors.ts'

/** Options of {@link webgpu}. */
export interface WebGPUOptions extends DeviceOptions, KernelOptions {}

// How large a group may be is for the device to say.
const groupSizes = numbers(
  'a power of two from 16 to 256',
  (n) => n >= 16 && n <= 256 && Number.isInteger(Math.log2(n)),
)
const kernelDefaults: Declared<KernelOptions> = {
  workgroupSize: given<number | undefined>(groupSizes.says, groupSizes.holds, undefined),
  subgroups: given<boolean | undefined>(
    'a boolean',
    (value) => typeof value === 'boolean',
    undefined,
  ),
}
const isDevice = having('queue', 'createBuffer', 'limits')
const defaults: Declared<WebGPUOptions> = {
  ...kernelDefaults,
  device: given<GPUDevice | undefined>(
    'a GPUDevice, as adapter.requestDevice() gives when awaited',
    isDevice,
    undefined,
  ),
  gpu: given<GPU | undefined>('a GPU, such as navigator.gpu', having('requestAdapter'), undefined),
}

/**
 * The backend for WebGPU. Parameters and gradients are GPUBuffers (with usage STORAGE; COPY_SRC to
 * save and COPY_DST to load them), parts of such, or arrays, which are uploaded: `optimizer.params`
 * then says where they are, and `optimizer.grads` where kernels may write their gradients. A step
 * is submitted and not waited for.
 *
 * @throws FreestepError `unsupported` if there is no WebGPU, or no device; `bad-option` or
 * `unknown-option` for options that are none
 */
export async function webgpu(options?: WebGPUOptions): Promise<WebGPUBackend> {
  const all = chooseOptions({ what: 'webgpu', place: 'webgpu' }, defaults, options)
  return backendOf(sharedOn(await Device.open(all), all))
}

/**
 * As {@link webgpu} on a device that is there, without a promise: `createOptimizerSync` takes it
 * too. Kernels are compiled while commands already wait for them; what WebGPU finds wrong with one
 * is thrown by the next call.
 */
export function webgpuOn(device: GPUDevice, options?: KernelOptions): PromptWebGPUBackend {
  const all = chooseOptions({ what: 'webgpuOn', place: 'webgpu' }, kernelDefaults, options)
  if (!isDevice(device))
    throw new FreestepError(
      'webgpu',
      'bad-option',
      `webgpuOn: the device is ${kindOf(device)}. Give a GPUDevice.`,
    )
  return promptBackendOf(sharedOn(Device.of(device), all))
}
