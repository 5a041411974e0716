/**
 * createOptimizer for GPUBuffers: that of core, with what WebGPU has beside it. Steps can be
 * recorded into a caller's command encoder, loss of the device is reported, and parameters are
 * known to be on the device. Not another optimizer.
 */
import {
  type Algorithm,
  type FreestepError,
  type Named,
  type Optimizer,
  type OptimizerOptions,
  type OptionsOf,
  type StepOptions,
  createOptimizer as startOptimizer,
} from '@freestep/core'
import { type WebGPUBackend, watched } from './backend.ts'
import type { GPUBufferView, GPUTensor } from './tensors.ts'

/** What a step takes beside the gradients. */
export interface GPUStepOptions extends StepOptions<GPUTensor> {
  /**
   * Records the step into this encoder, outside of any pass, and leaves it to the caller to submit.
   * Steps take effect in the order of submission.
   */
  readonly encoder?: GPUCommandEncoder
}

/** An optimizer on a GPU device. */
export interface GPUOptimizer<P = GPUTensor>
  extends Omit<Optimizer<GPUTensor>, 'params' | 'grads' | 'step' | 'evaluated'> {
  /** The parameters by name: the buffers they were given in, or where they were uploaded to. */
  readonly params: Named<OnDevice<P>>
  /**
   * Where kernels may write gradients without a copy, if all parameters were uploaded: then
   * `step()` needs no argument.
   */
  readonly grads: Named<GPUBufferView> | undefined
  /**
   * Resolves with the first failure of this optimizer (device lost, out of memory, work refused);
   * pending while all is well.
   */
  readonly lost: Promise<FreestepError>
  /** See {@link Optimizer.step}. Submits the step and waits for nothing. */
  step(
    gradients?: Readonly<Record<string, GPUTensor | null | undefined>>,
    options?: GPUStepOptions,
  ): void
  /**
   * See {@link Optimizer.evaluated}: new buffers, the caller's to destroy, unless they are the
   * parameters.
   */
  evaluated(): Named<OnDevice<P> | GPUBufferView>
}

/** What a tensor is once it is on the device: arrays are uploaded. */
export type OnDevice<P> = P extends GPUBuffer | GPUBufferView ? P : GPUBufferView

/**
 * Makes an optimizer for parameters on a GPU, or uploaded to it. Kernels are compiled and states
 * allocated here.
 *
 * @throws FreestepError for tensors that are none, options that are wrong, or memory that is not
 * there
 */
export async function createOptimizer<A extends Algorithm, P extends GPUTensor>(
  algorithm: A,
  params: Named<P>,
  backend: WebGPUBackend,
  options: OptimizerOptions<OptionsOf<A>> = {},
): Promise<GPUOptimizer<P>> {
  const { backend: own, watch } = watched(backend)
  const optimizer = await startOptimizer(algorithm, params as Named<GPUTensor>, own, options)
  const step: GPUOptimizer['step'] = (...given) => {
    if (given.length === 0) return optimizer.step()
    const [gradients, { encoder, ...rest } = {}] = given
    return encoder
      ? backend.record(encoder, () => optimizer.step(gradients, rest))
      : optimizer.step(gradients, rest)
  }
  /** What is waited for brings word of all failures so far. */
  const settled = async <T>(result: Promise<T>): Promise<T> => {
    const value = await result
    await watch?.settled()
    return value
  }
  return Object.create(optimizer, {
    step: { value: step, enumerable: true },
    scalars: { value: () => settled(optimizer.scalars()), enumerable: true },
    save: {
      value: (...given: Parameters<typeof optimizer.save>) => settled(optimizer.save(...given)),
      enumerable: true,
    },
    load: {
      value: (...given: Parameters<typeof optimizer.load>) => settled(optimizer.load(...given)),
      enumerable: true,
    },
    lost: { value: watch?.lost ?? backend.lost, enumerable: true },
  })
}
