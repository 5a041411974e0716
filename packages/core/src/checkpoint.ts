/**
 * Checkpoints: what an optimizer needs to continue bit for bit, as named arrays and a few facts, and their form as safetensors bytes
 * (https://github.com/huggingface/safetensors: eight bytes of header length, a JSON header, then the arrays). Not a model format: the
 * parameters are in it only if asked for.
 *
 * Names: `state/parameter` for what each parameter has, `state` for a single number (`state@1` for that of the second part with
 * `splitGroups`), `x/parameter` for parameters.
 */
import type { Algorithm } from './algorithm.ts'
import { precisionOf } from './arrays.ts'
import type { Numbers } from './backend.ts'
import { FreestepError } from './errors.ts'

/** One array of a checkpoint. */
export interface SavedTensor {
  readonly shape: readonly number[]
  readonly data: Numbers
}

/** The state of an optimizer. */
export interface Checkpoint {
  /** The algorithm's name, wrappers included. */
  readonly algorithm: string
  /** Its options as JSON, for the reader; loading does not change options. */
  readonly options: string
  /** How many steps were taken. */
  readonly steps: number
  readonly tensors: Readonly<Record<string, SavedTensor>>
}

/** An algorithm's options as JSON, for the reader of a file: what is not finite as text, and without schedules. */
export const optionsText = ({ options }: Algorithm): string =>
  JSON.stringify(options, (_key, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  )

const refuse = (what: string) =>
  new FreestepError('core', 'bad-checkpoint', `These bytes are no checkpoint: ${what}. Give what toSafetensors wrote.`)

/** The bytes of a safetensors file. */
export function toSafetensors({ algorithm, options, steps, tensors }: Checkpoint): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: { format: 'freestep', algorithm, options, steps: String(steps) } }
  let end = 0
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    const begin = end
    end += data.byteLength
    header[name] = { dtype: precisionOf(data) === 'float64' ? 'F64' : 'F32', shape, data_offsets: [begin, end] }
  }
  const text = JSON.stringify(header).replace(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
  const padded = text.padEnd(Math.ceil(text.length / 8) * 8)
  const bytes = new Uint8Array(8 + padded.length + end)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded.length), true)
  for (let i = 0; i < padded.length; i++) bytes[8 + i] = padded.charCodeAt(i)
  let at = 8 + padded.length
  for (const { data } of Object.values(tensors)) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at)
    at += data.byteLength
  }
  return bytes
}

/**
 * The arrays and the metadata of a safetensors file whose arrays are F32 or F64, whoever wrote it.
 *
 * @throws FreestepError `bad-checkpoint` for anything else
 */
export function readSafetensors(bytes: Uint8Array): {
  metadata: Readonly<Record<string, string>>
  tensors: Record<string, SavedTensor>
} {
  if (bytes.byteLength < 8) throw refuse(`there are only ${bytes.byteLength}`)
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  if (length > bytes.byteLength - 8) throw refuse('the header is longer than the file')
  const { __metadata__: metadata = {}, ...entries } = parseHeader(bytes.subarray(8, 8 + length))
  const body = bytes.subarray(8 + length)
  const tensors = Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, readTensor(name, entry, body)]))
  const isText = (value: unknown) =>
    typeof value === 'object' && value !== null && Object.values(value).every((v) => typeof v === 'string')
  if (!isText(metadata)) throw refuse('its metadata are not texts')
  return { metadata: metadata as Record<string, string>, tensors }
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  try {
    const escaped = Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
    const header: unknown = JSON.parse(decodeURIComponent(escaped))
    if (typeof header === 'object' && header !== null && !Array.isArray(header)) return header as Record<string, unknown>
  } catch {
    // falls through: whatever was wrong with the text, it is not a header
  }
  throw refuse('the header is not JSON')
}

function readTensor(name: string, entry: unknown, body: Uint8Array): SavedTensor {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as { dtype?: unknown; shape?: unknown; data_offsets?: unknown }
  const isSizes = (list: unknown): list is number[] => Array.isArray(list) && list.every((n) => Number.isSafeInteger(n) && n >= 0)
  if (!isSizes(shape) || !isSizes(offsets) || offsets.length !== 2) throw refuse(`${name} has no shape or place`)
  if (dtype !== 'F32' && dtype !== 'F64') throw refuse(`${name} is ${String(dtype)}, not F32 or F64`)
  const [begin, end] = offsets
  const bytesEach = dtype === 'F32' ? 4 : 8
  const size = shape.reduce((a, b) => a * b, 1)
  if (end > body.byteLength || end - begin !== size * bytesEach) throw refuse(`${name} is cut off`)
  // A copy in memory of its own, aligned; not slice(), which on a Buffer of Node is a view of the whole.
  const copy = new Uint8Array(body.subarray(begin, end)).buffer
  return { shape, data: dtype === 'F32' ? new Float32Array(copy) : new Float64Array(copy) }
}

/**
 * A checkpoint from the bytes that {@link toSafetensors} wrote.
 *
 * @throws FreestepError `bad-checkpoint`
 */
export function fromSafetensors(bytes: Uint8Array): Checkpoint {
  const { metadata, tensors } = readSafetensors(bytes)
  const { format, algorithm, options = '{}', steps } = metadata
  if (format !== 'freestep' || algorithm === undefined || !/^\d{1,15}$/.test(steps ?? ''))
    throw refuse('the metadata of freestep are missing')
  return { algorithm, options, steps: Number(steps), tensors }
}
