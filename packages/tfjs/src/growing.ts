/**
 * Core's optimizer over a set of variables that may grow: starts at the first step, lets variables join with their own start, notices
 * those that were disposed, and resumes from a checkpoint once a step has shown which variables it is of.
 * Not the tf.Optimizer: optimizer.ts checks what comes in and speaks to tfjs.
 */
import {
  type Algorithm,
  type Checkpoint,
  createOptimizerSync,
  FreestepError,
  type Group,
  type Optimizer,
  type Program,
} from '@freestep/core'
import * as tf from '@tensorflow/tfjs-core'
import { tfjs } from './backend.ts'
import type { Execution } from './engine.ts'
import { byLabel, startingAt } from './groups.ts'
import { deserted, discard, joined, type Slot, slotsOf, swept } from './slots.ts'
import { bad, ordered, type Part, restore, variablesOf } from './weights.ts'

/** How an optimizer runs, beside the options of its algorithm. */
export interface RunSettings<O> {
  /**
   * Options of the algorithm for some of the variables, named by `params`: a list of names, or a function of the name. Of several groups
   * that name a variable, the later wins.
   */
  readonly groups?: readonly Group<O>[]
  /** Runs the algorithm for each group by itself, with its own estimates (its own d). */
  readonly splitGroups?: boolean
  /** False runs steps operation by operation also where they could be fused: slower, and what fused ones are tested against. */
  readonly fused?: boolean
}

/** A variable with its gradient. */
export interface Given {
  readonly variable: tf.Variable
  readonly gradient: tf.Tensor
}

/** An optimizer whose variables are those that its steps name. */
export class GrowingOptimizer {
  /** How many steps were taken, those before the checkpoint included. */
  steps = 0
  private readonly algorithm: Algorithm
  private readonly settings: RunSettings<object>
  private slots: readonly Slot[] = []
  private names: ReadonlyMap<tf.Variable, string> = new Map()
  private parts: Part[] = []
  private running: Optimizer<tf.Tensor> | undefined
  /** A checkpoint, until a step has shown which variables it is of. */
  private pending: Checkpoint | undefined

  constructor(algorithm: Algorithm, settings: RunSettings<object>) {
    this.algorithm = algorithm
    this.settings = settings
  }

  /** Takes a step. If it fails, variables and states are as before. */
  step(given: readonly Given[], loss: number | tf.Tensor | undefined): void {
    const starting = !this.running
    this.checkLoss(loss)
    try {
      this.join(given.map(({ variable }) => variable))
      this.checkLoss(loss)
      this.running?.step(Object.fromEntries(given.map(({ variable, gradient }) => [this.names.get(variable), gradient])), {
        loss,
      })
    } catch (error) {
      if (starting) this.stop()
      throw error
    }
    this.pending = undefined
    this.steps++
  }

  private checkLoss(loss: number | tf.Tensor | undefined): void {
    if (loss !== undefined || !this.parts.some(({ program }) => program.usesLoss)) return
    throw new FreestepError(
      'tfjs',
      'missing-loss',
      `${this.algorithm.name} needs the value of the objective. Use minimize, or applyGradients(gradients, { loss }).`,
    )
  }

  /** Sees to it that core's optimizer runs on these variables, and on all earlier ones that are still there. */
  private join(variables: readonly tf.Variable[]): void {
    const present = swept(this.slots)
    try {
      if (deserted(present)) this.release()
      const slots = this.running ? present : this.pending ? this.resume(this.pending, variables) : this.slots
      const wanted = joined(slots, variables)
      if (wanted !== this.slots) this.start(wanted)
    } finally {
      discard(present, this.slots)
    }
  }

  /** Starts with the slots of a checkpoint, and writes it into them. */
  private resume(checkpoint: Checkpoint, variables: readonly tf.Variable[]): readonly Slot[] {
    const saved = variablesOf(checkpoint)
    const slots = slotsOf(saved, variables)
    const list = (of: readonly { name: string }[]) => of.map(({ name }) => name).join(', ')
    if (!slots) throw bad(`it is of the variables ${list(saved)}, and the step is for ${list(variables)}. Train the same model`)
    this.start(slots.length ? slots : joined(slots, variables))
    restore(checkpoint, this.parts)
    return this.slots
  }

  /** Starts core's optimizer, or lets it go on, with these slots. */
  private start(slots: readonly Slot[]): void {
    const later = startingAt(this.steps)
    const labels = new Map(slots.map(({ name, label }) => [name, label]))
    const variables = Object.keys(tf.engine().registeredVariables)
    const backend = tfjs({ fused: this.settings.fused })
    // An engine that runs already goes on with the longer program, and its states with it.
    const start = (program: Program, params: readonly tf.Tensor[]) => {
      const known = this.parts.find((part) => part.program.tensors[0].name === program.tensors[0].name)
      if (!known) {
        const engine = backend.start(program, params)
        this.parts.push({ program, engine })
        return engine
      }
      known.engine.extend(program, params)
      known.program = program
      return known.engine
    }
    try {
      this.running = createOptimizerSync(
        { ...this.algorithm, options: later(this.algorithm.options) },
        Object.fromEntries(slots.map(({ name, variable }) => [name, variable])),
        { ...backend, start },
        { groups: byLabel((this.settings.groups ?? []).map(later), labels, variables), splitGroups: this.settings.splitGroups },
      )
    } catch (error) {
      discard(slots, this.slots)
      throw error
    }
    discard(this.slots, slots)
    this.slots = slots
    this.names = new Map(slots.map(({ variable, name }) => [variable, name]))
  }

  /** How steps run; undefined before the first one. */
  get execution(): Execution | undefined {
    return this.parts[0]?.engine.execution
  }

  /** The algorithm's single numbers, as of the last step. */
  async scalars(): Promise<Record<string, number>> {
    if (this.running) return this.running.scalars()
    const scalars = Object.entries(this.pending?.tensors ?? {}).filter(([, { shape }]) => shape.length === 0)
    return Object.fromEntries(scalars.map(([name, { data }]) => [name, data[0]]))
  }

  /** The live variables, each with a new tensor of the values to evaluate it at. */
  evaluated(): { variable: tf.Variable; point: tf.Tensor }[] {
    if (this.running) this.join([])
    const points = this.running?.evaluated() ?? {}
    return this.slots.flatMap(({ name, variable, absent }) => {
      const own = points[name]
      if (!absent) return { variable, point: own === variable ? tf.clone(own) : own }
      if (own !== variable) own.dispose()
      return []
    })
  }

  /** The whole state, read from the device, variables in the order they came. */
  async save(): Promise<Checkpoint> {
    const { steps, slots } = this
    const { name, options } = this.algorithm
    const text = (_key: string, value: unknown) => (typeof value === 'number' && !Number.isFinite(value) ? String(value) : value)
    if (this.pending) return this.pending
    const { tensors } = (await this.running?.save()) ?? { tensors: {} }
    const checkpoint = { algorithm: name, options: JSON.stringify(options, text), steps, tensors }
    return ordered(
      checkpoint,
      slots.map((slot) => slot.name),
    )
  }

  /** Forgets the present state; the next step resumes from this one. */
  load(checkpoint: Checkpoint): void {
    const { name } = this.algorithm
    if (checkpoint.algorithm !== name)
      throw bad(`it is of ${checkpoint.algorithm}, and this is ${name}. Load it with the optimizer that saved it`)
    if (Object.keys(checkpoint.tensors).some((key) => key.startsWith('x/')))
      throw bad('it holds the parameters too, which a tfjs model keeps by itself. Save it without params: true')
    this.release()
    this.pending = checkpoint
    this.steps = checkpoint.steps
  }

  /** Frees everything and starts over. */
  release(): void {
    this.stop()
    this.pending = undefined
    this.steps = 0
  }

  /** Frees the states and forgets the variables. */
  private stop(): void {
    this.running = undefined
    for (const { engine } of this.parts) engine.dispose()
    this.parts = []
    discard(this.slots)
    this.slots = []
    this.names = new Map()
  }
}
