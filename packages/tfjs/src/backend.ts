/**
 * tfjs as a backend of core: what a parameter is here.
 * Not the tf.Optimizer that models are compiled with: that is optimizer.ts, which runs on this.
 */
import {
  type Backend,
  chooseOptions,
  type Declared,
  FreestepError,
  given,
  having,
  type Program,
} from '@freestep/core'
import type { Tensor } from '@tensorflow/tfjs-core'
import * as tfjsCore from '@tensorflow/tfjs-core'
import type { TensorFlow } from './eager.ts'
import { type Execution, TfjsEngine } from './engine.ts'
import { describe, isVariable } from './tensors.ts'

/** Options of {@link tfjs}. */
export interface TfjsOptions {
  /**
   * The TensorFlow.js to compute with; `@tensorflow/tfjs-core` as this package imports it when left
   * out.
   */
  readonly tf?: TensorFlow
  /**
   * Compiles the step into a few passes over memory, where the memory of the active tfjs backend
   * can be reached: wasm, cpu and webgpu (the default). False runs it operation by operation, as on
   * every other backend.
   */
  readonly fused?: boolean
}

const defaults: Declared<Required<TfjsOptions>> = {
  tf: given<TensorFlow>(
    'TensorFlow.js, as import * as tf gives it',
    having('engine', 'getBackend', 'tensor'),
    tfjsCore,
  ),
  fused: true,
}

/** The backend for tfjs. */
export interface TfjsBackend extends Backend<Tensor> {
  /** How the steps of the optimizer that was made last run; undefined before there is one. */
  readonly execution: Execution | undefined
  start(program: Program, params: readonly Tensor[]): TfjsEngine
}

/**
 * The backend for float32 tf.Variable parameters, on whichever tfjs backend is active (cpu, wasm,
 * webgl, webgpu). Gradients, and the loss, are tf.Tensor. A step only queues kernels: nothing is
 * read back from the device, and no tensor of it remains.
 */
export function tfjs(options?: TfjsOptions): TfjsBackend {
  const { tf, fused } = chooseOptions({ what: 'tfjs', place: 'tfjs' }, defaults, options)
  let engine: TfjsEngine | undefined
  return {
    name: 'tfjs',
    describe: (tensor, name) => describe(tensor, name, tf),
    get execution() {
      return engine?.execution
    },
    start(program, params) {
      for (const [i, param] of params.entries())
        if (!isVariable(param))
          throw new FreestepError(
            'tfjs',
            'unsupported',
            `${program.tensors[i].name} is a tf.Tensor, which cannot be updated in place. Give a tf.Variable: tf.variable(tensor).`,
          )
      engine = new TfjsEngine(tf, fused, program, params)
      return engine
    },
  }
}
