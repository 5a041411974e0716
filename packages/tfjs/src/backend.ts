/**
 * tfjs as a backend of core: what a parameter is here, and how eager execution makes, keeps and frees tensors.
 * Not the tf.Optimizer that models are compiled with: that is optimizer.ts, which runs on this.
 */
import { type Backend, type EagerSpec, type Engine, eagerBackend, FreestepError, type TensorInfo } from '@freestep/core'
import type { Tensor, TensorContainer, Variable } from '@tensorflow/tfjs-core'
import * as tfjsCore from '@tensorflow/tfjs-core'
import { Constants } from './constants.ts'
import { eagerOps, type TensorFlow } from './eager.ts'

/** Options of {@link tfjs}. */
export interface TfjsOptions {
  /** The TensorFlow.js to compute with; `@tensorflow/tfjs-core` as this package imports it when left out. */
  readonly tf?: TensorFlow
}

/**
 * The backend for float32 tf.Variable parameters, on whichever tfjs backend is active (cpu, wasm, webgl, webgpu). Gradients, and the
 * loss, are tf.Tensor. A step only queues kernels: nothing is read back from the device, and no tensor of it remains.
 */
export function tfjs({ tf = tfjsCore }: TfjsOptions = {}): Backend<Tensor> {
  return {
    name: 'tfjs',
    describe,
    start(program, params) {
      for (const [i, param] of params.entries())
        if (!isVariable(param))
          throw new FreestepError(
            'tfjs',
            'unsupported',
            `${program.tensors[i].name} is a tf.Tensor, which cannot be updated in place. Give a tf.Variable: tf.variable(tensor).`,
          )
      const constants = new Constants(tf)
      const engine = eagerBackend(eagerSpec(tf, constants)).start(program, params) as Engine<Tensor>
      const step = engine.step.bind(engine)
      const dispose = engine.dispose.bind(engine)
      return Object.assign(engine, {
        step: (input: Parameters<typeof step>[0]) => constants.during(() => step(input)),
        dispose() {
          dispose()
          constants.dispose()
        },
      })
    },
  }
}

/** Everything that eager execution asks. `assign` and `clone` share memory, but no kernel ever writes into a tensor. */
function eagerSpec(tf: TensorFlow, constants: Constants): EagerSpec<Tensor, Tensor> {
  const shape = (param: Tensor, size: number | undefined) => (size === undefined ? param.shape : [size])
  return {
    name: 'tfjs',
    ops: eagerOps(tf, constants.get),
    describe,
    load: (tensor) => tensor,
    store: (param, value) => (param as Variable).assign(value),
    export: (value, param) => tf.reshape(value, param.shape),
    fill: (param, value, size) => tf.fill(shape(param, size), value),
    from: (param, numbers, size) => tf.tensor(Float32Array.from(numbers), shape(param, size), 'float32'),
    read: async (value) => Float32Array.from(await value.data<'float32'>()),
    copy: (value) => tf.clone(value),
    scope: (f) => {
      const keep = (value: Tensor) => tf.keep(constants.has(value) ? tf.clone(value) : value)
      return tf.tidy(() => f(keep) as TensorContainer) as ReturnType<typeof f>
    },
    free: (value) => value.dispose(),
  }
}

/** A tensor's shape and precision; refuses what is no live float32 tensor. */
function describe(tensor: Tensor, name: string): Omit<TensorInfo, 'name'> {
  if (!(tensor instanceof tfjsCore.Tensor)) throw new FreestepError('tfjs', 'bad-dtype', `${name} is no tf.Tensor. Give one.`)
  if (isGone(tensor))
    throw new FreestepError('tfjs', 'disposed', `${name} is disposed. Keep it until the optimizer is done with it (tf.keep).`)
  const { dtype } = tensor as { dtype: string }
  if (dtype !== 'float32')
    throw new FreestepError(
      'tfjs',
      'bad-dtype',
      `${name} is ${dtype}. Give a float32 tensor (tf.cast, or its dtype when it is made).`,
    )
  return { shape: tensor.shape, size: tensor.size, dtype }
}

const isVariable = (tensor: Tensor): tensor is Variable => tensor instanceof tfjsCore.Variable

/** Whether a tensor was disposed; a variable also by `tf.disposeVariables()`, which leaves no mark on it. */
export const isGone = (tensor: Tensor): boolean =>
  tensor.isDisposed || (isVariable(tensor) && tfjsCore.engine().registeredVariables[tensor.name] !== tensor)
