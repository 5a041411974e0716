/**
 * The safetensors format, written from its specification and without the writer of freestep: eight
 * bytes of length, a JSON header, data.
 */
import type { SavedTensor } from '@freestep/cpu'

/** The bytes of a safetensors file, written from its specification. */
export function file(
  tensors: Record<string, SavedTensor>,
  metadata?: Record<string, string>,
  align = 1,
): Uint8Array {
  let at = 0
  const header: Record<string, unknown> = metadata ? { __metadata__: metadata } : {}
  const parts: Uint8Array[] = []
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    const dtype = data instanceof Float32Array ? 'F32' : 'F64'
    header[name] = { dtype, shape, data_offsets: [at, at + data.byteLength] }
    at += data.byteLength
    parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  }
  return frame(JSON.stringify(header), parts, align)
}
/** A header behind its length, and what follows it. */
export function frame(header: string, parts: readonly Uint8Array[] = [], align = 1): Uint8Array {
  const text = Buffer.from(header)
  const padded = Buffer.concat([text, Buffer.alloc((align - (text.length % align)) % align, ' ')])
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(padded.length))
  return Uint8Array.from(Buffer.concat([length, padded, ...parts]))
}
