/**
 * The parts of ONNX Runtime that are used here, as structural types: what onnxruntime-web,
 * onnxruntime-web/webgpu and onnxruntime-node have in common. One of them is handed in; none is a
 * dependency, so that there is one copy of it in a program: the caller's.
 */

import type { NumberType } from './onnx/index.ts'

/** The numbers of a tensor. */
export type OrtData =
  | Float32Array
  | Float64Array
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigInt64Array
  | BigUint64Array

/** An `ort.Tensor`. */
export interface OrtTensor {
  /** `float32`, `int64`, … */
  readonly type: string
  readonly dims: readonly number[]
  /** Where it is: `cpu`, `gpu-buffer`, …; `none` once it was disposed of. */
  readonly location: string
  /** Its numbers, where it is on the CPU. */
  readonly data: OrtData | string[]
  /** Its buffer, where it is on a GPU. */
  readonly gpuBuffer: unknown
  /** Its numbers, wherever it is. */
  getData(releaseData?: boolean): Promise<OrtData | string[]>
  /** Frees it, where that is not left to garbage collection. */
  dispose(): void
}

/** Tensors by name. */
export type OrtTensors = Readonly<Record<string, OrtTensor>>

/** A model that was loaded. */
export interface OrtSession {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  run(feeds: OrtTensors): Promise<OrtTensors>
  release(): Promise<void>
}

/** An execution provider: its name, or an object with its name and options. */
export type ExecutionProvider =
  | string
  | { readonly name: string; readonly [option: string]: unknown }

/**
 * What a session is created with; see `InferenceSession.SessionOptions` of ONNX Runtime for more.
 */
export interface OrtSessionOptions {
  readonly executionProviders?: readonly ExecutionProvider[]
  readonly preferredOutputLocation?:
    | 'cpu'
    | 'gpu-buffer'
    | Readonly<Record<string, 'cpu' | 'gpu-buffer'>>
  /** 2 for warnings, 3 for errors. */
  readonly logSeverityLevel?: 0 | 1 | 2 | 3 | 4
  /** Any other option, as ONNX Runtime has it. */
  readonly [option: string]: unknown
}

/** ONNX Runtime: what `import * as ort from 'onnxruntime-web'`, or -node, gives. */
export interface Ort {
  readonly Tensor: {
    new (type: NumberType, data: OrtData, dims: readonly number[]): OrtTensor
  }
  readonly InferenceSession: {
    create(model: Uint8Array, options?: OrtSessionOptions): Promise<OrtSession>
  }
}
