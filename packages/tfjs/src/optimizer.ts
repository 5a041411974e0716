/**
 * The tf.Optimizer: what `model.compile`, `minimize` and `applyGradients` take, for every algorithm
 * of core, in tfjs's language of weights and configurations. Not the step, nor the states, which
 * are behind growing.ts; what a step is given is checked in gradients.ts.
 */
import {
  type Algorithm,
  type Checkpoint,
  FreestepError,
  type LoadOptions,
  type Schedule,
} from '@freestep/core'
import * as tf from '@tensorflow/tfjs-core'
import { warnOfCopies } from './copies.ts'
import { type Differentiated, differentiate } from './differentiate.ts'
import type { Execution } from './engine.ts'
import { checkedGradients, checkedLoss, type Gradients, type Loss } from './gradients.ts'
import { GrowingOptimizer, type RunSettings } from './growing.ts'
import { fromTensors, type NamedTensor, toTensors } from './weights.ts'

/** What {@link FreestepOptimizer.applyGradients} takes beside the gradients. */
export interface ApplyOptions {
  /** The value of the objective, for the algorithms that use it; `minimize` gives it by itself. */
  readonly loss?: Loss
}

/**
 * A tf.Optimizer that runs an algorithm of freestep. Made by the factories (`prodigy()`, …) and by
 * `optimizerOf`.
 */
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
   * Computes the gradient of f and takes a step; f's value is also the loss, for the algorithms
   * that use it.
   *
   * @param f - the objective, a function of variables
   * @param returnCost - whether to return its value, which is then the caller's to dispose
   * @param varList - the variables to train; all trainable ones if left out
   * @throws FreestepError as {@link applyGradients}
   */
  override minimize(
    f: () => tf.Scalar,
    returnCost = false,
    varList?: tf.Variable[],
  ): tf.Scalar | null {
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
   * Computes the gradient of f, and its value.
   *
   * @param f - the objective, a function of variables
   * @param varList - the variables to differentiate by; all trainable ones if left out
   * @throws FreestepError for variables, or a value of f, that another copy of TensorFlow.js has
   * made, and where the backend lacks what a gradient needs
   */
  override computeGradients(f: () => tf.Scalar, varList?: tf.Variable[]): Differentiated {
    return differentiate(f, varList, (objective, list) => super.computeGradients(objective, list))
  }

  /**
   * Takes a step with given gradients. A variable without one stays as it is, with all that is kept
   * about it, and sums take what it last gave; a variable seen for the first time joins with its
   * own start.
   *
   * @param gradients - by variable name, or as a list of names and tensors; arrays of numbers are
   * taken, too
   * @throws FreestepError for an unknown or disposed variable, a wrong dtype or shape, or a missing
   * loss; nothing is changed then
   */
  applyGradients(gradients: Gradients, { loss }: ApplyOptions = {}): void {
    this.alive()
    warnOfCopies()
    tf.tidy(() => this.growing.step(checkedGradients(gradients), checkedLoss(loss)))
    this.reclaim()
    for (const listener of this.listeners) listener(this)
  }

  /** The settings as a saved model has them, without variables that are gone. */
  protected get savedSettings(): RunSettings<object> {
    return this.growing.savedSettings
  }

  /** How many steps were taken, those before a restored state included. */
  override get iterations(): number {
    return this.growing.steps
  }

  /**
   * How steps run: fused into a few passes over memory, or operation by operation, and on which
   * tfjs backend; undefined before the first step, which decides.
   */
  get execution(): Execution | undefined {
    return this.growing.execution
  }

  /** The multiplier lr at the last step taken. */
  get lr(): number {
    const { lr = 1 } = this.algorithm.options as { lr?: number | Schedule }
    return typeof lr === 'number' ? lr : lr(Math.max(0, this.iterations - 1))
  }

  /** As {@link lr}, for programs that look here; it cannot be set. */
  get learningRate(): number {
    return this.lr
  }

  /** Refused, as {@link setLearningRate} is. */
  set learningRate(_value: number) {
    this.setLearningRate(_value)
  }

  /**
   * Refused: what tf.train's optimizers are told between steps is a schedule here, which can be
   * saved with the model.
   */
  setLearningRate(_value: number): never {
    const { name } = this.algorithm
    throw new FreestepError(
      'tfjs',
      'unsupported',
      `lr of ${name} is an option, and cannot be set between steps. Give a schedule when it is made: lr: cosine({ steps: 1000 }), or any ` +
        'function of the step.',
    )
  }

  /**
   * The algorithm's single numbers by the paper's names (`d`, …), read from the device without
   * stopping it; empty before the first step. One that each variable has for itself, or each group
   * with `splitGroups`, comes as `name/variable`.
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
   * Runs a function while the variables hold the values to evaluate the model at, where the
   * algorithm says that these are others than the ones in training (averages); then training goes
   * on where it was. The function may be asynchronous, but must not train.
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

  /**
   * Frees all that the optimizer keeps; the variables stay. Any later step is refused. A model
   * never does this to an optimizer it was given.
   */
  override dispose(): void {
    this.growing.release()
    this.reclaim()
    this.disposed = true
  }

  /**
   * The whole state as named tensors, `iter` first: what
   * `model.save(…, { includeOptimizer: true })` stores. The tensors stay the optimizer's, which
   * frees them at the next step or call; clone what is to live longer.
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
   * @throws FreestepError for what it cannot keep: functions that are no schedules of freestep,
   * groups that choose by a function
   */
  abstract override getConfig(): tf.serialization.ConfigDict

  /**
   * Everything that is needed to continue bit for bit, as a checkpoint of core: `toSafetensors`
   * makes bytes of it.
   */
  async save(): Promise<Checkpoint> {
    this.alive()
    return this.growing.save()
  }

  /**
   * Continues from a checkpoint, made by {@link save} or by another backend. Whose state it is
   * shows at the next step: variables are found again by name, or by their order, and what does not
   * fit them, or was made with other options, is refused then.
   */
  async load(checkpoint: Checkpoint, options?: LoadOptions): Promise<void> {
    this.alive()
    this.growing.load(checkpoint, options)
  }

  private alive(): void {
    if (this.disposed)
      throw new FreestepError(
        'tfjs',
        'disposed',
        `This ${this.algorithm.name} optimizer was disposed. Make a new one.`,
      )
  }

  private reclaim(): void {
    tf.dispose(this.lent)
    this.lent = []
  }
}
