/**
 * The public face of \@freestep/core: the operations, the contract of an algorithm, the algorithms,
 * and createOptimizer. No framework, no device, no dependency.
 *
 * @packageDocumentation
 */
export * from './algorithm.ts'
export * from './algorithms/index.ts'
export { type Numbers, precisionOf } from './arrays.ts'
export * from './backend.ts'
export * from './checkpoint.ts'
export { createOptimizer, createOptimizerSync } from './createOptimizer.ts'
export { type EagerSpec, eagerBackend } from './eager.ts'
export { FreestepError, type FreestepErrorCode, kindOf, suggest } from './errors.ts'
export { type Group, optionsPerTensor, partition } from './groups.ts'
export { type Half, halves } from './halves.ts'
export type { MaybePromise } from './later.ts'
export type { EagerOps } from './lift.ts'
export { memoryOf, Occupied } from './memory.ts'
export * from './ops.ts'
export type { Named, Optimizer, OptimizerOptions, StepOptions } from './optimizer.ts'
export {
  type Declared,
  epsilon,
  finite,
  fixed,
  fraction,
  given,
  growth,
  having,
  inside,
  integer,
  limit,
  list,
  natural,
  needed,
  nonNegative,
  numbers,
  Option,
  oneOf,
  orNull,
  positive,
  type Range,
  type Ranges,
  required,
  stepCount,
} from './options.ts'
export { createProgram, type Program, type ProgramOptions } from './program.ts'
export { optionsText } from './record.ts'
export { type Bytes, readSafetensors, type Safetensors, type SavedTensor } from './safetensors.ts'
export * from './schedules.ts'
export { chooseOptions, isAlgorithm } from './settings.ts'
export type { TensorInfo } from './tensor.ts'
export { fromTorch } from './torch.ts'
export { fixedUniforms, Moment, type Uniform, uniformsAt } from './uniforms.ts'
export * from './value.ts'
export * from './wrappers/index.ts'
