/**
 * Safetensors (https://github.com/huggingface/safetensors): eight bytes of header length, a JSON
 * header, then the arrays, one after the other without gaps. Reads what any writer made of
 * floating-point numbers, and refuses whatever else the bytes may be. Not the meaning of names and
 * metadata, which is in checkpoint.ts.
 */
import type { Numbers } from './arrays.ts'
import { FreestepError } from './errors.ts'
import { halves } from './halves.ts'

/** One array of a checkpoint. */
export interface SavedTensor {
  readonly shape: readonly number[]
  readonly data: Numbers
}

/** Bytes, in whatever form a caller has them: an ArrayBuffer, or any view on one. */
export type Bytes = ArrayBufferLike | ArrayBufferView

/** What a file holds. */
export interface Safetensors {
  readonly metadata: Readonly<Record<string, string>>
  readonly tensors: Record<string, SavedTensor>
}

/** Refuses bytes. */
export const refuseBytes = (what: string, cause?: unknown) =>
  new FreestepError(
    'core',
    'bad-checkpoint',
    `These bytes are no checkpoint: ${what}. Give what toSafetensors wrote.`,
    { cause },
  )

/** The name of an object's class, in whatever realm it was made. */
const kindOf = (value: unknown) => Object.prototype.toString.call(value).slice(8, -1)

const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1)

/** What arrays are written as. */
const written: Readonly<Record<string, string>> = { Float32Array: 'F32', Float64Array: 'F64' }

/** The bytes of a file. */
export function writeSafetensors({ metadata, tensors }: Safetensors): Uint8Array {
  let end = 0
  const entries = Object.entries(tensors).map(([name, { shape, data }]) => {
    const dtype = written[kindOf(data)]
    if (!dtype || product(shape) !== data.length)
      throw new FreestepError(
        'core',
        'bad-checkpoint',
        `"${name}" of the checkpoint is no Float32Array or Float64Array of shape [${shape}]. Give what save() made.`,
      )
    const begin = end
    end += data.byteLength
    return [name, { dtype, shape, data_offsets: [begin, end] }] as const
  })
  const header = JSON.stringify(
    Object.fromEntries<unknown>([['__metadata__', metadata], ...entries]),
  )
  const ascii = header.replace(
    /[\u0080-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  const padded = ascii.padEnd(Math.ceil(ascii.length / 8) * 8)
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
 * The arrays and the metadata of a safetensors file, whoever wrote it: F64 as Float64Array; F32,
 * F16 and BF16 as Float32Array.
 *
 * @throws FreestepError `bad-checkpoint` for any other dtype, and for bytes that are not exactly
 *   one such file
 */
export function readSafetensors(given: Bytes): Safetensors {
  const bytes = bytesOf(given)
  if (bytes.length < 8) throw refuseBytes(`there are only ${bytes.length}`)
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  if (length > bytes.length - 8) throw refuseBytes('the header is longer than the file')
  const text = bytes.subarray(8, 8 + length)
  const header = parseHeader(text)
  const metadata = Object.hasOwn(header, '__metadata__') ? header.__metadata__ : undefined
  if (metadata !== undefined && !isTexts(metadata))
    throw refuseBytes('its metadata are no record of texts')
  const names = Object.keys(header).filter((name) => name !== '__metadata__')
  const entries = names.map((name) => entryOf(name, header[name]))
  const allNames =
    names.length * (1 + inEntry.length) + (metadata ? 1 + Object.keys(metadata).length : 0)
  if (countNames(text) !== allNames) throw refuseBytes('a name comes twice in its header')
  const body = bytes.subarray(8 + length)
  checkCover(names, entries, body.length)
  return { metadata: metadata ?? {}, tensors: readTensors(names, entries, body) }
}

function bytesOf(given: Bytes): Uint8Array {
  if (ArrayBuffer.isView(given))
    return new Uint8Array(given.buffer, given.byteOffset, given.byteLength)
  if (/^(Shared)?ArrayBuffer$/.test(kindOf(given))) return new Uint8Array(given)
  throw refuseBytes(
    `this is ${given === null ? 'null' : typeof given}, not an ArrayBuffer or a view on one`,
  )
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isTexts = (value: unknown): value is Readonly<Record<string, string>> =>
  isRecord(value) && Object.values(value).every((each) => typeof each === 'string')

/** In every runtime, and in no library of types that core knows. */
declare const TextDecoder: new (
  encoding: string,
  options: object,
) => { decode(bytes: Uint8Array): string }

function parseHeader(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let header: unknown
  try {
    // A copy, as decoders refuse memory that is shared; and a byte order mark is no part of JSON.
    header = JSON.parse(
      new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(new Uint8Array(bytes)),
    )
  } catch (cause) {
    throw refuseBytes('the header is not JSON', cause)
  }
  if (isRecord(header)) return header
  throw refuseBytes('the header is no record')
}

/**
 * How many names the records of a JSON text have: as many as there are colons outside of strings.
 * JSON.parse keeps one of equal ones.
 */
function countNames(json: Uint8Array): number {
  const [quote, backslash, colon] = [0x22, 0x5c, 0x3a]
  let names = 0
  for (let i = 0; i < json.length; i++) {
    if (json[i] === colon) names++
    if (json[i] !== quote) continue
    for (i++; json[i] !== quote; i++) if (json[i] === backslash) i++
  }
  return names
}

/** What the header says of an array. */
interface Entry {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data_offsets: readonly [begin: number, end: number]
}
const inEntry = ['dtype', 'shape', 'data_offsets']

/**
 * The dtypes that are read: as which arrays, and what their patterns mean where these are no
 * numbers yet.
 */
const dtypes: Readonly<
  Record<string, { readonly make: Make; readonly decode?: (pattern: number) => number }>
> = {
  F64: { make: Float64Array },
  F32: { make: Float32Array },
  F16: { make: Uint16Array, decode: halves.float16.decode },
  BF16: { make: Uint16Array, decode: halves.bfloat16.decode },
}
type Make = typeof Float64Array | typeof Float32Array | typeof Uint16Array

/** The largest array there is; no dimension of one that is empty is larger either. */
const longest = 2 ** 32 - 1

function entryOf(name: string, entry: unknown): Entry {
  if (!isRecord(entry) || Object.keys(entry).length !== inEntry.length)
    throw refuseBytes(`of "${name}" it says something else than ${inEntry.join(', ')}`)
  const { dtype, shape, data_offsets: offsets } = entry
  if (!isSizes(shape) || !isSizes(offsets) || offsets.length !== 2)
    throw refuseBytes(`"${name}" has no shape or place`)
  if (typeof dtype !== 'string' || !Object.hasOwn(dtypes, dtype))
    throw refuseBytes(`"${name}" is ${String(dtype)}, not one of ${Object.keys(dtypes).join(', ')}`)
  const bytes = offsets[1] - offsets[0]
  const sides = shape.includes(0) ? shape.filter((side) => side > 0) : shape
  if (product(sides) > longest)
    throw refuseBytes(`"${name}" has the shape [${shape}], which is too large`)
  if (bytes !== product(shape) * dtypes[dtype].make.BYTES_PER_ELEMENT)
    throw refuseBytes(`"${name}" of shape [${shape}] has ${bytes} bytes`)
  // The same record, known to be one: of ten thousand arrays a file makes no more garbage than it
  // must (measured).
  return entry as Readonly<Record<string, unknown>> & Entry
}

const isSizes = (list: unknown): list is number[] =>
  Array.isArray(list) && list.every((each) => Number.isSafeInteger(each) && each >= 0)

/**
 * Refuses arrays that do not fill the body one after the other: those that overlap, holes between
 * them, and bytes that are left.
 */
function checkCover(names: readonly string[], entries: readonly Entry[], size: number): void {
  const places = entries.map(({ data_offsets: [begin, end] }, i) => ({ begin, end, i }))
  let at = 0
  for (const { begin, end, i } of places.sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin < at) throw refuseBytes(`"${names[i]}" overlaps another array`)
    if (begin > at) throw refuseBytes(`there is a hole before "${names[i]}"`)
    at = end
  }
  if (at > size) throw refuseBytes('it is cut off')
  if (at < size) throw refuseBytes(`${size - at} bytes are left at its end`)
}

/** The arrays, each in memory of its own. */
function readTensors(
  names: readonly string[],
  entries: readonly Entry[],
  body: Uint8Array,
): Record<string, SavedTensor> {
  const read = Object.fromEntries(Object.keys(dtypes).map((dtype) => [dtype, reader(dtype, body)]))
  const tensors: Record<string, SavedTensor> = {}
  for (const [
    i,
    {
      dtype,
      shape,
      data_offsets: [begin, end],
    },
  ] of entries.entries()) {
    const tensor = { shape, data: read[dtype](begin, end) }
    // A property of its own under any name; by assignment where that is one, since it is much
    // faster (measured).
    if (names[i] !== '__proto__') tensors[names[i]] = tensor
    else Object.defineProperty(tensors, names[i], { value: tensor, enumerable: true })
  }
  return tensors
}

/** Reads arrays of a dtype out of the body. */
function reader(dtype: string, body: Uint8Array): (begin: number, end: number) => Numbers {
  const { make, decode } = dtypes[dtype]
  const size = make.BYTES_PER_ELEMENT
  const { byteOffset, byteLength, buffer } = body
  const whole =
    byteOffset % size === 0
      ? new make(buffer as ArrayBuffer, byteOffset, Math.floor(byteLength / size))
      : undefined
  return (begin, end) => {
    // Where they are not aligned a copy of the bytes is; not slice(), which on a Buffer of Node is
    // a view of the whole.
    const numbers =
      whole && begin % size === 0
        ? whole.slice(begin / size, end / size)
        : new make(new Uint8Array(body.subarray(begin, end)).buffer as ArrayBuffer)
    return decode ? Float32Array.from(numbers, decode) : (numbers as Numbers)
  }
}
