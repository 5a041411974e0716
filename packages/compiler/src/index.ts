/**
 * \@freestep/compiler: fuses a freestep program into a few passes over memory and prints them as
 * kernels. For authors of backends; pure functions, no device.
 *
 * @packageDocumentation
 */
export { type Traffic, traffic } from './bytes.ts'
export { compile } from './compile.ts'
export { type Graph, isConstant, isVector, type Node, type Op, reachable, trace } from './graph.ts'
export { emitJs } from './js.ts'
export type {
  Kernels,
  Load,
  Loop,
  Partials,
  Pass,
  Read,
  Reduction,
  ScalarProgram,
  Section,
  Slot,
  Store,
  Sum,
  Write,
} from './kernels.ts'
export {
  type ElementType,
  type Layout,
  type SegmentField,
  type StageFunctions,
  segmentFields,
  segmentInts,
  sumOrder,
} from './layout.ts'
export { emitOnnx, type OnnxOptions } from './onnx/emit.ts'
export {
  type OnnxConstant,
  type OnnxGraph,
  type OnnxNode,
  type OnnxType,
  type OnnxValue,
  onnxTypes,
} from './onnx/graph.ts'
export type { Broken } from './passes.ts'
export { emitPtx, type PtxKernel, type PtxModule, type PtxOptions } from './ptx/emit.ts'
export {
  addressOf,
  bytesOf,
  chunkFields,
  chunkUnit,
  type Field,
  givenOf,
  type PtxData,
  packed,
  ptxArrays,
  ptxData,
  ptxParameters,
  tensorFields,
} from './ptx/layout.ts'
export { firstNumbers, type Part } from './traced.ts'
export { verify } from './verify.ts'
export { emitWasm, emitWat, type WasmOptions } from './wasm/emit.ts'
export {
  type Access,
  type Binding,
  emitWgsl,
  type WgslKernel,
  type WgslOptions,
} from './wgsl/emit.ts'
export {
  maxPieces,
  pieceFields,
  rangeFields,
  stateArrays,
  tableFields,
  tableHeader,
  totalsFields,
} from './wgsl/layout.ts'
