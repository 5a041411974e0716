/**
 * The engine behind every optimizer here: a fused one where the active tfjs backend lets it be, an
 * eager one elsewhere, and another one when tf.setBackend has changed the backend meanwhile. Not
 * the arithmetic.
 */
import {
  type Engine,
  FreestepError,
  type Numbers,
  type Program,
  type StepInput,
} from '@freestep/core'
import type { Tensor, Variable } from '@tensorflow/tfjs-core'
import type { TensorFlow } from './eager.ts'
import { type EagerEngine, startEager } from './eagerEngine.ts'
import { type FusedEngine, fusedStart, type Start } from './fused.ts'
import { LinearEngine } from './linear.ts'
import { isVariable } from './tensors.ts'

/** How the steps of an optimizer run. */
export interface Execution {
  /** The tfjs backend. */
  readonly backend: string
  /** In a few passes over memory, or else operation by operation. */
  readonly fused: boolean
}

type Running =
  | { readonly backend: string; readonly fused: FusedEngine }
  | { readonly backend: string; readonly fused: undefined; readonly eager: EagerEngine }

/** A program on variables of tfjs. */
export class TfjsEngine implements Engine<Tensor> {
  private readonly tf: TensorFlow
  private readonly mayFuse: boolean
  private program: Program
  private variables: readonly Tensor[]
  private running: Running

  constructor(tf: TensorFlow, mayFuse: boolean, program: Program, params: readonly Tensor[]) {
    this.tf = tf
    this.mayFuse = mayFuse
    this.program = program
    this.variables = params
    this.running = this.start(this.fusing())
  }

  /**
   * How to start a fused engine on the present backend; undefined where there is no way, or none is
   * wanted.
   */
  private fusing(): Start | undefined {
    return this.mayFuse ? fusedStart(this.tf) : undefined
  }

  private start(fusing: Start | undefined): Running {
    const { tf, program, variables } = this
    const backend = tf.getBackend()
    if (fusing) return { backend, fused: fusing(program, variables) }
    return { backend, fused: undefined, eager: startEager(tf, program, variables) }
  }

  /** How steps run now. */
  get execution(): Execution {
    const { backend, fused } = this.running
    return { backend, fused: fused !== undefined }
  }

  private get engine(): Engine<Tensor> {
    return this.running.fused ?? this.running.eager
  }

  get params(): readonly Tensor[] {
    return this.variables
  }

  step({ gradients, ...rest }: StepInput<Tensor>): void {
    this.follow()
    const { tf } = this
    // A variable that serves as a gradient keeps its present value for as long as the step lasts.
    const still = (gradient: Tensor | undefined) =>
      gradient && isVariable(gradient) ? tf.clone(gradient) : gradient
    tf.tidy(() => this.engine.step({ gradients: gradients.map(still), ...rest }))
  }

  /** Goes on where tfjs does, fused where that is possible. */
  private follow(): void {
    const { running, tf } = this
    if (running.backend === tf.getBackend()) return
    const fusing = this.fusing()
    // What is kept eagerly are tensors, which tfjs takes along by itself.
    if (!running.fused && !fusing) this.running = { ...running, backend: tf.getBackend() }
    else this.move(fusing)
  }

  /**
   * Starts on the present backend with the states as they are; all stays as it was if that fails.
   */
  private move(fusing: Start | undefined): void {
    const { engine, program } = this
    const read = this.reader()
    const next = this.start(fusing)
    const there = next.fused ?? next.eager
    try {
      for (const state of Object.keys(program.states)) void there.write(state, read(state))
    } catch (error) {
      there.dispose()
      throw error
    }
    engine.dispose()
    this.running = next
  }

  /** Reads states at once. */
  private reader(): (state: string) => readonly Numbers[] {
    const { running, tf } = this
    if (!running.fused)
      return (state) =>
        running.eager.tensors(state).map((tensor) => Float32Array.from(tensor.dataSync()))
    const { backend, fused } = running
    if (fused instanceof LinearEngine) return (state) => fused.read(state)
    throw new FreestepError(
      'tfjs',
      'unsupported',
      `The backend was changed from ${backend} to ${tf.getBackend()}, and states on ${backend} cannot be read at once. ` +
        'Call save() of the optimizer before the change, and load() after it.',
    )
  }

  extended(program: Program, params: readonly Tensor[]): this {
    this.follow()
    const { running } = this
    if (running.fused) this.running = { ...running, fused: running.fused.extended(program, params) }
    else running.eager.extended(program, params)
    this.program = program
    this.variables = params
    return this
  }

  read(state: string): ReturnType<Engine<Tensor>['read']> {
    if (state !== 'x') return this.engine.read(state)
    return Promise.all(
      this.variables.map(async (variable) => Float32Array.from(await variable.data<'float32'>())),
    )
  }

  write(state: string, numbers: readonly Numbers[]): ReturnType<Engine<Tensor>['write']> {
    if (state !== 'x') return this.engine.write(state, numbers)
    const { tf } = this
    tf.tidy(() => {
      for (const [i, variable] of this.variables.entries())
        (variable as Variable).assign(
          tf.tensor(Float32Array.from(numbers[i]), variable.shape, 'float32'),
        )
    })
  }

  evaluated(): readonly Tensor[] {
    this.follow()
    return this.engine.evaluated()
  }

  dispose(): void {
    this.engine.dispose()
  }
}
