/** Optimizers on ONNX Runtime: the backend, and steps as models for other languages. */
export { type OnnxRuntimeOptions, onnxruntime } from './backend.ts'
