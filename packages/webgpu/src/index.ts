/**
 * \@freestep/webgpu: optimizers on GPUBuffers, in browsers, Deno and Node, as fused kernels of one or two passes over memory.
 *
 * @packageDocumentation
 */
import { backendOf, type PromptWebGPUBackend, promptBackendOf, type WebGPUBackend } from './backend.ts'
import { Device, type DeviceOptions } from './device.ts'
import { type KernelOptions, shopOf } from './shop.ts'

export * from '@freestep/core'
export type { GPUEngine, PromptWebGPUBackend, WebGPUBackend } from './backend.ts'
export { createOptimizer, type GPUOptimizer, type GPUStepOptions } from './optimizer.ts'
export type { GPUBufferView, GPUTensor, HalfArray } from './tensors.ts'

/** Options of {@link webgpu}. */
export interface WebGPUOptions extends DeviceOptions, KernelOptions {}

/**
 * The backend for WebGPU. Parameters and gradients are GPUBuffers (with usage STORAGE; COPY_SRC to save and COPY_DST to load them), parts of
 * such, or arrays, which are uploaded: `optimizer.params` then says where they are, and `optimizer.grads` where kernels may write their
 * gradients. A step is submitted and not waited for.
 *
 * @throws FreestepError `unsupported` if there is no WebGPU, or no device
 */
export async function webgpu(options: WebGPUOptions = {}): Promise<WebGPUBackend> {
  const device = await Device.open(options)
  return backendOf(shopOf(device, options))
}

/**
 * As {@link webgpu} on a device that is there, without a promise: `createOptimizerSync` takes it too. Kernels are compiled while commands
 * already wait for them; what WebGPU finds wrong with one is thrown by the next call.
 */
export const webgpuOn = (device: GPUDevice, options: KernelOptions = {}): PromptWebGPUBackend =>
  promptBackendOf(shopOf(Device.of(device), options))
