/**
 * \@freestep/onnxruntime: training on the inference packages of ONNX Runtime, which is handed in; none of them is a dependency.
 *
 * @packageDocumentation
 */
export * from '@freestep/core'
