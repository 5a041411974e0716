/**
 * \@freestep/tfjs: learning-rate-free optimizers for TensorFlow.js. The algorithms and wrappers
 * exported here make tf.Optimizers; those of the same names in \@freestep/core make the definitions
 * behind them.
 *
 * @packageDocumentation
 */
export {
  type Checkpoint,
  constantSchedule,
  cosine,
  FreestepError,
  fromSafetensors,
  fromTorch,
  type Group,
  linear,
  polynomial,
  type Schedule,
  toSafetensors,
  warmupStableDecay,
} from '@freestep/core'
export * from './algorithms.ts'
export { type TfjsBackend, type TfjsOptions, tfjs } from './backend.ts'
export { type LogOptions, logScalars, type ScalarLog, type ScalarRecord } from './callback.ts'
export type { TensorFlow } from './eager.ts'
export type { Execution } from './engine.ts'
export {
  type OptimizerFactory,
  type OptimizerSettings,
  optimizerFactory,
  optimizerOf,
} from './factory.ts'
export type { Gradient, Gradients, Loss } from './gradients.ts'
export type { RunSettings } from './growing.ts'
export { type ApplyOptions, FreestepOptimizer } from './optimizer.ts'
export type { NamedTensor } from './weights.ts'
export * from './wrappers.ts'
