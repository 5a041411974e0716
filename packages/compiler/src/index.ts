/**
 * \@freestep/compiler: fuses a freestep program into a few passes over memory and prints them as
 * kernels. For authors of backends; pure functions, no device.
 *
 * @packageDocumentation
 */

export { compile } from './fuse/compile.ts'
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
} from './fuse/kernels.ts'
export type { Broken } from './fuse/passes.ts'
export { type Traffic, traffic } from './fuse/traffic.ts'
export { verify } from './fuse/verify.ts'
export { emitJs } from './languages/js/emit.ts'
export { emitPtx } from './languages/ptx/emit.ts'
export {
  addressOf,
  bytesOf,
  chunkFields,
  chunkUnit,
  type Field,
  givenOf,
  type PtxData,
  type PtxKernel,
  type PtxModule,
  type PtxOptions,
  packed,
  ptxArrays,
  ptxData,
  ptxParameters,
  tensorFields,
} from './languages/ptx/layout.ts'
export { emitWasm, emitWat, type WasmOptions } from './languages/wasm/emit.ts'
export { emitWgsl } from './languages/wgsl/emit.ts'
export {
  type Access,
  type Binding,
  maxPieces,
  pieceFields,
  rangeFields,
  stateArrays,
  tableFields,
  tableHeader,
  totalsFields,
  type WgslKernel,
  type WgslOptions,
} from './languages/wgsl/layout.ts'
export {
  type ElementType,
  type Layout,
  type SegmentField,
  type StageFunctions,
  segmentFields,
  segmentInts,
  sumOrder,
} from './lower/layout.ts'
export { emitOnnx } from './onnx/emit.ts'
export {
  type OnnxConstant,
  type OnnxGraph,
  type OnnxNode,
  type OnnxOptions,
  type OnnxType,
  type OnnxValue,
  onnxTypes,
} from './onnx/graph.ts'
export {
  type Graph,
  isConstant,
  isVector,
  type Node,
  type Op,
  reachable,
  trace,
} from './trace/graph.ts'
export { firstNumbers, type Part } from './trace/program.ts'
