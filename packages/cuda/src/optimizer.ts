/**
 * createOptimizer for CUDA: that of core, which knows here what a tensor is once it is on the
 * device. Not another optimizer.
 */
import {
  type Algorithm,
  type Named,
  type Optimizer,
  type OptimizerOptions,
  type OptionsOf,
  createOptimizer as startOptimizer,
} from '@freestep/core'
import type { DeviceArray } from './array.ts'
import type { CudaBackend } from './backend.ts'
import type { CudaTensor, HostArray } from './tensors.ts'

/** What a tensor is once it is on the device: arrays on the host are uploaded. */
export type OnDevice<P> = P extends HostArray ? DeviceArray : P

/** An optimizer on a CUDA device. */
export interface CudaOptimizer<P = CudaTensor>
  extends Omit<Optimizer<CudaTensor>, 'params' | 'grads' | 'evaluated'> {
  /**
   * The parameters by name: as they were given, or where they were uploaded to. These arrays are
   * the caller's to free.
   */
  readonly params: Named<OnDevice<P>>
  /**
   * Where kernels may write gradients, if all parameters were uploaded: then `step()` needs no
   * argument.
   */
  readonly grads: Named<DeviceArray> | undefined
  /**
   * See {@link Optimizer.evaluated}: new arrays, the caller's to free, unless they are the
   * parameters.
   */
  evaluated(): Named<OnDevice<P> | DeviceArray>
}

/**
 * Makes an optimizer for parameters on a device, or uploaded to it. Kernels are compiled and states
 * allocated here.
 *
 * @throws FreestepError for tensors that are none, options that are wrong, or memory that is not
 * there
 */
export async function createOptimizer<A extends Algorithm, P extends CudaTensor>(
  algorithm: A,
  params: Named<P>,
  backend: CudaBackend,
  options: OptimizerOptions<OptionsOf<A>> = {},
): Promise<CudaOptimizer<P>> {
  const optimizer = await startOptimizer(algorithm, params as Named<CudaTensor>, backend, options)
  return optimizer as Optimizer<CudaTensor> & CudaOptimizer<P>
}
