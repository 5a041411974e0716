/**
 * The fused engine on tfjs's webgpu backend: that of \@freestep/webgpu, on the device and in the
 * buffers of tfjs. All that is relied on in tfjs-backend-webgpu 4.22 is in this file. Not the
 * kernels.
 */
import type { Engine, Numbers, Program, StepInput } from '@freestep/core'
import {
  type GPUBufferView,
  type GPUEngine,
  type PromptWebGPUBackend,
  webgpuOn,
} from '@freestep/webgpu'
import type { DataId, KernelBackend, Tensor, TensorInfo, Variable } from '@tensorflow/tfjs-core'
import type { TensorFlow } from './eager.ts'

/** What tfjs knows of the data of a tensor. */
interface TensorData {
  /** Where it is on the device, if it is there. */
  resource?: unknown
  /** Whether the buffer is the caller's. */
  external?: boolean
}

/** The parts of the backend that are used. */
interface WebGPUBackend extends KernelBackend {
  readonly device: GPUDevice
  /** `get` brings data here that are on another backend. */
  readonly tensorMap: { get(dataId: DataId): TensorData }
  /** The commands that wait for being submitted. */
  readonly commandEncoder: unknown
  endComputePassEncoder(): void
  submitQueue(): void
  uploadToGPU(dataId: DataId): void
  makeTensorInfo(shape: readonly number[], dtype: 'float32'): TensorInfo
}

const methods = ['endComputePassEncoder', 'submitQueue', 'uploadToGPU', 'makeTensorInfo'] as const

/** The backend of freestep on each device, with all that was compiled there. */
const known = new WeakMap<GPUDevice, PromptWebGPUBackend>()

/** How to start an engine on the active backend, or what is missing in it. */
export function webgpuStart(
  tf: TensorFlow,
): ((program: Program, params: readonly Tensor[]) => WebGPUEngine) | string {
  const backend = tf.backend() as WebGPUBackend
  const missing = methods.find((method) => typeof backend[method] !== 'function')
  if (missing) return `backend.${missing}`
  if (!('commandEncoder' in backend)) return 'backend.commandEncoder'
  if (typeof backend.tensorMap?.get !== 'function') return 'backend.tensorMap'
  const { device } = backend
  if (typeof device?.createComputePipeline !== 'function') return 'backend.device'
  const memory = new Memory(tf, backend)
  const probe = memory.blank([1])
  const found = memory.bufferOf(probe)
  probe.dispose()
  if (!(found instanceof GPUBuffer)) return 'resource in backend.tensorMap'
  const freestep = known.get(device) ?? webgpuOn(device)
  known.set(device, freestep)
  return (program, params) =>
    new WebGPUEngine(memory, program, params, (views) => freestep.start(program, views))
}

/** The tensors of tfjs as buffers. */
class Memory {
  readonly tf: TensorFlow
  private readonly backend: WebGPUBackend

  constructor(tf: TensorFlow, backend: WebGPUBackend) {
    this.tf = tf
    this.backend = backend
  }

  /**
   * Where the numbers of a tensor are; they are brought there by a command that waits, if they were
   * not.
   */
  bufferOf({ dataId }: Tensor): GPUBuffer {
    this.backend.uploadToGPU(dataId)
    return this.backend.tensorMap.get(dataId).resource as GPUBuffer
  }

  /** A tensor as it is now. */
  view(tensor: Tensor): GPUBufferView {
    return { buffer: this.bufferOf(tensor), length: tensor.size }
  }

  /** A variable, wherever it is by then. */
  handle(variable: Tensor): GPUBufferView {
    const at = () => this.bufferOf(variable)
    return {
      get buffer() {
        return at()
      },
      length: variable.size,
    }
  }

  /** Submits what tfjs has gathered, for what comes next to find it done. */
  flush(): void {
    if (!this.backend.commandEncoder) return
    this.backend.endComputePassEncoder()
    this.backend.submitQueue()
  }

  /** Sees to it that writing to a variable, in place, changes nothing else. */
  separate(variable: Variable): void {
    const { external } = this.backend.tensorMap.get(variable.dataId)
    if (variable.size === 0 || (this.backend.refCount(variable.dataId) === 1 && !external)) return
    variable.assign(this.tf.tensor({ buffer: this.bufferOf(variable) }, variable.shape, 'float32'))
  }

  /**
   * Gives a variable another id: data that tfjs knows by an id never changes, as it may keep a copy
   * of it on the host.
   */
  renew(variable: Variable): void {
    const data = this.backend.tensorMap.get(variable.dataId)
    const renewed = this.tensor(variable.shape)
    this.backend.tensorMap.get(renewed.dataId).resource = data.resource
    data.resource = undefined
    variable.assign(renewed)
  }

  /** A tensor with nothing in particular in it. */
  blank(shape: readonly number[]): Tensor {
    const tensor = this.tensor(shape)
    this.backend.uploadToGPU(tensor.dataId)
    return tensor
  }

  private tensor(shape: readonly number[]): Tensor {
    const { backend, tf } = this
    return tf.engine().makeTensorFromTensorInfo(backend.makeTensorInfo(shape, 'float32'), backend)
  }

  /** A new tensor with the numbers of a buffer, which is destroyed. */
  take({ buffer, byteOffset = 0 }: GPUBufferView, shape: readonly number[]): Tensor {
    const { device } = this.backend
    const tensor = this.blank(shape)
    if (tensor.size) {
      const encoder = device.createCommandEncoder({ label: 'freestep evaluated' })
      encoder.copyBufferToBuffer(buffer, byteOffset, this.bufferOf(tensor), 0, 4 * tensor.size)
      device.queue.submit([encoder.finish()])
    }
    buffer.destroy()
    return tensor
  }
}

/** Runs a program on the device of tfjs. */
export class WebGPUEngine implements Engine<Tensor> {
  readonly params: readonly Tensor[]
  private readonly memory: Memory
  private readonly evaluates: boolean
  private readonly inner: GPUEngine

  constructor(
    memory: Memory,
    program: Program,
    params: readonly Tensor[],
    start: (views: GPUBufferView[]) => GPUEngine,
  ) {
    this.params = params
    this.memory = memory
    this.evaluates = program.evaluate !== undefined
    const views = params.map((param) => memory.handle(param))
    this.settle(params)
    this.inner = start(views)
  }

  /**
   * An engine for more tensors, this one's first, that goes on from its states; this one is
   * disposed.
   */
  extended(program: Program, params: readonly Tensor[]): WebGPUEngine {
    return new WebGPUEngine(this.memory, program, params, (views) =>
      this.inner.extended(program, views),
    )
  }

  /** Has tensors on the device before anything else is submitted. */
  private settle(tensors: readonly Tensor[]): void {
    for (const tensor of tensors) this.memory.bufferOf(tensor)
    this.memory.flush()
  }

  step({ gradients, loss, uniforms }: StepInput<Tensor>): void {
    const { memory } = this
    const variables = this.params.filter((_, i) => gradients[i]) as Variable[]
    const given = gradients.filter((gradient) => gradient !== undefined)
    for (const variable of variables) memory.separate(variable)
    this.settle([...variables, ...given, ...(typeof loss === 'object' ? [loss] : [])])
    this.inner.step({
      gradients: gradients.map((gradient) => gradient && memory.view(gradient)),
      loss: typeof loss === 'object' ? memory.view(loss) : loss,
      uniforms,
    })
    for (const variable of variables) memory.renew(variable)
  }

  read(state: string): ReturnType<Engine<Tensor>['read']> {
    return this.inner.read(state)
  }

  write(state: string, numbers: readonly Numbers[]): ReturnType<Engine<Tensor>['write']> {
    return this.inner.write(state, numbers)
  }

  evaluated(): readonly Tensor[] {
    if (!this.evaluates) return this.params
    const { memory } = this
    this.settle(this.params)
    return memory.tf.tidy(() =>
      this.inner
        .evaluated()
        .map((view, i) => memory.take(view as GPUBufferView, this.params[i].shape)),
    )
  }

  dispose(): void {
    this.inner.dispose()
  }
}
