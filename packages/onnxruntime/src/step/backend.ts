/**
 * The backend as core sees it: what ONNX Runtime is given with, and what follows from the execution
 * providers.
 */
import { type Backend, chooseOptions, type Declared, given, having, needed } from '@freestep/core'
import type { ExecutionProvider, Ort, OrtSessionOptions, OrtTensor } from '../ort.ts'
import { OrtEngine } from './engine.ts'
import type { Shop } from './sessions.ts'
import { describe, stretchOf } from './tensors.ts'

/** Options of {@link onnxruntime}. */
export interface OnnxRuntimeOptions {
  /**
   * ONNX Runtime: `import * as ort from 'onnxruntime-web'`, `'onnxruntime-web/webgpu'` or
   * `'onnxruntime-node'`.
   */
  readonly ort: Ort
  /**
   * Where steps run, as in the session options of ONNX Runtime: `['webgpu']`,
   * `[{ name: 'webgpu', device }]`, … Default: its own.
   */
  readonly executionProviders?: readonly ExecutionProvider[]
  /** Any other options of the sessions (threads, logging, …). */
  readonly sessionOptions?: OrtSessionOptions
}

const providers = (value: unknown) =>
  Array.isArray(value) && value.every((each) => typeof each === 'string' || having('name')(each))

/** What these options may be. */
export const runtimeOptions: Declared<OnnxRuntimeOptions> = {
  ort: needed<Ort>(
    'ONNX Runtime, as import * as ort gives it',
    having('InferenceSession', 'Tensor'),
  ),
  executionProviders: given<OnnxRuntimeOptions['executionProviders']>(
    "a list such as ['webgpu']",
    providers,
    undefined,
  ),
  sessionOptions: given<OrtSessionOptions | undefined>(
    'the options of a session',
    having(),
    undefined,
  ),
}

/** What engines share, from the options. */
export function shopOf({ ort, executionProviders, sessionOptions }: OnnxRuntimeOptions): Shop {
  const single = (executionProviders ?? []).some((provider) => nameOf(provider) === 'webgpu')
  return {
    ort,
    scalars: single ? 'float32' : 'float64',
    options: {
      ...(executionProviders && { executionProviders }),
      ...(single && { preferredOutputLocation: 'gpu-buffer' }),
      ...sessionOptions,
    },
  }
}

/** The backend whose engines share this. */
export const backendOf = (shop: Shop): Backend<OrtTensor, Promise<void>> => ({
  name: 'onnxruntime',
  asynchronous: true,
  describe: (tensor, name) => describe(tensor, name, shop.scalars === 'float32'),
  memory: stretchOf,
  start: (program, params) => OrtEngine.start(shop, program, params),
})

/**
 * The backend for ONNX Runtime: parameters, gradients and states are `ort.Tensor`s of float32 or
 * float64, and a step is a promise.
 *
 * A tensor is never written to. A step makes successors, so `optimizer.params` are other tensors
 * after it; those of before stay as they are, and on a GPU those that ONNX Runtime made are freed.
 * Steps, reads and loads take effect in the order in which they are asked for.
 */
export const onnxruntime = (options: OnnxRuntimeOptions): Backend<OrtTensor, Promise<void>> =>
  backendOf(
    shopOf(chooseOptions({ what: 'onnxruntime', place: 'onnxruntime' }, runtimeOptions, options)),
  )

const nameOf = (provider: ExecutionProvider) =>
  typeof provider === 'string' ? provider : provider.name
