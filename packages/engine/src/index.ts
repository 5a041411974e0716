/**
 * \@freestep/engine: runs compiled programs on any device. For authors of fused backends.
 *
 * @packageDocumentation
 */
export type {
  Compiled,
  Device,
  Dtype,
  Functions,
  Memory,
  Part,
  Place,
  Tensors,
  Work,
} from './device.ts'
export { Engine } from './engine.ts'
export { stretchOf } from './gradients.ts'
export { bytesEach, decode, encode } from './numbers.ts'
