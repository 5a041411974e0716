/**
 * ONNX Runtime for tests that share a machine with others: one thread, which does not spin while it
 * waits.
 */
import type { OrtSessionOptions } from '../src/ort.ts'

/** Options of every session of a test. */
export const modest: OrtSessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  logSeverityLevel: 3,
} as OrtSessionOptions
