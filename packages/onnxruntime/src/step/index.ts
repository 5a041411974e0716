/** Optimizers on ONNX Runtime: the backend, and steps as models for other languages. */
export { type OnnxRuntimeOptions, onnxruntime } from './backend.ts'
export {
  type Export,
  type ExportOptions,
  exportEvaluated,
  exportInit,
  exportStep,
  type Shapes,
} from './export.ts'
