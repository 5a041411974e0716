/**
 * \@freestep/cpu/kernels: fused kernels on a memory that somebody else has, such as that of another
 * WebAssembly program. For authors of adapters; who has arrays needs `cpu()`.
 *
 * @packageDocumentation
 */

export { allocate, allows, isShared, type Memory, type Target } from './code.ts'
export { handOver } from './handOver.ts'
export { type LayoutOptions, layOut, type MemoryLayout, type Region } from './memory.ts'
export { type Loaded, Runner, type RunnerMemory } from './runner.ts'
export type { Place } from './segments.ts'
