/**
 * Makes printed kernels run: modules, pipelines, bind groups, dispatches. Each text is compiled once for a device. Not what buffers hold.
 */
import type { Binding, WgslKernel } from '@freestep/compiler'
import { FreestepError } from '@freestep/core'

/** A kernel that can be dispatched. */
export interface Machine {
  readonly kernel: WgslKernel
  readonly pipeline: GPUComputePipeline
  readonly layout: GPUBindGroupLayout
}

const types = { uniform: 'uniform', read: 'read-only-storage', read_write: 'storage' } as const
/** GPUShaderStage.COMPUTE */
const compute = 4

/** The machines of one device, by their code. */
export class Workshop {
  private readonly device: GPUDevice
  private readonly known = new Map<string, Promise<Machine>>()

  constructor(device: GPUDevice) {
    this.device = device
  }

  /** Compiles a kernel, unless the same was compiled before. */
  make(kernel: WgslKernel, label: string): Promise<Machine> {
    const found = this.known.get(kernel.code)
    if (found) return found
    const made = this.compile(kernel, label)
    this.known.set(kernel.code, made)
    made.catch(() => this.known.delete(kernel.code))
    return made
  }

  /** How many kernels were compiled. */
  get compiled(): number {
    return this.known.size
  }

  private async compile(kernel: WgslKernel, label: string): Promise<Machine> {
    const { device } = this
    const layout = device.createBindGroupLayout({
      label,
      entries: kernel.bindings.map(({ access }, binding) => ({
        ...{ binding, visibility: compute },
        buffer: { type: types[access] },
      })),
    })
    const module = device.createShaderModule({ label, code: kernel.code })
    const pipeline = await device
      .createComputePipelineAsync({
        label,
        layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: 'main' },
      })
      .catch((cause) => refuse(label, module, cause))
    return { kernel, pipeline, layout }
  }
}

async function refuse(label: string, module: GPUShaderModule, cause: Error): Promise<never> {
  const { messages } = await module.getCompilationInfo()
  const details = messages.map(({ lineNum, linePos, message }) => `line ${lineNum}:${linePos} ${message}`)
  const message = `The GPU did not take the kernel ${label}: ${details.join('; ') || cause.message}`
  throw new FreestepError('webgpu', 'unsupported', message, { cause })
}

/** Binds a machine to what it works on. */
export function bind(device: GPUDevice, { kernel, layout }: Machine, of: (binding: Binding) => GPUBufferBinding): GPUBindGroup {
  return device.createBindGroup({
    layout,
    entries: kernel.bindings.map((each, binding) => ({ binding, resource: of(each) })),
  })
}

/** Dispatches groups of threads: more of them than one dimension allows go into rows. Kernels ignore those beyond their number. */
export function dispatch(pass: GPUComputePassEncoder, machine: Machine, group: GPUBindGroup, groups: number, most: number): void {
  const rows = Math.ceil(groups / most)
  pass.setPipeline(machine.pipeline)
  pass.setBindGroup(0, group)
  pass.dispatchWorkgroups(Math.ceil(groups / rows), rows)
}
