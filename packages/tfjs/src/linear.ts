/**
 * The fused engine where a processor reaches the tensors: a compiled program at work on what tfjs's
 * wasm and cpu backends hold. States live in a block of memory of its own. Not how tensors are
 * reached: that is BackendMemory's, see wasm.ts and cpu.ts.
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
  handOver,
  type LayoutOptions,
  type Loaded,
  layOut,
  type MemoryLayout,
  type Place,
  Runner,
  type RunnerMemory,
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
export interface BackendMemory {
  /** Memory for states, zeroed. */
  claim(layOut: (options: LayoutOptions) => MemoryLayout): RunnerMemory
  /** Sees to it that writing to a variable, in place, changes nothing else. */
  separate(variable: Variable): void
  /**
   * Makes a variable and its gradient (or room for a result) reachable for kernels; says where, if
   * that is not in the memory of states.
   */
  enter(runner: Runner, active: Active): Place | undefined
  /**
   * Gives variables the numbers that kernels have written. Data that tfjs knows by an id never
   * changes: they get other ids.
   */
  leave(runner: Runner, active: readonly Active[]): void
  /** The result that kernels have written in place of a gradient: that tensor, or a new one. */
  result(runner: Runner, active: Active): Tensor
  /** Gives the memory back. */
  free(): void
}

/** Runs a program on kernels for WebAssembly or JavaScript. */
export class LinearEngine implements Engine<Tensor> {
  readonly params: readonly Tensor[]
  private readonly tf: TensorFlow
  private readonly backendMemory: () => BackendMemory
  private readonly own: BackendMemory
  private readonly program: Program
  private readonly runner: Runner
  private readonly stepping: Loaded
  private readonly evaluating: Loaded | undefined

  constructor(
    tf: TensorFlow,
    backendMemory: () => BackendMemory,
    program: Program,
    params: readonly Tensor[],
  ) {
    const step = compile(program, 'step')
    const init = compile(program, 'init')
    const evaluate = program.evaluate && compile(program, 'evaluate')
    const functions = [step, init, ...(evaluate ? [evaluate] : [])]
    this.tf = tf
    this.backendMemory = backendMemory
    this.own = backendMemory()
    this.program = program
    this.params = params
    this.runner = new Runner(
      program,
      functions,
      this.own.claim((options) => layOut(program, functions, options)),
    )
    this.setUniforms(fixedUniforms(program))
    this.run(this.runner.prepare(init), this.everything(params))
    this.stepping = this.runner.prepare(step)
    this.evaluating = evaluate && this.runner.prepare(evaluate)
  }

  /**
   * An engine for more tensors, this one's first, that goes on from its states; this one is
   * disposed.
   */
  extended(program: Program, params: readonly Tensor[]): LinearEngine {
    const next = new LinearEngine(this.tf, this.backendMemory, program, params)
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
    if (this.program.usesLoss && value !== undefined) this.runner.set('loss', [value])
    this.run(this.stepping, active)
    this.own.leave(this.runner, active)
  }

  private setUniforms(uniforms: StepInput<Tensor>['uniforms']): void {
    for (const [name, numbers] of Object.entries(uniforms)) this.runner.set(name, numbers)
  }

  private run(prepared: Loaded, active: readonly Active[]): void {
    const places: Place[] = []
    for (const each of active) {
      const place = this.own.enter(this.runner, each)
      if (place) places[each.i] = place
    }
    this.runner.run(
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
    const single = this.runner.get(state)
    return single
      ? single.map((number) => Float64Array.of(number))
      : this.runner.views(state).map((part) => part.slice())
  }

  write(state: string, numbers: readonly Numbers[]): void {
    const single = numbers.map(([number]) => number)
    if (this.runner.get(state)) this.runner.set(state, single)
    else for (const [i, part] of this.runner.views(state).entries()) part.set(numbers[i])
  }

  evaluated(): readonly Tensor[] {
    const { evaluating, tf } = this
    if (!evaluating) return this.params
    return tf.tidy(() => {
      const all = this.everything(this.params.map(({ shape }) => tf.zeros(shape)))
      this.setUniforms(fixedUniforms(this.program))
      this.run(evaluating, all)
      return all.map((each) => this.own.result(this.runner, each))
    })
  }

  dispose(): void {
    this.own.free()
  }
}
