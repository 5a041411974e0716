/**
 * Makes printed kernels run: modules, pipelines, bind groups, dispatches. Each text is compiled
 * once for a device. Not what buffers hold.
 */
import type { Binding, WgslKernel } from '@freestep/compiler'
import { FreestepError } from '@freestep/core'

/** A kernel that can be dispatched. */
export interface Pipeline {
  readonly kernel: WgslKernel
  readonly pipeline: GPUComputePipeline
  readonly layout: GPUBindGroupLayout
}

const types = { uniform: 'uniform', read: 'read-only-storage', read_write: 'storage' } as const
/** GPUShaderStage.COMPUTE */
const compute = 4

/** The pipelines of one device, by their code. */
export class Pipelines {
  private readonly device: GPUDevice
  private readonly known = new Map<string, Pipeline | Promise<Pipeline>>()

  constructor(device: GPUDevice) {
    this.device = device
  }

  /** Compiles a kernel, unless the same was compiled before. */
  make(kernel: WgslKernel, label: string): Pipeline | Promise<Pipeline> {
    return this.known.get(kernel.code) ?? this.remember(kernel, this.compile(kernel, label))
  }

  /**
   * As {@link make}, without waiting: what is wrong with a kernel shows later, as an error of
   * WebGPU.
   */
  makeNow(kernel: WgslKernel, label: string): Pipeline {
    const found = this.known.get(kernel.code)
    if (found && !(found instanceof Promise)) return found
    const { description, ...rest } = this.describe(kernel, label)
    return this.remember(kernel, {
      ...rest,
      pipeline: this.device.createComputePipeline(description),
    })
  }

  /** How many kernels were compiled. */
  get compiled(): number {
    return this.known.size
  }

  private remember<M extends Pipeline | Promise<Pipeline>>({ code }: WgslKernel, made: M): M {
    this.known.set(code, made)
    if (made instanceof Promise)
      made.then(
        (pipeline) => this.known.set(code, pipeline),
        () => this.known.delete(code),
      )
    return made
  }

  private async compile(kernel: WgslKernel, label: string): Promise<Pipeline> {
    const { description, ...rest } = this.describe(kernel, label)
    const pipeline = await this.device
      .createComputePipelineAsync(description)
      .catch((cause) => refuse(label, description.compute.module, cause))
    return { ...rest, pipeline }
  }

  private describe(kernel: WgslKernel, label: string) {
    const { device } = this
    const layout = device.createBindGroupLayout({
      label,
      entries: kernel.bindings.map(({ access }, binding) => ({
        binding,
        visibility: compute,
        buffer: { type: types[access] },
      })),
    })
    const module = device.createShaderModule({ label, code: kernel.code })
    const description = {
      label,
      layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: 'main' },
    }
    return { kernel, layout, description }
  }
}

async function refuse(label: string, module: GPUShaderModule, cause: Error): Promise<never> {
  const { messages } = await module.getCompilationInfo()
  const details = messages.map(
    ({ lineNum, linePos, message }) => `line ${lineNum}:${linePos} ${message}`,
  )
  const message = `The GPU did not take the kernel ${label}: ${details.join('; ') || cause.message}`
  throw new FreestepError('webgpu', 'unsupported', message, { cause })
}

/** Binds a kernel to what it works on. */
export function bind(
  device: GPUDevice,
  { kernel, layout }: Pipeline,
  of: (binding: Binding) => GPUBufferBinding,
): GPUBindGroup {
  return device.createBindGroup({
    layout,
    entries: kernel.bindings.map((each, binding) => ({ binding, resource: of(each) })),
  })
}

/**
 * Dispatches groups of threads: more of them than one dimension allows go into rows. Kernels ignore
 * those beyond their number.
 */
export function dispatch(
  pass: GPUComputePassEncoder,
  { pipeline }: Pipeline,
  group: GPUBindGroup,
  groups: number,
  most: number,
): void {
  const rows = Math.ceil(groups / most)
  pass.setPipeline(pipeline)
  pass.setBindGroup(0, group)
  pass.dispatchWorkgroups(Math.ceil(groups / rows), rows)
}
