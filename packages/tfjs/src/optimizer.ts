/**
 * The tf.Optimizer: what `model.compile`, `minimize` and `applyGradients` take, for every algorithm of core. Checks all that tfjs lets
 * a caller get wrong, and speaks tfjs's language of weights and configurations.
 * Not the step, nor the states: those are behind growing.ts.
 */
import { type Algorithm, type Checkpoint, FreestepError, type Schedule, suggest } from '@freestep/core'
import * as tf from '@tensorflow/tfjs-core'
import { tfjs } from './backend.ts'
import type { Execution } from './engine.ts'
import { type Given, GrowingOptimizer, type RunSettings } from './growing.ts'
import { fromTensors, type NamedTensor, toTensors } from './weights.ts'

/** What {@link FreestepOptimizer.applyGradients} takes beside the gradients. */
export interface ApplyOptions {
  /** The value of the objective, for the algorithms that use it; `minimize` gives it by itself. */
  readonly loss?: number | tf.Scalar
}

/** A tf.Optimizer that runs an algorithm of freestep. Made by the factories (`prodigy()`, …) and by `optimizerOf`. */
export abstract class FreestepOptimizer extends tf.Optimizer {
  /** The algorithm, with its options. */
  readonly algorithm: Algorithm
  /** The parameter groups, and how steps are to run. */
  readonly settings: RunSettings<object>
  private readonly growing: GrowingOptimizer
  private readonly listeners = new Set<(optimizer: FreestepOptimizer) => void>()
  /** Tensors given out by getWeights, to be freed by and by. */
  private lent: tf.Tensor[] = []
  private disposed = false

  constructor(algorithm: Algorithm, settings: RunSettings<object> = {}) {
    super()
    this.algorithm = algorithm
    this.settings = settings
    this.growing = new GrowingOptimizer(algorithm, settings)
  }

  /**
   * Computes the gradient of f and takes a step; f's value is also the loss, for the algorithms that use it.
   *
   * @param f - the objective, a function of variables
   * @param returnCost - whether to return its value, which is then the caller's to dispose
   * @param varList - the variables to train; all trainable ones if left out
   * @throws FreestepError as {@link applyGradients}
   */
  override minimize(f: () => tf.Scalar, returnCost = false, varList?: tf.Variable[]): tf.Scalar | null {
    this.alive()
    const { value, grads } = this.computeGradients(f, varList)
    let returned = false
    try {
      this.applyGradients(grads, { loss: value })
      returned = returnCost
    } finally {
      tf.dispose(grads)
      if (!returned) value.dispose()
    }
    return returned ? value : null
  }

  /**
   * Takes a step with given gradients. A variable without one stays as it is, with all that is kept about it, and counts in no sum;
   * a variable seen for the first time joins with its own start.
   *
   * @param gradients - by variable name, or as a list of names and tensors
   * @throws FreestepError for an unknown or disposed variable, a wrong dtype or shape, or a missing loss; nothing is changed then
   */
  applyGradients(gradients: tf.NamedTensorMap | NamedTensor[], { loss }: ApplyOptions = {}): void {
    this.alive()
    this.growing.step(this.checked(gradients, loss), loss)
    this.reclaim()
    for (const listener of this.listeners) listener(this)
  }

  /** The gradients that are there, each with its variable, every one of them fit to be used. */
  private checked(gradients: tf.NamedTensorMap | NamedTensor[], loss: ApplyOptions['loss']): Given[] {
    const backend = tfjs()
    const registered = tf.engine().registeredVariables
    const list = Array.isArray(gradients) ? gradients : Object.entries(gradients).map(([name, tensor]) => ({ name, tensor }))
    const given = list.flatMap(({ name, tensor: gradient }) => {
      const variable = registered[name]
      if (!variable)
        throw new FreestepError(
          'tfjs',
          'unknown-parameter',
          `There is a gradient for "${name}", which is no variable, or was disposed.${suggest(name, Object.keys(registered))}`,
        )
      if (gradient === null || gradient === undefined) return []
      backend.describe(variable, name)
      const { shape } = backend.describe(gradient, `the gradient of ${name}`)
      if (!tf.util.arraysEqual(gradient.shape, variable.shape))
        throw new FreestepError(
          'tfjs',
          'bad-shape',
          `The gradient of ${name} has shape [${shape}], the variable [${variable.shape}]. Give one number per coordinate.`,
        )
      return { variable, gradient }
    })
    const seen = new Set<tf.Variable>()
    for (const { variable } of given) {
      if (seen.has(variable))
        throw new FreestepError(
          'tfjs',
          'shared-memory',
          `There are two gradients for ${variable.name}. Add them: the gradient of a variable is the sum over its uses.`,
        )
      seen.add(variable)
    }
    if (!given.length)
      throw new FreestepError(
        'tfjs',
        'missing-gradient',
        'No variable has a gradient. Give at least one, by the name of its variable.',
      )
    if (typeof loss === 'object' && backend.describe(loss, 'the loss').shape.length > 0)
      throw new FreestepError('tfjs', 'bad-shape', `The loss has shape [${loss.shape}]. Give a scalar, such as tf.mean(losses).`)
    return given
  }

  /** How many steps were taken, those before a restored state included. */
  override get iterations(): number {
    return this.growing.steps
  }

  /**
   * How steps run: fused into a few passes over memory, or operation by operation, and on which tfjs backend; undefined before the first
   * step, which decides.
   */
  get execution(): Execution | undefined {
    return this.growing.execution
  }

  /** The multiplier lr at the last step taken. */
  get lr(): number {
    const { lr = 1 } = this.algorithm.options as { lr?: number | Schedule }
    return typeof lr === 'number' ? lr : lr(Math.max(0, this.iterations - 1))
  }

  /**
   * The algorithm's single numbers by the paper's names (`d`, …), read from the device without stopping it; empty before the first step.
   * One that each variable has for itself, or each group with `splitGroups`, comes as `name/variable`.
   */
  async scalars(): Promise<Record<string, number>> {
    this.alive()
    return this.growing.scalars()
  }

  /** Calls a function after every step. Returns the function that ends this. */
  onStep(listener: (optimizer: FreestepOptimizer) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /**
   * Runs a function while the variables hold the values to evaluate the model at, where the algorithm says that these are others than
   * the ones in training (averages); then training goes on where it was. The function may be asynchronous, but must not train.
   */
  async evaluating<T>(f: () => T | Promise<T>): Promise<T> {
    this.alive()
    const points = this.growing.evaluated()
    const held = points.map(({ variable }) => tf.clone(variable))
    try {
      for (const { variable, point } of points) variable.assign(point)
      return await f()
    } finally {
      for (const [i, { variable, point }] of points.entries()) {
        variable.assign(held[i])
        tf.dispose([held[i], point])
      }
    }
  }

  /** Frees all that the optimizer keeps; the variables stay. Any later step is refused. A model never does this to an optimizer it was given. */
  override dispose(): void {
    this.growing.release()
    this.reclaim()
    this.disposed = true
  }

  /**
   * The whole state as named tensors, `iter` first: what `model.save(…, { includeOptimizer: true })` stores. The tensors stay the
   * optimizer's, which frees them at the next step or call; clone what is to live longer.
   */
  override async getWeights(): Promise<NamedTensor[]> {
    this.alive()
    const weights = toTensors(await this.growing.save())
    this.reclaim()
    this.lent = weights.map(({ tensor }) => tensor)
    return weights
  }

  /** Continues from what {@link getWeights} gave, as {@link load} does from a checkpoint. */
  override async setWeights(weights: NamedTensor[]): Promise<void> {
    this.alive()
    this.growing.load(await fromTensors(this.algorithm.name, weights))
  }

  /**
   * The options, as model.json keeps them.
   *
   * @throws FreestepError for what it cannot keep: functions that are no schedules of freestep, groups that choose by a function
   */
  abstract override getConfig(): tf.serialization.ConfigDict

  /** Everything that is needed to continue bit for bit, as a checkpoint of core: `toSafetensors` makes bytes of it. */
  async save(): Promise<Checkpoint> {
    this.alive()
    return this.growing.save()
  }

  /**
   * Continues from a checkpoint, made by {@link save} or by another backend. Whose state it is shows at the next step: variables are found
   * again by name, or by their order, and what does not fit them is refused then.
   */
  async load(checkpoint: Checkpoint): Promise<void> {
    this.alive()
    this.growing.load(checkpoint)
  }

  private alive(): void {
    if (this.disposed)
      throw new FreestepError('tfjs', 'disposed', `This ${this.algorithm.name} optimizer was disposed. Make a new one.`)
  }

  private reclaim(): void {
    tf.dispose(this.lent)
    this.lent = []
  }
}
