/**
 * Steps operation by operation, on any tfjs backend: how core's eager engine makes, keeps and frees
 * tensors of tfjs. The reference for fused steps, and the way where there are none. Not the
 * operations, which are in eager.ts.
 */
import { type EagerSpec, type Engine, eagerBackend, type Program } from '@freestep/core'
import type { Tensor, TensorContainer, Variable } from '@tensorflow/tfjs-core'
import { Constants } from './constants.ts'
import { eagerOps, type TensorFlow } from './eager.ts'
import { describe } from './tensors.ts'

/** An engine that goes on as it is, with more tensors and on whichever tfjs backend they are. */
export interface EagerEngine extends Engine<Tensor> {
  /** The tensors that a state is kept in, which stay the engine's. */
  tensors(state: string): readonly Tensor[]
  extended(program: Program, params: readonly Tensor[]): this
}

/** Starts an engine. */
export function startEager(
  tf: TensorFlow,
  program: Program,
  params: readonly Tensor[],
): EagerEngine {
  const constants = new Constants(tf)
  const engine = eagerBackend(eagerSpec(tf, constants)).start(program, params) as EagerEngine
  const step = engine.step.bind(engine)
  const dispose = engine.dispose.bind(engine)
  return Object.assign(engine, {
    step: (input: Parameters<typeof step>[0]) => constants.during(() => step(input)),
    dispose() {
      dispose()
      constants.dispose()
    },
  })
}

/**
 * Everything that eager execution asks. `assign` and `clone` share memory, but no kernel ever
 * writes into a tensor.
 */
function eagerSpec(tf: TensorFlow, constants: Constants): EagerSpec<Tensor, Tensor> {
  const shape = (param: Tensor, size: number | undefined) =>
    size === undefined ? param.shape : [size]
  return {
    name: 'tfjs',
    ops: eagerOps(tf, constants.get),
    describe,
    load: (tensor) => tensor,
    store: (param, value) => (param as Variable).assign(value),
    export: (value, param) => tf.reshape(value, param.shape),
    fill: (param, value, size) => tf.fill(shape(param, size), value, 'float32'),
    from: (param, numbers, size) =>
      tf.tensor(Float32Array.from(numbers), shape(param, size), 'float32'),
    read: async (value) => Float32Array.from(await value.data<'float32'>()),
    copy: (value) => tf.clone(value),
    scope: (f) => {
      const keep = (value: Tensor) => tf.keep(constants.has(value) ? tf.clone(value) : value)
      return tf.tidy(() => f(keep) as TensorContainer) as ReturnType<typeof f>
    },
    free: (value) => value.dispose(),
  }
}
