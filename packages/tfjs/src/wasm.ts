/**
 * The memory of tfjs's wasm backend, as kernels reach it: variables and gradients stay where tfjs
 * has put them, and the memory of states is one tensor more. All that is relied on in tfjs-backend-wasm 4.22
 * is in this file. Not the kernels.
 */
import { FreestepError } from '@freestep/core'
import {
  allows,
  type LayoutOptions,
  type MemoryLayout,
  type Place,
  type Runner,
  type RunnerMemory,
} from '@freestep/cpu/kernels'
import type { DataId, KernelBackend, Tensor, TensorInfo, Variable } from '@tensorflow/tfjs-core'
import type { TensorFlow } from './eager.ts'
import type { Active, BackendMemory } from './linear.ts'

/** What tfjs knows of the data of a tensor. */
interface TensorData {
  memoryOffset: number
}

/** The parts of the backend that are used. */
interface WasmBackend extends KernelBackend {
  readonly wasm: { readonly asm?: { readonly memory?: unknown }; readonly wasmMemory?: unknown }
  /** `get` brings data here that are on another backend. */
  readonly dataIdMap: { get(dataId: DataId): TensorData }
  /** A new tensor, at a place in memory that is in use already, if one is given. */
  makeOutput(shape: readonly number[], dtype: 'float32', memoryOffset?: number): TensorInfo
}

/** How its memory is used on the active backend, or what is missing in it. */
export function wasmMemory(tf: TensorFlow): (() => BackendMemory) | string {
  if (!allows('wasm')) return 'SIMD in WebAssembly'
  const backend = tf.backend() as WasmBackend
  // Threads are another build of tfjs, which keeps its memory elsewhere.
  const memory = backend.wasm?.asm?.memory ?? backend.wasm?.wasmMemory
  if (!(memory instanceof WebAssembly.Memory)) return 'backend.wasm.asm.memory'
  if (typeof backend.makeOutput !== 'function') return 'backend.makeOutput'
  if (typeof backend.dataIdMap?.get !== 'function') return 'backend.dataIdMap'
  const probe = backend.makeOutput([1], 'float32')
  const { memoryOffset } = backend.dataIdMap.get(probe.dataId)
  backend.disposeData(probe.dataId)
  if (!Number.isInteger(memoryOffset)) return 'memoryOffset in backend.dataIdMap'
  return () => new WasmMemory(tf, backend, memory)
}

class WasmMemory implements BackendMemory {
  private readonly tf: TensorFlow
  private readonly backend: WasmBackend
  private readonly memory: WebAssembly.Memory
  private block: Tensor | undefined

  constructor(tf: TensorFlow, backend: WasmBackend, memory: WebAssembly.Memory) {
    this.tf = tf
    this.backend = backend
    this.memory = memory
  }

  claim(layOut: (options: LayoutOptions) => MemoryLayout): RunnerMemory {
    const { memory } = this
    const { bytes } = layOut({ lent: true })
    this.block = this.tf.keep(this.blank([bytes / 4 + 16]))
    const offset = this.address(this.block)
    const layout = layOut({ lent: true, at: 64 * Math.ceil(offset / 64) })
    new Uint8Array(memory.buffer, offset, 4 * this.block.size).fill(0)
    return {
      layout,
      memory: {
        wasm: memory,
        // It is another one when the memory has grown.
        get buffer() {
          return memory.buffer
        },
      },
    }
  }

  separate(variable: Variable): void {
    const from = this.address(variable)
    if (this.backend.refCount(variable.dataId) === 1) return
    const copy = this.blank(variable.shape)
    new Uint8Array(this.memory.buffer).copyWithin(
      this.address(copy),
      from,
      from + 4 * variable.size,
    )
    variable.assign(copy)
  }

  enter(_machine: Runner, { variable, gradient }: Active): Place {
    return { x: this.address(variable), g: this.address(gradient) }
  }

  /**
   * By new ids, tfjs knows that what it has made of the weights (packed them for a product) is out
   * of date.
   */
  leave(_machine: Runner, active: readonly Active[]): void {
    for (const { variable } of active) {
      const data = this.backend.dataIdMap.get(variable.dataId)
      const renewed = this.tensor(variable.shape, data.memoryOffset)
      // What the old id frees is nothing.
      data.memoryOffset = 0
      variable.assign(renewed)
    }
  }

  result(_machine: Runner, { gradient }: Active): Tensor {
    return gradient
  }

  free(): void {
    this.block?.dispose()
  }

  /** A tensor with nothing in particular in it. */
  private blank(shape: readonly number[]): Tensor {
    const tensor = this.tensor(shape)
    // What malloc says when there is no memory; tfjs does not look.
    if (tensor.size === 0 || this.address(tensor) !== 0) return tensor
    tensor.dispose()
    const message = `tfjs's wasm backend has no memory for ${4 * tensor.size} bytes more. Train a smaller model, or on another backend.`
    throw new FreestepError('tfjs', 'unsupported', message)
  }

  private tensor(shape: readonly number[], memoryOffset?: number): Tensor {
    const { backend } = this
    return this.tf
      .engine()
      .makeTensorFromTensorInfo(backend.makeOutput(shape, 'float32', memoryOffset), backend)
  }

  private address({ dataId }: Tensor): number {
    return this.backend.dataIdMap.get(dataId).memoryOffset
  }
}
