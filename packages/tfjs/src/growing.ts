/**
 * Core's optimizer over a set of variables that may grow: starts at the first step, lets variables
 * join with their own start, notices those that were disposed, and resumes from a checkpoint once a
 * step has shown which variables it is of. Not the tf.Optimizer: optimizer.ts checks what comes in
 * and speaks to tfjs.
 */
import {
  type Algorithm,
  type Checkpoint,
  createOptimizerSync,
  FreestepError,
  type Group,
  type LoadOptions,
  type Optimizer,
  partition,
} from '@freestep/core'
import * as tf from '@tensorflow/tfjs-core'
import { type TfjsBackend, tfjs } from './backend.ts'
import type { Execution } from './engine.ts'
import { byLabel, checkNames } from './groups.ts'
import { deserted, discard, isDeserted, joined, type Slot, slotsOf, swept } from './slots.ts'
import { bad, ordered, variablesOf, without } from './weights.ts'

/** How an optimizer runs, beside the options of its algorithm. */
export interface RunSettings<O> {
  /**
   * Options of the algorithm for some of the variables, named by `params`: a list of names, or a
   * function of the name. Of several groups that name a variable, the later wins.
   */
  readonly groups?: readonly Group<O>[]
  /** Runs the algorithm for each group by itself, with its own estimates (its own d). */
  readonly splitGroups?: boolean
  /**
   * False runs steps operation by operation also where they could be fused: slower, and what fused
   * ones are tested against.
   */
  readonly fused?: boolean
}

/** A variable with its gradient. */
export interface Given {
  readonly variable: tf.Variable
  readonly gradient: tf.Tensor
}

/** An optimizer whose variables are those that its steps name. */
export class GrowingOptimizer {
  private readonly algorithm: Algorithm
  private readonly settings: RunSettings<object>
  private readonly backend: TfjsBackend
  private slots: readonly Slot[] = []
  private names: ReadonlyMap<tf.Variable, string> = new Map()
  /** The name that groups know each slot by. */
  private labels: ReadonlyMap<string, string> = new Map()
  private running: Optimizer<tf.Tensor> | undefined
  /** A checkpoint, until a step has shown which variables it is of. */
  private pending: Checkpoint | undefined
  private pendingOptions: LoadOptions | undefined

  constructor(algorithm: Algorithm, settings: RunSettings<object>) {
    this.algorithm = algorithm
    this.settings = settings
    this.backend = tfjs({ fused: settings.fused })
  }

  /** How many steps were taken, those before the checkpoint included. */
  get steps(): number {
    return this.running?.steps ?? this.pending?.steps ?? 0
  }

  /** How steps run; undefined before the first one. */
  get execution(): Execution | undefined {
    return this.running && this.backend.execution
  }

  /** Takes a step. If it fails, variables and states are as before. */
  step(given: readonly Given[], loss: number | tf.Tensor | undefined): void {
    const starting = !this.running
    try {
      this.join(given.map(({ variable }) => variable))
      this.running?.step(
        Object.fromEntries(
          given.map(({ variable, gradient }) => [this.names.get(variable), gradient]),
        ),
        {
          loss,
        },
      )
    } catch (error) {
      if (starting) this.stop()
      throw error instanceof FreestepError && error.code === 'missing-loss'
        ? this.missingLoss()
        : error
    }
    this.pending = undefined
  }

  private missingLoss(): FreestepError {
    return new FreestepError(
      'tfjs',
      'missing-loss',
      `${this.algorithm.name} needs the value of the objective. Use minimize, or applyGradients(gradients, { loss }).`,
    )
  }

  /**
   * Sees to it that core's optimizer runs on these variables, and on all earlier ones that are
   * still there.
   */
  private join(variables: readonly tf.Variable[]): void {
    const present = swept(this.slots)
    try {
      if (deserted(present)) this.release()
      const wanted = joined(this.slotsBefore(present, variables), variables)
      if (wanted !== this.slots) this.start(wanted)
    } finally {
      discard(present, this.slots)
    }
  }

  /** The slots that new variables join. */
  private slotsBefore(present: readonly Slot[], variables: readonly tf.Variable[]) {
    if (this.running) return present
    return this.pending ? this.resume(this.pending, variables) : this.slots
  }

  /** Starts with the slots of a checkpoint, and writes it into them. */
  private resume(checkpoint: Checkpoint, variables: readonly tf.Variable[]): readonly Slot[] {
    const saved = variablesOf(checkpoint)
    const slots = slotsOf(saved, variables)
    const list = (of: readonly { name: string }[]) => of.map(({ name }) => name).join(', ')
    if (!slots)
      throw bad(
        `it is of the variables ${list(saved)}, and the step is for ${list(variables)}. Train the same model`,
      )
    this.start(slots.length ? slots : joined(slots, variables))
    this.running?.loadSync(checkpoint, this.pendingOptions)
    return this.slots
  }

  /** Starts core's optimizer, or lets it go on, with these slots. */
  private start(slots: readonly Slot[]): void {
    const { algorithm, backend } = this
    const { groups = [], splitGroups } = this.settings
    const params = Object.fromEntries(slots.map(({ name, variable }) => [name, variable]))
    this.labels = new Map(slots.map(({ name, label }) => [name, label]))
    try {
      checkNames(groups, [
        ...new Set([...this.labels.values(), ...Object.keys(tf.engine().registeredVariables)]),
      ])
      if (this.running) this.running.extend(params)
      else {
        this.running = createOptimizerSync(algorithm, params, backend, {
          groups: this.byLabel(groups),
          splitGroups,
        })
      }
    } catch (error) {
      discard(slots, this.slots)
      throw error
    }
    discard(this.slots, slots)
    this.slots = slots
    this.names = new Map(slots.map(({ variable, name }) => [variable, name]))
  }

  /** The algorithm's single numbers, as of the last step. */
  async scalars(): Promise<Record<string, number>> {
    if (this.running) return this.running.scalars()
    const scalars = Object.entries(this.pending?.tensors ?? {}).filter(
      ([, { shape }]) => shape.length === 0,
    )
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

  /**
   * The whole state, read from the device, variables in the order they came and those that are gone
   * left out. When all are gone it is that of a start, as the next step will be one.
   */
  async save(): Promise<Checkpoint> {
    if (this.pending) return this.pending
    const { running, slots } = this
    const gone = new Set(slots.filter(isDeserted).map(({ name }) => name))
    if (!running || gone.size === slots.length)
      return { algorithm: this.algorithm.name, options: '{}', steps: 0, tensors: {} }
    const parts = this.parts()
    return without(ordered(await running.save(), [...this.labels.keys()]), gone, parts)
  }

  /** The names that are one vector each. */
  private parts(): readonly (readonly string[])[] {
    const { groups = [], splitGroups } = this.settings
    const names = this.slots.map(({ name }) => name)
    if (!splitGroups) return [names]
    const tensors = this.slots.map(
      ({ name, variable: { shape, size } }) => ({ name, shape, size, dtype: 'float32' }) as const,
    )
    return partition(tensors, this.byLabel(groups)).map((part) => part.map((i) => names[i]))
  }

  private byLabel(groups: readonly Group<object>[]): Group<object>[] {
    return byLabel(groups, (name) => this.labels.get(name) ?? name)
  }

  /** The settings to save: groups name no variables that are gone. */
  get savedSettings(): RunSettings<object> {
    const { groups, ...settings } = this.settings
    const present = new Set(
      this.slots.filter((slot) => !isDeserted(slot)).map(({ label }) => label),
    )
    const gone = new Set(
      this.slots.map(({ label }) => label).filter((label) => !present.has(label)),
    )
    const left = groups?.map((group) =>
      typeof group.params === 'function'
        ? group
        : { ...group, params: group.params.filter((name) => !gone.has(name)) },
    )
    return { ...settings, groups: left }
  }

  /** Forgets the present state; the next step resumes from this one. */
  load(checkpoint: Checkpoint, options?: LoadOptions): void {
    const { name } = this.algorithm
    if (checkpoint.algorithm !== name)
      throw bad(
        `it is of ${checkpoint.algorithm}, and this is ${name}. Load it with the optimizer that saved it`,
      )
    if (Object.keys(checkpoint.tensors).some((key) => key.startsWith('x/')))
      throw bad(
        'it holds the parameters too, which a tfjs model keeps by itself. Save it without params: true',
      )
    this.release()
    this.pending = checkpoint
    this.pendingOptions = options
  }

  /** Frees everything and starts over. */
  release(): void {
    this.stop()
    this.pending = undefined
  }

  /** Frees the states and forgets the variables. */
  private stop(): void {
    this.running?.dispose()
    this.running = undefined
    discard(this.slots)
    this.slots = []
    this.names = new Map()
  }
}
