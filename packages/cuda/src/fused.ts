/**
 * What the engine of freestep asks of a CUDA device: memory at device pointers, and the compiled
 * kernels of a program, launched in the stream of the backend. Not the engine, and not the driver.
 */
import { emitPtx, givenOf, type Kernels, type PtxOptions, ptxData } from '@freestep/compiler'
import type { Program, TensorInfo } from '@freestep/core'
import {
  bytesEach,
  type Compiled,
  decode,
  type Device as EngineDevice,
  type Functions,
  type Place,
  type Work,
} from '@freestep/engine'
import { DeviceArray } from './array.ts'
import { type Device, refuse } from './device.ts'
import { CudaMemory, type Plan } from './memory.ts'
import type { Modules } from './modules.ts'
import { dataOf } from './tables.ts'
import { type CudaTensor, describe, isHost } from './tensors.ts'

/** What optimizers of a backend share. */
export interface Shared {
  readonly device: Device
  readonly modules: Modules
  /** How kernels are printed. */
  readonly ptx: Pick<PtxOptions, 'threads' | 'stochastic'>
}

/**
 * A compiled function: its kernels in the order of their launches, with one block for each chunk or
 * a single one.
 */
type Launches = readonly { readonly kernel: bigint; readonly grid: 'chunks' | 'one' }[]

const isGlobal = (name: string, { uniforms }: Program) =>
  name === 'loss' || uniforms[name]?.scope === 'global'

/** The numbers that come with every launch. */
const launchedBy = (program: Program) => [
  ...Object.keys(program.uniforms).filter((name) => isGlobal(name, program)),
  ...(program.usesLoss ? ['loss'] : []),
]

/** A device as the engine sees it. */
export class CudaDevice implements EngineDevice<CudaTensor, Device, Launches, Plan> {
  readonly numbers = 'float64'
  readonly launched = isGlobal
  private readonly shared: Shared

  constructor(shared: Shared) {
    this.shared = shared
  }

  private get device(): Device {
    return this.shared.device
  }

  check(): void {}

  host(tensor: CudaTensor): ArrayBufferView | undefined {
    return isHost(tensor) ? tensor : undefined
  }

  place(tensor: Exclude<CudaTensor, ArrayBufferView>, name: string): Place<Device> {
    if (tensor instanceof DeviceArray) tensor.check(name)
    const { pointer, length, dtype = 'float32' } = tensor
    return { memory: this.device, at: Number(pointer), bytes: bytesEach[dtype] * length }
  }

  tensor({ at }: Place<Device>, { size, dtype }: TensorInfo): DeviceArray {
    return new DeviceArray(this.device, BigInt(at), size, dtype, true)
  }

  loss(loss: CudaTensor): number | Place<Device> {
    const { dtype, size } = describe(this.device, loss, 'The loss')
    if (bytesEach[dtype] === 2)
      throw refuse(
        'bad-dtype',
        `The loss is ${dtype}. Give a number, or one of float32 or float64.`,
      )
    if (size < 1) throw refuse('bad-shape', 'The loss has no number. Give one.')
    if (!isHost(loss)) return { ...this.place(loss, 'The loss'), bytes: bytesEach[dtype] }
    const { buffer, byteOffset, byteLength } = loss
    return decode(new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength), dtype)[0]
  }

  allocate(tensors: readonly TensorInfo[], what: string): Place<Device>[] {
    const { device } = this
    if (tensors.length && device.capturing)
      throw refuse(
        'unsupported',
        'A step is captured whose gradients are on the host, or where parameters are, and have to be copied. ' +
          'Capture steps with gradients of their own on the device.',
      )
    const places: Place<Device>[] = []
    try {
      for (const { name, size, dtype } of tensors) {
        const bytes = bytesEach[dtype] * size
        const pointer = device.alloc(bytes, `${what} ${name}`)
        places.push({ memory: device, at: Number(pointer), bytes })
        if (bytes) device.do((driver) => driver.fill(pointer, 0, bytes, device.stream))
      }
      return places
    } catch (error) {
      this.free(places)
      throw error
    }
  }

  free(places: readonly Place<Device>[]): void {
    for (const { at } of places) this.device.free(BigInt(at))
  }

  load(program: Program, compiled: Compiled): Functions<Launches> {
    const { modules, ptx } = this.shared
    const given = launchedBy(program)
    const used = new Set(program.tensors.map(({ dtype }) => dataOf[dtype]))
    const data = ptxData.filter((each) => used.has(each))
    const launches = (kernels: Kernels, part: string): Launches => {
      const name = `freestep_${program.name.replace(/\W+/g, '_')}_${part}`
      const module = emitPtx(kernels, { ...ptx, name, data, given })
      const entries = module.kernels.map(({ entry }) => entry)
      const handles = modules.make(module.code, entries)
      return module.kernels.map(({ grid }, i) => ({ grid, kernel: handles[i] }))
    }
    return {
      step: launches(compiled.step, 'step'),
      init: launches(compiled.init, 'init'),
      evaluate: compiled.evaluate && launches(compiled.evaluate, 'evaluate'),
    }
  }

  memory(program: Program, compiled: Compiled): CudaMemory {
    return new CudaMemory(this.device, program, compiled, launchedBy(program))
  }

  work<R>(f: (work: Work<Device, Launches, Plan>) => R): R {
    const { device } = this
    const borrowed: Place<Device>[] = []
    try {
      return f({
        recorded: false,
        borrow: (tensor, what) => {
          const [place] = this.allocate([tensor], what)
          borrowed.push(place)
          return place
        },
        upload: (to, numbers, what) => {
          if (device.capturing)
            throw refuse(
              'unsupported',
              `A step is captured for which ${what} comes from the host. Capture steps whose gradients are on the device, ` +
                'with options that are constant, or the same for all parameters.',
            )
          device.upload(BigInt(to.at), numbers)
        },
        copy: (from, to) =>
          device.do((driver) =>
            driver.copy(BigInt(to.at), BigInt(from.at), to.bytes, device.stream),
          ),
        launch: (launches, plan, numbers, loss) => this.launch(launches, plan, numbers, loss),
      })
    } finally {
      this.free(borrowed)
    }
  }

  private launch(
    launches: Launches,
    plan: Plan,
    numbers: Readonly<Record<string, readonly number[]>>,
    loss: Place<Device> | undefined,
  ): void {
    const { device } = this
    const { parameters } = plan.memory
    if (device.capturing) plan.kept = true
    for (const [name, [number]] of Object.entries(numbers)) parameters.set(givenOf(name), number)
    parameters.set('loss', BigInt(loss?.at ?? 0))
    parameters.set('lossWide', loss?.bytes === 8 ? 1 : 0)
    parameters.set('tensors', plan.tensors)
    parameters.set('chunks', plan.chunks)
    const block = [this.shared.ptx.threads, 1, 1] as const
    device.do((driver) => {
      for (const { kernel, grid } of launches) {
        const blocks = [grid === 'chunks' ? plan.blocks : 1, 1, 1] as const
        const spread = { grid: blocks, block, sharedBytes: 0 }
        driver.launch(kernel, spread, parameters.bytes, device.stream)
      }
    })
  }

  read(places: readonly Place<Device>[]): readonly Uint8Array[] {
    return places.map(({ at, bytes }) => this.device.download(new Uint8Array(bytes), BigInt(at)))
  }
}
