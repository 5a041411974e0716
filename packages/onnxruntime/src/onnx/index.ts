/**
 * ONNX models as plain data: their messages, to and from the bytes of a file, and short ways to
 * write them.
 */
export * from './build.ts'
export { decodeModel } from './reader.ts'
export * from './tensors.ts'
export * from './types.ts'
export { encodeModel } from './writer.ts'
