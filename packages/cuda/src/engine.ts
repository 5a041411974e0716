/**
 * The fused engine: a program compiled to PTX, one launch for each pass of a step. States live in
 * memory of its own; parameters and gradients stay where they are on the device and are worked on
 * there, unless they come as arrays on the host. Not the arithmetic: that is the compiler's.
 */
import { addressOf, givenOf, type PtxOptions, packed, type Slot } from '@freestep/compiler'
import {
  type Engine,
  fixedUniforms,
  type Numbers,
  Occupied,
  type Program,
  type StepInput,
} from '@freestep/core'
import { allocate, keptOf, type Memory, slotPlace } from './arena.ts'
import { bytesEach, DeviceArray, type Dtype } from './array.ts'
import { decode, encode } from './bytes.ts'
import { type Compiled, compileAll, type Running } from './compiled.ts'
import { type Device, refuse } from './device.ts'
import type { Workshop } from './machine.ts'
import { type Plan, Plans } from './plans.ts'
import { Fields, type Placed } from './tables.ts'
import { type CudaTensor, type DevicePointer, describe, isHost, stretchOf } from './tensors.ts'

/** What engines share. */
export interface Shop {
  readonly device: Device
  readonly workshop: Workshop
  /** How kernels are printed. */
  readonly ptx: Pick<PtxOptions, 'threads' | 'stochastic'>
}

type Uniforms = StepInput<CudaTensor>['uniforms']

/** The loss: a number, unless it is on the device. */
interface Loss {
  readonly number: number
  readonly pointer: bigint
  readonly isWide: boolean
}
const noLoss: Loss = { number: 0, pointer: 0n, isWide: false }

/** A grid of one block. */
const one = [1, 1, 1] as const

/** Runs a program on kernels. */
export class FusedEngine implements Engine<CudaTensor> {
  readonly params: readonly CudaTensor[]
  readonly gradients: readonly CudaTensor[] | undefined
  private readonly program: Program
  private readonly device: Device
  private readonly compiled: Compiled
  private readonly block: readonly [number, number, number]
  private readonly memory: Memory
  private readonly plans: Plans
  private readonly slots: ReadonlyMap<string, Slot>
  private readonly pointers: readonly bigint[]
  /** Where gradients from the host go, by parameter; the rest is made when it is needed. */
  private readonly uploads: (DeviceArray | undefined)[]
  /** Where the parameters are, and for each the last gradient that was found to be elsewhere. */
  private readonly occupied: Occupied
  private readonly apart: (bigint | undefined)[] = []
  /** The parameters of every launch, of which the plan and the numbers given change. */
  private readonly parameters: Fields
  private readonly given: readonly (readonly [field: string, uniform: string])[]
  /** What was last written to the slots of tensors. */
  private written: Uniforms = {}

  constructor({ device, workshop, ptx }: Shop, program: Program, params: readonly CudaTensor[]) {
    this.device = device
    this.program = program
    this.block = [ptx.threads, 1, 1]
    this.compiled = compileAll(workshop, program, ptx)
    this.slots = new Map(this.compiled.kernels[0].slots.map((slot) => [slot.name, slot]))
    this.memory = allocate(device, program, this.compiled.kernels)
    this.uploads = params.map(() => undefined)
    const taken: DeviceArray[] = []
    try {
      this.params = params.map((param, i) => {
        if (!isHost(param)) return param
        const array = this.take(i, 'parameter')
        taken.push(array)
        device.upload(array.pointer, param)
        return array
      })
      this.occupied = new Occupied(this.params.map((param) => stretchOf(device, param)))
      this.pointers = this.params.map((param) => (isHost(param) ? 0n : param.pointer))
      if (params.every(isHost)) for (const i of params.keys()) this.gradientHome(i)
      this.gradients = params.every(isHost)
        ? this.uploads.map((array) => array as DeviceArray)
        : undefined
      this.parameters = this.fixedParameters()
      this.given = this.compiled.given.map((name) => [givenOf(name), name])
      this.plans = new Plans(device, program, this.memory)
      const uniforms = fixedUniforms(program)
      this.setUniforms(uniforms)
      const plan = this.plans.for(params.map((_, i) => this.placed(i, undefined, true)))
      this.run(this.compiled.init, plan, uniforms)
    } catch (error) {
      for (const array of taken) array.free()
      this.release()
      throw error
    }
  }

  /** Memory for something of the size of a parameter, all zero. */
  private take(i: number, what: string): DeviceArray {
    const { name, size, dtype } = this.program.tensors[i]
    const bytes = bytesEach[dtype] * size
    const pointer = this.device.alloc(bytes, `The ${what} ${name}`)
    if (bytes) this.device.do((driver) => driver.fill(pointer, 0, bytes, this.device.stream))
    return new DeviceArray(this.device, pointer, size, dtype, true)
  }

  private gradientHome(i: number): DeviceArray {
    this.uploads[i] ??= this.take(i, 'gradient of')
    return this.uploads[i]
  }

  private fixedParameters(): Fields {
    const { arrays, numbers, ofTensors, partials, control, chunk } = this.memory
    const { parameters } = this.compiled
    const fields = new Fields(parameters, new Uint8Array(packed(parameters).end))
    const count = this.program.tensors.length
    for (const [name, value] of Object.entries({
      numbers,
      ofTensors,
      partials,
      control,
      chunk,
      count,
    }))
      fields.set(name, value)
    for (const [name, address] of arrays) fields.set(addressOf(name), address)
    return fields
  }

  /**
   * Where a tensor is. It takes part if it has a gradient (or room for a result), or where `active`
   * says so.
   */
  private placed(tensor: number, g: bigint | undefined, active = g !== undefined): Placed {
    const { size, dtype } = this.program.tensors[tensor]
    return {
      active,
      size,
      dtype,
      stride: this.program.strides?.[tensor] ?? 1,
      x: this.pointers[tensor],
      g,
    }
  }

  step({ gradients, uniforms, loss }: StepInput<CudaTensor>): void {
    const entries = [...gradients.entries()].filter(
      (entry): entry is [number, CudaTensor] => entry[1] !== undefined,
    )
    for (const [i, param] of this.params.entries())
      if (param instanceof DeviceArray) param.check(`The parameter ${this.program.tensors[i].name}`)
    const lossGiven = this.lossOf(loss)
    if (entries.some(([, gradient]) => isHost(gradient)) && this.device.capturing)
      throw refuse(
        'unsupported',
        'A step is captured whose gradients are on the host. Capture steps with gradients on the device.',
      )
    const copied = entries.filter(
      ([i, gradient]) => isHost(gradient) || this.isParameter(i, gradient),
    )
    const { homes, spare } = this.homesOf(copied, entries)
    try {
      const pointerOf = (gradient: CudaTensor | undefined, i: number) =>
        gradient && (homes.get(i)?.pointer ?? (isHost(gradient) ? 0n : gradient.pointer))
      const plan = this.plans.for(
        gradients.map((gradient, i) => this.placed(i, pointerOf(gradient, i))),
      )
      this.setUniforms(uniforms)
      for (const [i, gradient] of copied) this.bring(gradient, homes.get(i) as DeviceArray)
      this.run(this.compiled.step, plan, uniforms, lossGiven)
    } finally {
      for (const array of spare) array.free()
    }
  }

  /** Whether a gradient is where parameters are, which kernels write to while they read it. */
  private isParameter(i: number, gradient: DeviceArray | DevicePointer): boolean {
    if (this.apart[i] === gradient.pointer) return false
    if (this.occupied.touches(stretchOf(this.device, gradient))) return true
    this.apart[i] = gradient.pointer
    return false
  }

  /**
   * Where gradients go that are copied: their homes, or other memory where one of them is another
   * parameter's gradient in this step.
   */
  private homesOf(
    copied: readonly (readonly [number, CudaTensor])[],
    all: readonly (readonly [number, CudaTensor])[],
  ) {
    const homes = new Map<number, DeviceArray>()
    const spare: DeviceArray[] = []
    // Only homes that the caller knows can be given as gradients.
    const given = this.gradients && copied.length > 0 && copied.length < all.length
    const read = new Occupied(
      given ? all.flatMap(([, each]) => (isHost(each) ? [] : [stretchOf(this.device, each)])) : [],
    )
    for (const [i] of copied) {
      const home = this.gradientHome(i)
      const isRead = given && read.touches(stretchOf(this.device, home))
      homes.set(i, isRead ? this.take(i, 'gradient of') : home)
      if (isRead) spare.push(homes.get(i) as DeviceArray)
    }
    return { homes, spare }
  }

  private bring(gradient: CudaTensor, home: DeviceArray): void {
    if (isHost(gradient)) this.device.upload(home.pointer, gradient)
    else
      this.device.do((driver) =>
        driver.copy(
          home.pointer,
          gradient.pointer,
          bytesEach[home.dtype] * home.length,
          this.device.stream,
        ),
      )
  }

  /** The loss as kernels take it: a number, or where one is on the device. */
  private lossOf(loss: StepInput<CudaTensor>['loss']): Loss {
    if (loss === undefined || !this.program.usesLoss) return noLoss
    if (typeof loss === 'number') return { ...noLoss, number: loss }
    const { dtype, size } = describe(this.device, loss, 'The loss')
    if (bytesEach[dtype] === 2)
      throw refuse(
        'bad-dtype',
        `The loss is ${dtype}. Give a number, or one of float32 or float64.`,
      )
    if (size < 1) throw refuse('bad-shape', 'The loss has no number. Give one.')
    if (isHost(loss)) return { ...noLoss, number: decode(bytesOf(loss), dtype)[0] }
    return { ...noLoss, pointer: loss.pointer, isWide: dtype === 'float64' }
  }

  /** Launches a compiled function. */
  private run(
    launches: Running,
    { tensors, chunks, blocks }: Plan,
    uniforms: Uniforms,
    loss = noLoss,
  ): void {
    const { parameters, block } = this
    for (const [field, name] of this.given)
      parameters.set(field, name === 'loss' ? loss.number : uniforms[name][0])
    parameters.set('loss', loss.pointer)
    parameters.set('lossWide', loss.isWide ? 1 : 0)
    parameters.set('tensors', tensors)
    parameters.set('chunks', chunks)
    this.device.do((driver) => {
      for (const { kernel, grid } of launches) {
        const spread = {
          grid: grid === 'chunks' ? ([blocks, 1, 1] as const) : one,
          block,
          sharedBytes: 0,
        }
        driver.launch(kernel, spread, parameters.bytes, this.device.stream)
      }
    })
  }

  /** Writes the numbers that differ between tensors, where they are new. */
  private setUniforms(uniforms: Uniforms): void {
    const ofTensors = Object.entries(uniforms).filter(
      ([name]) => this.slots.get(name)?.scope === 'tensor',
    )
    const fresh = ofTensors.filter(([name, numbers]) =>
      numbers.some((number, i) => number !== this.written[name]?.[i]),
    )
    if (fresh.length && this.device.capturing)
      throw refuse(
        'unsupported',
        `A step is captured at which ${fresh[0][0]} changes and differs between parameters. Give it one value for all, or a constant.`,
      )
    for (const [name, numbers] of fresh) this.setSlot(name, numbers)
    this.written = Object.fromEntries(ofTensors)
  }

  private setSlot(name: string, numbers: readonly number[]): void {
    const { pointer } = slotPlace(this.memory, this.slots.get(name) as Slot)
    this.device.upload(pointer, Float64Array.from(numbers))
  }

  /** Where a vector's numbers of each tensor are. */
  private parts(
    state: string,
  ): { readonly pointer: bigint; readonly length: number; readonly dtype: Dtype }[] {
    const { tensors, strides } = this.program
    return tensors.map(({ size, dtype }, i) => {
      if (state === 'x') return { pointer: this.pointers[i], length: size, dtype }
      const { state: at, kept, dtype: own } = this.memory.tensors[i]
      const isSlice = this.compiled.kernels[0].arrays[state] === 'slice'
      const base = this.memory.arrays.get(state) ?? 0n
      return {
        pointer: base + BigInt(isSlice ? kept : at),
        length: isSlice ? keptOf(size, strides?.[i]) : size,
        dtype: own,
      }
    })
  }

  read(state: string): readonly Numbers[] {
    const slot = this.slots.get(state)
    if (slot) {
      const { pointer, length } = slotPlace(this.memory, slot)
      return Array.from(this.device.download(new Float64Array(length), pointer), (number) =>
        Float64Array.of(number),
      )
    }
    return this.parts(state).map(({ pointer, length, dtype }) =>
      decode(this.device.download(new Uint8Array(bytesEach[dtype] * length), pointer), dtype),
    )
  }

  write(state: string, numbers: readonly Numbers[]): void {
    if (this.slots.has(state)) {
      this.setSlot(
        state,
        numbers.map(([number]) => number),
      )
      return
    }
    for (const [i, { pointer, dtype }] of this.parts(state).entries())
      this.device.upload(pointer, encode(numbers[i], dtype))
  }

  evaluated(): readonly CudaTensor[] {
    const { evaluate } = this.compiled
    if (!evaluate) return this.params
    const outputs: DeviceArray[] = []
    try {
      for (const i of this.program.tensors.keys()) outputs.push(this.take(i, 'evaluated'))
      const uniforms = fixedUniforms(this.program)
      this.setUniforms(uniforms)
      this.run(
        evaluate,
        this.plans.for(outputs.map(({ pointer }, i) => this.placed(i, pointer))),
        uniforms,
      )
      return outputs
    } catch (error) {
      for (const output of outputs) output.free()
      throw error
    }
  }

  dispose(): void {
    this.release()
  }

  private release(): void {
    for (const pointer of this.memory.allocated) this.device.free(pointer)
    for (const array of this.uploads) if (array && !array.freed) array.free()
    this.plans?.dispose()
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength)
