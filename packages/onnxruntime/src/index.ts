/**
 * \@freestep/onnxruntime: training on the inference packages of ONNX Runtime, which is handed in;
 * none of them is a dependency.
 *
 * @packageDocumentation
 */
export * from '@freestep/core'
export { feeds, type HalfArray } from './float16.ts'
export type { OpenOptions, ParameterChoice } from './gradient/forward.ts'
export { type GradientModel, type GradientOptions, gradient } from './gradient/gradient.ts'
export type { Dim, Shape } from './graph/dims.ts'
/** The operations of ONNX that a loss of one's own is written with, on the values of a model. */
export * as onnx from './graph/ops.ts'
export type { Value as OnnxValue } from './graph/value.ts'
export {
  dataOf,
  decodeModel,
  encodeModel,
  type ModelProto,
  type NumberType,
  type TensorProto,
} from './onnx/index.ts'
export type {
  ExecutionProvider,
  Ort,
  OrtData,
  OrtSession,
  OrtSessionOptions,
  OrtTensor,
  OrtTensors,
} from './ort.ts'
export * from './step/index.ts'
export * from './trainer/index.ts'
