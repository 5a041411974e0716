/**
 * The public face of \@freestep/core: the operations, the contract of an algorithm, the algorithms,
 * and createOptimizer. No framework, no device, no dependency.
 *
 * @packageDocumentation
 */
export * from './algorithm.ts'
export * from './algorithms/index.ts'
export { precisionOf } from './arrays.ts'
export * from './backend.ts'
export * from './checkpoint.ts'
export { type EagerOps, type EagerSpec, eagerBackend, fixedUniforms, uniformsAt } from './eager.ts'
export { FreestepError, type FreestepErrorCode, kindOf, suggest } from './errors.ts'
export {
  type Group,
  Moment,
  optionsPerTensor,
  partition,
  type TensorInfo,
  type Uniform,
} from './groups.ts'
export { type Half, halves } from './halves.ts'
export { memoryOf, Occupied } from './memory.ts'
export * from './ops.ts'
export {
  createOptimizer,
  createOptimizerSync,
  type LoadOptions,
  type Named,
  type Optimizer,
  type OptimizerOptions,
  type StepOptions,
} from './optimizer.ts'
export {
  chooseOptions,
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
  isAlgorithm,
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
export { createProgram, type Program, type ProgramOptions, type Values } from './program.ts'
export { optionsText } from './record.ts'
export { type Bytes, readSafetensors, type Safetensors, type SavedTensor } from './safetensors.ts'
export * from './schedules.ts'
export { fromTorch } from './torch.ts'
export * from './value.ts'
export * from './wrappers/index.ts'
