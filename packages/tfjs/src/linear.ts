/**
 * The fused engine where a processor reaches the tensors: a compiled program at work on what tfjs's
 * wasm and cpu backends hold. States live in a block of memory of its own. Not how tensors are
 * reached: that is the terrain's, see wasm.ts and cpu.ts.
 */
import { compile } from '@freestep/compiler'
import {
  type Engine,
  fixedUniforms,
  type Numbers,
  type Program,
  type StepInput,
} from '@freestep/core'
import {
  type Arena,
  arrange,
  type Ground,
  handOver,
  Machine,
  type Place,
  type Prepared,
  type Site,
} from '@freestep/cpu/kernels'
import type { Tensor, Variable } from '@tensorflow/tfjs-core'
import type { TensorFlow } from './eager.ts'

/** A variable that takes part in a step: which of the program's tensors it is, and its gradient. */
export interface Active {
  readonly i: number
  readonly variable: Variable
  readonly gradient: Tensor
}

/** How the memory of one tfjs backend is used by one engine. */
export interface Terrain {
  /** Memory for an arena, zeroed. */
  claim(layout: (site: Site) => Arena): Ground
  /** Sees to it that writing to a variable, in place, changes nothing else. */
  separate(variable: Variable): void
  /**
   * Makes a variable and its gradient (or room for a result) reachable for kernels; says where, if
   * that is not in the arena.
   */
  enter(machine: Machine, active: Active): Place | undefined
  /**
   * Gives variables the numbers that kernels have written. Data that tfjs knows by an id never
   * changes: they get other ids.
   */
  leave(machine: Machine, active: readonly Active[]): void
  /** The result that kernels have written in place of a gradient: that tensor, or a new one. */
  result(machine: Machine, active: Active): Tensor
  /** Gives the memory back. */
  free(): void
}

/** Runs a program on kernels for WebAssembly or JavaScript. */
export class LinearEngine implements Engine<Tensor> {
  readonly params: readonly Tensor[]
  private readonly tf: TensorFlow
  private readonly terrain: () => Terrain
  private readonly own: Terrain
  private readonly program: Program
  private readonly machine: Machine
  private readonly stepping: Prepared
  private readonly evaluating: Prepared | undefined

  constructor(tf: TensorFlow, terrain: () => Terrain, program: Program, params: readonly Tensor[]) {
    const step = compile(program, 'step')
    const init = compile(program, 'init')
    const evaluate = program.evaluate && compile(program, 'evaluate')
    const functions = [step, init, ...(evaluate ? [evaluate] : [])]
    this.tf = tf
    this.terrain = terrain
    this.own = terrain()
    this.program = program
    this.params = params
    this.machine = new Machine(
      program,
      functions,
      this.own.claim((site) => arrange(program, functions, site)),
    )
    this.setUniforms(fixedUniforms(program))
    this.run(this.machine.prepare(init), this.everything(params))
    this.stepping = this.machine.prepare(step)
    this.evaluating = evaluate && this.machine.prepare(evaluate)
  }

  /**
   * An engine for more tensors, this one's first, that goes on from its states; this one is
   * disposed.
   */
  extended(program: Program, params: readonly Tensor[]): LinearEngine {
    const next = new LinearEngine(this.tf, this.terrain, program, params)
    handOver(this.program, program, this, next)
    this.dispose()
    return next
  }

  step({ gradients, uniforms, loss }: StepInput<Tensor>): void {
    const active = gradients.flatMap((gradient, i) =>
      gradient ? [{ i, variable: this.params[i] as Variable, gradient }] : [],
    )
    const value = typeof loss === 'object' ? loss.dataSync()[0] : loss
    for (const { variable } of active) this.own.separate(variable)
    this.setUniforms(uniforms)
    if (this.program.usesLoss && value !== undefined) this.machine.set('loss', [value])
    this.run(this.stepping, active)
    this.own.leave(this.machine, active)
  }

  private setUniforms(uniforms: StepInput<Tensor>['uniforms']): void {
    for (const [name, numbers] of Object.entries(uniforms)) this.machine.set(name, numbers)
  }

  private run(prepared: Prepared, active: readonly Active[]): void {
    const places: Place[] = []
    for (const each of active) {
      const place = this.own.enter(this.machine, each)
      if (place) places[each.i] = place
    }
    this.machine.run(
      prepared,
      active.map(({ i }) => i),
      places.length ? places : undefined,
    )
  }

  /** All tensors, with something in place of gradients. */
  private everything(gradients: readonly Tensor[]): Active[] {
    return this.params.map((variable, i) => ({
      i,
      variable: variable as Variable,
      gradient: gradients[i],
    }))
  }

  read(state: string): readonly Numbers[] {
    const single = this.machine.get(state)
    return single
      ? single.map((number) => Float64Array.of(number))
      : this.machine.views(state).map((part) => part.slice())
  }

  write(state: string, numbers: readonly Numbers[]): void {
    const single = numbers.map(([number]) => number)
    if (this.machine.get(state)) this.machine.set(state, single)
    else for (const [i, part] of this.machine.views(state).entries()) part.set(numbers[i])
  }

  evaluated(): readonly Tensor[] {
    const { evaluating, tf } = this
    if (!evaluating) return this.params
    return tf.tidy(() => {
      const all = this.everything(this.params.map(({ shape }) => tf.zeros(shape)))
      this.setUniforms(fixedUniforms(this.program))
      this.run(evaluating, all)
      return all.map((each) => this.own.result(this.machine, each))
    })
  }

  dispose(): void {
    this.own.free()
  }
}
