/**
 * The device: the caller's, or one that is opened here, with what became of it. Errors that WebGPU reports later (validation, memory, loss)
 * become a FreestepError at the next call. Not buffers, kernels or steps.
 */
import { FreestepError } from '@freestep/core'

/** How to come by a device. */
export interface DeviceOptions {
  /** A device to share, with tfjs, ONNX Runtime or kernels of one's own. Left out: one is opened, with all that its adapter allows. */
  readonly device?: GPUDevice
  /**
   * Where to ask for a device: for instance `create([])` of the package `webgpu`. Left out: `navigator.gpu`, or in Node, where there is
   * none, the package `webgpu` if it is installed.
   */
  readonly gpu?: GPU
}

const refuse = (message: string, options?: ErrorOptions) => new FreestepError('webgpu', 'unsupported', message, options)

/** A device at work. */
export class Device {
  readonly device: GPUDevice
  /** The first failure that this backend met; pending while all is well. */
  readonly lost: Promise<FreestepError>
  /** The caller's command encoder, while a step is recorded into it. */
  encoder: GPUCommandEncoder | undefined
  /** What WebGPU was opened with: it has to outlive the device. */
  private gpu: GPU | undefined
  private readonly own: boolean
  private failure: FreestepError | undefined
  private reportLoss: (failure: FreestepError) => void = () => {}

  private constructor(device: GPUDevice, own: boolean, gpu?: GPU) {
    this.device = device
    this.own = own
    this.gpu = gpu
    this.lost = new Promise((resolve) => {
      this.reportLoss = resolve
    })
    device.lost.then(({ reason, message }) =>
      this.fail(
        new FreestepError(
          'webgpu',
          'device-lost',
          `The GPU device was ${reason === 'destroyed' ? 'destroyed' : 'lost'}${message ? ` (${message.trim()})` : ''}. ` +
            'Open another one, create the optimizer on it, and load the last checkpoint.',
        ),
      ),
    )
  }

  /** The caller's device. */
  static of(device: GPUDevice): Device {
    return new Device(device, false)
  }

  /** The caller's device, or a new one. */
  static async open({ device, gpu }: DeviceOptions): Promise<Device> {
    if (device) return Device.of(device)
    const found = gpu ?? globalThis.navigator?.gpu ?? (await fromPackage())
    if (!found) throw refuse('There is no WebGPU here. Use a browser that has it; in Node, install the package webgpu.')
    const adapter = await found.requestAdapter({ powerPreference: 'high-performance' })
    if (!adapter) throw refuse('There is no GPU that WebGPU can use here. Install its driver, or use @freestep/cpu.')
    const { features, limits } = adapter
    const wanted = (['shader-f16', 'subgroups', 'timestamp-query'] as const).filter((feature) => features.has(feature))
    const asked = ['maxStorageBuffersPerShaderStage', 'maxStorageBufferBindingSize', 'maxBufferSize'] as const
    const opened = await adapter.requestDevice({
      requiredFeatures: wanted,
      requiredLimits: Object.fromEntries(asked.map((name) => [name, limits[name]])),
    })
    return new Device(opened, true, found)
  }

  /** Throws what went wrong since the last call. A lost device stays lost; a failed step did nothing, and the next may go well. */
  check(): void {
    const { failure } = this
    if (!failure) return
    if (failure.code !== 'device-lost') this.failure = undefined
    throw failure
  }

  /** Whether WGSL has an extension here, as far as is known. */
  speaks(extension: string): boolean {
    return (this.gpu ?? globalThis.navigator?.gpu)?.wgslLanguageFeatures?.has(extension) ?? false
  }

  /** Calls f, and takes note of what WebGPU finds wrong with what it did; the promise says what that is. */
  watch<T>(f: () => T): { readonly result: T; readonly failure: Promise<FreestepError | undefined> } {
    const { device } = this
    for (const filter of scopes) device.pushErrorScope(filter)
    try {
      const result = f()
      return { result, failure: this.found() }
    } catch (error) {
      void this.found()
      throw error
    }
  }

  /** The first error of the open scopes. */
  private async found(): Promise<FreestepError | undefined> {
    const errors = await Promise.all(scopes.map(() => this.device.popErrorScope())).catch(() => [])
    const error = errors.find((each) => each)
    if (!error) return undefined
    const what = 'GPUOutOfMemoryError' === error.constructor.name ? 'The GPU has not enough memory' : 'WebGPU refused the work'
    const failure = refuse(`${what}: ${error.message.trim()}`, { cause: error })
    this.fail(failure)
    return failure
  }

  private fail(failure: FreestepError): void {
    this.failure ??= failure
    this.reportLoss(failure)
  }

  /** Closes the device if it was opened here. */
  close(): void {
    if (!this.own) return
    this.device.destroy()
    this.gpu = undefined
  }
}

const scopes = ['validation', 'out-of-memory', 'internal'] as const

/** Node's WebGPU. The name is not written as a literal, so that no bundler looks for the package. */
async function fromPackage(): Promise<GPU | undefined> {
  const name = 'webgpu'
  try {
    const { create } = (await import(/* @vite-ignore */ name)) as { create: (flags: readonly string[]) => GPU }
    return create([])
  } catch {
    return undefined
  }
}
