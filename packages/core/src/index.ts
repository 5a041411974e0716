/**
 * The public face of \@freestep/core: the operations, the contract of an algorithm, the algorithms, and createOptimizer.
 * No framework, no device, no dependency.
 *
 * @packageDocumentation
 */
export * from './algorithm.ts'
export * from './algorithms/index.ts'
export * from './backend.ts'
export * from './checkpoint.ts'
export { type EagerOps, type EagerSpec, eagerBackend, uniformsAt } from './eager.ts'
export { FreestepError, type FreestepErrorCode, suggest } from './errors.ts'
export { type Group, optionsPerTensor, type TensorInfo, type Uniform } from './groups.ts'
export { type Half, halves } from './halves.ts'
export { memoryOf, Occupied } from './memory.ts'
export * from './ops.ts'
export {
  createOptimizer,
  createOptimizerSync,
  type Named,
  type Optimizer,
  type OptimizerOptions,
  type StepOptions,
} from './optimizer.ts'
export { createProgram, type Program, type Values } from './program.ts'
export * from './schedules.ts'
export { fromTorch } from './torch.ts'
export * from './value.ts'
export * from './wrappers/index.ts'
