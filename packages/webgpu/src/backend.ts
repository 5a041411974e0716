/**
 * The backend as core sees it, and what it offers beside: a device to share, steps recorded into a
 * caller's encoder, and word of failures.
 */
import type { Backend, Engine as CoreEngine, FreestepError, Program } from '@freestep/core'
import { Engine } from '@freestep/engine'
import { GpuDevice } from './fused.ts'
import type { Shared } from './shared.ts'
import { describe, type GPUTensor, memoryOfTensor } from './tensors.ts'
import { Watch } from './watch.ts'

/** The backend for GPUBuffers. */
export interface WebGPUBackend extends Backend<GPUTensor> {
  /** The device that everything is on: the caller's, or the one that was opened. */
  readonly device: GPUDevice
  /**
   * Resolves with the first failure (device lost, out of memory, work refused); pending while all
   * is well.
   */
  readonly lost: Promise<FreestepError>
  /** How many kernels were compiled so far; no step compiles any. */
  readonly compiled: number
  /**
   * Has the steps that f takes recorded into a command encoder, for the caller to submit, in place
   * of submitting them.
   */
  record<T>(encoder: GPUCommandEncoder, f: () => T): T
  /** Closes the device, if it was opened here. */
  close(): void
}

/** An engine that goes on with more tensors without waiting for the device. */
export interface GPUEngine extends CoreEngine<GPUTensor> {
  /**
   * An engine for more tensors, this one's first, that goes on from its states; this one is
   * disposed.
   */
  extended(program: Program, params: readonly GPUTensor[]): GPUEngine
}

/** The backend on a device that is there, which starts engines at once. */
export interface PromptWebGPUBackend extends WebGPUBackend {
  start(program: Program, params: readonly GPUTensor[]): GPUEngine
}

/** The backend on what its optimizers share. */
export function backendOf(shared: Shared): WebGPUBackend {
  const { device, pipelines } = shared
  const { features } = device.device
  const backend: WebGPUBackend = {
    name: 'webgpu',
    device: device.device,
    lost: device.lost,
    get compiled() {
      return pipelines.compiled
    },
    describe: (tensor, name) => describe(tensor, name, features),
    memory: memoryOfTensor,
    start: (program, params) => start(shared, new Watch(device), program, params),
    record(encoder, f) {
      const before = device.encoder
      device.encoder = encoder
      try {
        return f()
      } finally {
        device.encoder = before
      }
    },
    close: () => device.close(),
  }
  made.set(backend, { shared, start })
  return backend
}

/** Starts an engine, and waits for what WebGPU says about it. */
async function start(
  shared: Shared,
  watch: Watch,
  program: Program,
  params: readonly GPUTensor[],
): Promise<GPUEngine> {
  const engine = await Engine.start(new GpuDevice(shared, watch), program, params)
  try {
    await watch.settled()
    return engine
  } catch (error) {
    engine.dispose()
    throw error
  }
}

/** Starts an engine; what WebGPU finds wrong later is thrown by the next call. */
function startNow(
  shared: Shared,
  watch: Watch,
  program: Program,
  params: readonly GPUTensor[],
): GPUEngine {
  return Engine.startNow(new GpuDevice(shared, watch), program, params)
}

/** What backends are made of. */
const made = new WeakMap<
  WebGPUBackend,
  { readonly shared: Shared; readonly start: typeof start | typeof startNow }
>()

/**
 * A backend for one optimizer, all of whose parts have one watch; the backend itself if it is none
 * of ours.
 */
export function watched(backend: WebGPUBackend): {
  readonly backend: WebGPUBackend
  readonly watch: Watch | undefined
} {
  const found = made.get(backend)
  if (!found) return { backend, watch: undefined }
  const watch = new Watch(found.shared.device)
  const own: WebGPUBackend['start'] = (program, params) =>
    found.start(found.shared, watch, program, params)
  return { backend: Object.create(backend, { start: { value: own, enumerable: true } }), watch }
}

/** The same, at once. */
export function promptBackendOf(shared: Shared): PromptWebGPUBackend {
  const backend: PromptWebGPUBackend = Object.create(backendOf(shared), {
    start: {
      value: (program: Program, params: readonly GPUTensor[]) =>
        startNow(shared, new Watch(shared.device), program, params),
      enumerable: true,
    },
  })
  made.set(backend, { shared, start: startNow })
  return backend
}
