/**
 * From algorithms of core to tf.Optimizers, with classes that are registered with tfjs, so that a
 * saved model finds them again. Not a list of algorithms: that is index.ts.
 */
import {
  type Algorithm,
  type AlgorithmFactory,
  chooseOptions,
  type Declared,
  type Group,
  given,
  type OptionsOf,
  type Settings,
} from '@freestep/core'
import * as tf from '@tensorflow/tfjs-core'
import {
  type AnySettings,
  algorithmFromConfig,
  algorithmToConfig,
  fromConfig,
  register,
  toConfig,
} from './config.ts'
import type { RunSettings } from './growing.ts'
import { FreestepOptimizer } from './optimizer.ts'

/**
 * What a factory of optimizers takes: the options of its algorithm, parameter groups, and how to
 * run.
 */
export type OptimizerSettings<O> = Settings<O> & RunSettings<O>

/** A factory of tf.Optimizers: `prodigy({ weightDecay: 0.1 })`. */
export type OptimizerFactory<O> = (settings?: OptimizerSettings<O>) => FreestepOptimizer

type Config = tf.serialization.ConfigDict
type Constructor<T extends tf.serialization.Serializable> =
  tf.serialization.SerializableConstructor<T>

/**
 * The factory of tf.Optimizers for an algorithm, whose class is registered with tfjs as
 * `freestep/<name>`: `const mine = optimizerFactory(defineAlgorithm({ name: 'mine', … }))`.
 */
export function optimizerFactory<O extends object>(
  factory: AlgorithmFactory<O>,
): OptimizerFactory<O> {
  const { name } = factory.algorithm
  class RegisteredOptimizer extends FreestepOptimizer {
    static get className(): string {
      return `freestep/${name}`
    }
    static override fromConfig<T extends tf.serialization.Serializable>(
      cls: Constructor<T>,
      config: Config,
    ): T {
      return new cls(fromConfig(config))
    }
    constructor({ groups, splitGroups, fused, ...options }: AnySettings = {}) {
      super(factory(options as unknown as Settings<O>) as unknown as Algorithm, {
        groups,
        splitGroups,
        fused,
      })
    }
    override getConfig(): Config {
      return toConfig(name, { ...this.algorithm.options, ...this.savedSettings })
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
    { algorithm, ...settings }: Config,
  ): T {
    return new cls(algorithmFromConfig(algorithm as Config), fromConfig(settings))
  }
  override getConfig(): Config {
    return {
      algorithm: algorithmToConfig(this.algorithm),
      ...toConfig(this.algorithm.name, { ...this.savedSettings }),
    }
  }
}
tf.serialization.registerClass(ComposedOptimizer, 'freestep', 'composed')

/**
 * A tf.Optimizer for an algorithm of core whose options are chosen, such as a wrapper around
 * another:
 *
 *     import { averaged, dog } from '@freestep/core'
 *     model.compile({ optimizer: optimizerOf(averaged(dog())), loss })
 */
export const optimizerOf = <A extends Algorithm>(
  algorithm: A,
  settings?: RunSettings<OptionsOf<A>>,
): FreestepOptimizer =>
  new ComposedOptimizer(
    algorithm,
    chooseOptions({ what: 'optimizerOf', place: 'tfjs' }, runSettings, settings),
  )

const runSettings: Declared<RunSettings<object>> = {
  groups: given<readonly Group<object>[] | undefined>('a list of groups', Array.isArray, undefined),
  splitGroups: given<boolean | undefined>(
    'a boolean',
    (value) => typeof value === 'boolean',
    undefined,
  ),
  fused: given<boolean | undefined>('a boolean', (value) => typeof value === 'boolean', undefined),
}
