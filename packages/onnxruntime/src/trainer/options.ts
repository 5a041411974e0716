/** What createTrainer may be given, and what each of it may be. */
import {
  type Algorithm,
  chooseOptions,
  type Declared,
  given,
  having,
  isAlgorithm,
  needed,
  type OptimizerOptions,
  type OptionsOf,
} from '@freestep/core'
import { type OpenOptions, openOptions } from '../gradient/forward.ts'
import type { ModelProto } from '../onnx/index.ts'
import { type OnnxRuntimeOptions, runtimeOptions } from '../step/backend.ts'
import type { Loss } from './losses.ts'

/** Options of {@link createTrainer}. */
export interface TrainerOptions<A extends Algorithm>
  extends OnnxRuntimeOptions,
    OpenOptions,
    OptimizerOptions<OptionsOf<A>> {
  /** The forward model: the bytes of an .onnx file, or what `decodeModel` made of them. */
  readonly model: Uint8Array | ModelProto
  /** The algorithm, for instance `prodigy()`. */
  readonly optimizer: A
  /**
   * The name of an output that is a scalar, or a loss of the outputs. Not needed where the model
   * has one output, its loss.
   */
  readonly loss?: string | Loss
  /**
   * Whether the update of the parameters is in the same graph as the gradients: on by default, and
   * off with `splitGroups`, where it is one after the other.
   */
  readonly fused?: boolean
}

const isLoss = (value: unknown) => typeof value === 'string' || typeof value === 'function'
const defaults: Declared<TrainerOptions<Algorithm>> = {
  ...runtimeOptions,
  ...openOptions,
  model: needed<Uint8Array | ModelProto>(
    'the bytes of an .onnx file, or what decodeModel made of them',
    having(),
  ),
  optimizer: needed<Algorithm>('an algorithm, such as prodigy()', isAlgorithm),
  loss: given<string | Loss | undefined>(
    'the name of an output, or a loss such as meanSquaredError()',
    isLoss,
    undefined,
  ),
  fused: given<boolean | undefined>('a boolean', (value) => typeof value === 'boolean', undefined),
  groups: given<OptimizerOptions<object>['groups']>(
    'a list of groups, such as [{ params: ["w"], lr: 0.1 }]',
    Array.isArray,
    undefined,
  ),
  splitGroups: false,
}

/** The options, each of which is what it may be. */
export const chosen = <A extends Algorithm>(options: TrainerOptions<A>): TrainerOptions<A> =>
  chooseOptions<object>(
    { what: 'createTrainer', place: 'onnxruntime' },
    defaults,
    options,
  ) as TrainerOptions<A>
