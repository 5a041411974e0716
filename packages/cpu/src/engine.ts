/**
 * The fused engine: a program compiled to kernels that run over one memory, a few passes a step. Parameters and gradients live in that
 * memory; the caller's own arrays are copied in and out where they are used. Not the arithmetic: that is the compiler's.
 */
import { compile, type Kernels, type Slot } from '@freestep/compiler'
import { type Engine, type Numbers, type Program, type StepInput, uniformsAt } from '@freestep/core'
import { type Arena, arrange, type Bank, view } from './arena.ts'
import type { FloatArray } from './eager.ts'
import { allocate, instantiate, type Memory, type Target } from './machine.ts'
import { segmentsOf, writeSegments } from './segments.ts'

/** A compiled function: its stages, each with the code of every bank. */
interface Running {
  readonly perTensor: boolean
  readonly stages: readonly { readonly pass: boolean; readonly banks: readonly ((a: number, b: number) => void)[] }[]
}

/** What the tables in memory were written for. */
interface Extent {
  readonly perTensor: boolean
  readonly active: readonly number[]
  /** Where each bank's segments begin, and where the last one's end. */
  readonly bounds: readonly number[]
}

/** Runs a program on kernels. */
export class FusedEngine implements Engine<FloatArray> {
  readonly params: readonly FloatArray[]
  readonly gradients: readonly FloatArray[]
  private readonly program: Program
  private readonly arena: Arena
  private readonly memory: Memory
  private readonly slots: ReadonlyMap<string, Slot>
  private readonly globals: Float64Array
  private readonly tensors: Float64Array
  private readonly tensorStride: number
  private readonly stepping: Running
  private evaluating: Running | undefined
  private extent: Extent | undefined
  /** The caller's own parameters, and whether each is what the view on memory is. */
  private readonly own: readonly FloatArray[]
  private readonly follows: boolean[]

  /** `step` may be given compiled otherwise, for tests. */
  constructor(program: Program, params: readonly FloatArray[], target: Target, step = compile(program, 'step')) {
    const init = compile(program, 'init')
    this.program = program
    this.arena = arrange(program, [step, init, ...(program.evaluate ? [compile(program, 'evaluate')] : [])])
    this.memory = allocate(target, this.arena.bytes)
    this.slots = new Map(step.slots.map((slot) => [slot.name, slot]))
    const { buffer } = this.memory
    const { globals, tensors, tensorStride } = this.arena.banks[0].layout
    this.tensorStride = tensorStride
    this.globals = new Float64Array(buffer, globals)
    this.tensors = new Float64Array(buffer, tensors, tensorStride * program.tensors.length)
    this.params = this.views('x')
    this.gradients = this.views('g')
    this.own = params
    this.follows = params.map(() => true)

    for (const [i, param] of params.entries()) this.params[i].set(param)
    this.setUniforms(uniformsAt(program, 0))
    this.run(this.prepare(init), [...params.keys()])
    this.stepping = this.prepare(step)
  }

  /** An array as views on memory, one per tensor. */
  private views(array: string): FloatArray[] {
    const bankOf = (i: number) => this.arena.banks.find(({ tensors }) => tensors.includes(i)) as Bank
    return this.program.tensors.map((_, i) => view(this.memory.buffer, bankOf(i), this.program, array, i))
  }

  private prepare(kernels: Kernels): Running {
    const code = this.arena.banks.map(({ type, layout }) => instantiate(kernels, type, this.memory, layout))
    const stages = kernels.stages.map(({ kind }, i) => ({ pass: kind === 'pass', banks: code.map((bank) => bank[`stage${i}`]) }))
    return { perTensor: kernels.perTensor, stages }
  }

  private run({ perTensor, stages }: Running, active: readonly number[]): void {
    const bounds = this.tables(perTensor, active)
    for (const { pass, banks } of stages)
      if (pass) for (const [i, stage] of banks.entries()) stage(bounds[i], bounds[i + 1])
      else banks[0](bounds[banks.length], active.length)
  }

  /** Writes the tables of segments and tensors, unless they are there from the last time; where each bank's segments begin and end. */
  private tables(perTensor: boolean, active: readonly number[]): readonly number[] {
    const { extent } = this
    if (
      extent?.perTensor === perTensor &&
      extent.active.length === active.length &&
      extent.active.every((i, j) => i === active[j])
    )
      return extent.bounds
    const { banks } = this.arena
    const { segments, active: list } = banks[0].layout
    const taking = new Set(active)
    const found = banks.map((bank) => segmentsOf(this.program, bank, taking, perTensor))
    writeSegments(new Int32Array(this.memory.buffer, segments), found.flat())
    new Int32Array(this.memory.buffer, list, active.length).set(active)
    const bounds = [0]
    for (const { length } of found) bounds.push(bounds[bounds.length - 1] + length)
    this.extent = { perTensor, active, bounds }
    return bounds
  }

  private setUniforms(uniforms: StepInput<FloatArray>['uniforms'], loss?: StepInput<FloatArray>['loss']): void {
    for (const [name, numbers] of Object.entries(uniforms)) this.setSlot(name, numbers)
    if (this.program.usesLoss && loss !== undefined) this.setSlot('loss', typeof loss === 'number' ? [loss] : loss)
  }

  private setSlot(name: string, numbers: ArrayLike<number>): void {
    const { scope, index } = this.slots.get(name) as Slot
    if (scope === 'global') this.globals[index] = numbers[0]
    else for (let i = 0; i < numbers.length; i++) this.tensors[this.tensorStride * i + index] = numbers[i]
  }

  step({ gradients, uniforms, loss }: StepInput<FloatArray>): void {
    const active: number[] = []
    const given: number[] = []
    for (const [i, gradient] of gradients.entries()) {
      if (gradient === undefined) continue
      active.push(i)
      if (gradient === this.gradients[i] || sameMemory(gradient, this.gradients[i])) this.follows[i] = false
      else given.push(i)
    }
    this.copyIn(given)
    for (const i of given) this.gradients[i].set(gradients[i] as FloatArray)
    this.setUniforms(uniforms, loss)
    this.run(this.stepping, active)
    this.copyOut(given)
  }

  /** Takes over what the caller wrote into arrays of their own. */
  private copyIn(tensors: Iterable<number>): void {
    for (const i of tensors) if (this.follows[i]) this.params[i].set(this.own[i])
  }

  private copyOut(tensors: Iterable<number>): void {
    for (const i of tensors) {
      this.own[i].set(this.params[i])
      this.follows[i] = true
    }
  }

  read(state: string): readonly Numbers[] {
    if (state === 'x') this.copyIn(this.params.keys())
    const slot = this.slots.get(state)
    if (!slot) return this.views(state).map((part) => part.slice())
    if (slot.scope === 'global') return [Float64Array.of(this.globals[slot.index])]
    return this.params.map((_, i) => Float64Array.of(this.tensors[this.tensorStride * i + slot.index]))
  }

  write(state: string, numbers: readonly Numbers[]): void {
    if (this.slots.has(state))
      this.setSlot(
        state,
        numbers.map(([number]) => number),
      )
    else for (const [i, part] of this.views(state).entries()) part.set(numbers[i])
    if (state === 'x') this.copyOut(this.params.keys())
  }

  evaluated(): readonly FloatArray[] {
    const { program } = this
    this.copyIn(this.params.keys())
    if (!program.evaluate) return this.params
    this.evaluating ??= this.prepare(compile(program, 'evaluate'))
    const gradients = this.gradients.map((gradient) => gradient.slice())
    this.setUniforms(uniformsAt(program, 0))
    this.run(this.evaluating, [...this.params.keys()])
    const points = this.gradients.map((point) => point.slice())
    for (const [i, gradient] of gradients.entries()) this.gradients[i].set(gradient)
    return points
  }

  dispose(): void {
    this.copyOut([...this.params.keys()].filter((i) => !this.follows[i]))
  }
}

const sameMemory = (a: FloatArray, b: FloatArray) => a.buffer === b.buffer && a.byteOffset === b.byteOffset
