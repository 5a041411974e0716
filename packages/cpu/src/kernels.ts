/**
 * \@freestep/cpu/kernels: fused kernels on a memory that somebody else has, such as that of another
 * WebAssembly program. For authors of adapters; who has arrays needs `cpu()`.
 *
 * @packageDocumentation
 */
export { type Arena, arrange, type Bank, type Site } from './arena.ts'
export { allocate, allows, isShared, type Memory, type Target } from './code.ts'
export { handOver } from './handOver.ts'
export { type Ground, Machine, type Prepared } from './machine.ts'
export type { Place } from './segments.ts'
