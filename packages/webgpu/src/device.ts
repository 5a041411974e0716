/**
 * The device: the caller's, or one that is opened here, and whether it is still there. What WebGPU
 * finds wrong with the work of an optimizer is in watch.ts. Not buffers, kernels or steps.
 */
import { FreestepError } from '@freestep/core'

/** How to come by a device. */
export interface DeviceOptions {
  /**
   * A device to share, with tfjs, ONNX Runtime or kernels of one's own. Left out: one is opened,
   * with all that its adapter allows.
   */
  readonly device?: GPUDevice
  /**
   * Where to ask for a device: for instance `create([])` of the package `webgpu`. Left out:
   * `navigator.gpu`, or in Node, where there is none, the package `webgpu` if it is installed.
   */
  readonly gpu?: GPU
}

const refuse = (message: string, options?: ErrorOptions) =>
  new FreestepError('webgpu', 'unsupported', message, options)

/** A device at work. */
export class Device {
  readonly device: GPUDevice
  /** The first failure that this backend met; pending while all is well. */
  readonly lost: Promise<FreestepError>
  /** Resolves when the device is lost. */
  readonly gone: Promise<FreestepError>
  /** The caller's command encoder, while a step is recorded into it. */
  encoder: GPUCommandEncoder | undefined
  /** What WebGPU was opened with: it has to outlive the device. */
  private gpu: GPU | undefined
  private readonly own: boolean
  private loss: FreestepError | undefined
  /** Tells the backend of a failure. */
  report: (failure: FreestepError) => void = () => {}

  private constructor(device: GPUDevice, own: boolean, gpu?: GPU) {
    this.device = device
    this.own = own
    this.gpu = gpu
    this.lost = new Promise((resolve) => {
      this.report = resolve
    })
    this.gone = device.lost.then(({ reason, message }) => {
      this.loss = new FreestepError(
        'webgpu',
        'device-lost',
        `The GPU device was ${reason === 'destroyed' ? 'destroyed' : 'lost'}${message ? ` (${message.trim()})` : ''}. ` +
          'Open another one, create the optimizer on it, and load the last checkpoint.',
      )
      this.report(this.loss)
      return this.loss
    })
  }

  /** The caller's device. */
  static of(device: GPUDevice): Device {
    return new Device(device, false)
  }

  /** The caller's device, or a new one. */
  static async open({ device, gpu }: DeviceOptions): Promise<Device> {
    if (device) return Device.of(device)
    const found = gpu ?? globalThis.navigator?.gpu ?? (await fromPackage())
    if (!found)
      throw refuse(
        'There is no WebGPU here. Use a browser that has it; in Node, install the package webgpu.',
      )
    const adapter = await found.requestAdapter({ powerPreference: 'high-performance' })
    if (!adapter)
      throw refuse(
        'There is no GPU that WebGPU can use here. Install its driver, or use @freestep/cpu.',
      )
    const { features, limits } = adapter
    const wanted = (['shader-f16', 'subgroups', 'timestamp-query'] as const).filter((feature) =>
      features.has(feature),
    )
    const asked = [
      'maxStorageBuffersPerShaderStage',
      'maxStorageBufferBindingSize',
      'maxBufferSize',
    ] as const
    const opened = await adapter.requestDevice({
      requiredFeatures: wanted,
      requiredLimits: Object.fromEntries(asked.map((name) => [name, limits[name]])),
    })
    return new Device(opened, true, found)
  }

  /** Throws if the device is lost. */
  check(): void {
    if (this.loss) throw this.loss
  }

  /** Whether WGSL has an extension here, as far as is known. */
  speaks(extension: string): boolean {
    return (this.gpu ?? globalThis.navigator?.gpu)?.wgslLanguageFeatures?.has(extension) ?? false
  }

  /** Closes the device if it was opened here. */
  close(): void {
    if (!this.own) return
    this.device.destroy()
    this.gpu = undefined
  }
}

/**
 * Node's WebGPU. The name is not written as a literal, so that no bundler looks for the package.
 */
async function fromPackage(): Promise<GPU | undefined> {
  const name = 'webgpu'
  try {
    const { create } = (await import(/* @vite-ignore */ name)) as {
      create: (flags: readonly string[]) => GPU
    }
    return create([])
  } catch {
    return undefined
  }
}
