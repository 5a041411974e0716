/**
 * From algorithms of core to tf.Optimizers, with classes that are registered with tfjs, so that a saved model finds them again.
 * Not a list of algorithms: that is index.ts.
 */
import type { Algorithm, AlgorithmFactory, OptionsOf, Settings } from '@freestep/core'
import * as tf from '@tensorflow/tfjs-core'
import { type AnySettings, algorithmFromConfig, algorithmToConfig, fromConfig, register, toConfig } from './config.ts'
import type { GroupSettings } from './growing.ts'
import { FreestepOptimizer } from './optimizer.ts'

/** What a factory of optimizers takes: the options of its algorithm, and parameter groups. */
export type OptimizerSettings<O> = Settings<O> & GroupSettings<O>

/** A factory of tf.Optimizers: `prodigy({ weightDecay: 0.1 })`. */
export type OptimizerFactory<O> = (settings?: OptimizerSettings<O>) => FreestepOptimizer

type Config = tf.serialization.ConfigDict
type Constructor<T extends tf.serialization.Serializable> = tf.serialization.SerializableConstructor<T>

/**
 * The factory of tf.Optimizers for an algorithm, whose class is registered with tfjs as `freestep/<name>`:
 * `const mine = optimizerFactory(defineAlgorithm({ name: 'mine', … }))`.
 */
export function optimizerFactory<O extends object>(factory: AlgorithmFactory<O>): OptimizerFactory<O> {
  const { name } = factory.algorithm
  class RegisteredOptimizer extends FreestepOptimizer {
    static get className(): string {
      return `freestep/${name}`
    }
    static override fromConfig<T extends tf.serialization.Serializable>(cls: Constructor<T>, config: Config): T {
      return new cls(fromConfig(config))
    }
    constructor({ groups, splitGroups, ...settings }: AnySettings = {}) {
      super(factory(settings as unknown as Settings<O>) as unknown as Algorithm, { groups, splitGroups })
    }
    override getConfig(): Config {
      return toConfig(name, { ...this.algorithm.options, ...this.grouping })
    }
  }
  register(factory as unknown as AlgorithmFactory<object>)
  tf.serialization.registerClass(RegisteredOptimizer, 'freestep', name)
  return (settings) => new RegisteredOptimizer(settings as unknown as AnySettings)
}

/** The class of optimizers that are made from an algorithm, not from options. */
class ComposedOptimizer extends FreestepOptimizer {
  static get className(): string {
    return 'freestep/composed'
  }
  static override fromConfig<T extends tf.serialization.Serializable>(
    cls: Constructor<T>,
    { algorithm, ...grouping }: Config,
  ): T {
    return new cls(algorithmFromConfig(algorithm as Config), fromConfig(grouping))
  }
  override getConfig(): Config {
    return { algorithm: algorithmToConfig(this.algorithm), ...toConfig(this.algorithm.name, { ...this.grouping }) }
  }
}
tf.serialization.registerClass(ComposedOptimizer, 'freestep', 'composed')

/**
 * A tf.Optimizer for an algorithm of core whose options are chosen, such as a wrapper around another:
 *
 *     import { averaged, dog } from '@freestep/core'
 *     model.compile({ optimizer: optimizerOf(averaged(dog())), loss })
 */
export const optimizerOf = <A extends Algorithm>(algorithm: A, grouping: GroupSettings<OptionsOf<A>> = {}): FreestepOptimizer =>
  new ComposedOptimizer(algorithm, grouping as unknown as GroupSettings<object>)
