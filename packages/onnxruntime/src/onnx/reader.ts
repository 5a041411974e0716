/**
 * Reads Protocol Buffers into messages of the schema. Bytes of tensors stay where they are in the
 * file; unknown fields are kept. What is no model (truncated, another format, nested without end)
 * is refused with the place where reading stopped.
 */
import { FreestepError } from '@freestep/core'
import { isMessage, type MessageName, type Scalar, schema, wire, wireOf } from './schema.ts'
import type { Int64, ModelProto, TensorProto } from './types.ts'

/** Graphs in attributes of nodes of graphs: no model of use is nested deeper. */
const deepest = 64

type Kind = Scalar | MessageName

/** A field of a message. */
interface Row {
  readonly key: string
  readonly kind: Kind
  readonly many: 'many' | 'packed' | undefined
}

const decoder = new TextDecoder()

const refuse = (message: string) => new FreestepError('onnxruntime', 'bad-model', message)

/** Bytes with a place where reading is at. */
class Input {
  readonly bytes: Uint8Array
  readonly view: DataView
  at: number
  readonly end: number
  constructor(bytes: Uint8Array, at: number, end: number) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.at = at
    this.end = end
  }

  /** Steps over `size` bytes and tells where they begin. */
  skip(size: number): number {
    const start = this.at
    if (size > this.end - start)
      throw refuse(
        `The model ends in the middle: ${size} bytes are announced at byte ${start}, and ${this.end - start} are there. ` +
          'Give the whole content of an .onnx file.',
      )
    this.at += size
    return start
  }

  varint(): bigint {
    let low = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.bytes[this.skip(1)]
      low |= (byte & 0x7f) << shift
      if (byte < 0x80) return BigInt(low)
    }
    let whole = BigInt(low)
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.bytes[this.skip(1)]
      whole |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asUintN(64, whole)
    }
    throw refuse(`There is no number at byte ${this.at}. Give the content of an .onnx file.`)
  }

  /** A varint that has to be a safe integer: a size, a tag. */
  count(): number {
    const value = this.varint()
    if (value > BigInt(Number.MAX_SAFE_INTEGER))
      throw refuse(`The size ${value} before byte ${this.at} is none of a model.`)
    return Number(value)
  }

  /** The part of the next `size` bytes. */
  part(size: number): Input {
    const start = this.skip(size)
    return new Input(this.bytes, start, start + size)
  }
}

function integer(value: bigint): Int64 {
  const signed = BigInt.asIntN(64, value)
  return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed
}

function exact(value: Int64, at: number): number {
  if (typeof value === 'bigint')
    throw refuse(`The number ${value} before byte ${at} is too large for what it says.`)
  return value
}

/** One value, after its tag. */
function value(input: Input, kind: Kind, depth: number): unknown {
  switch (kind) {
    case 'int':
      return exact(integer(input.varint()), input.at)
    case 'int64':
      return integer(input.varint())
    case 'uint64': {
      const whole = input.varint()
      return whole > BigInt(Number.MAX_SAFE_INTEGER) ? whole : Number(whole)
    }
    case 'float':
      return input.view.getFloat32(input.skip(4), true)
    case 'double':
      return input.view.getFloat64(input.skip(8), true)
    default: {
      const part = input.part(input.count())
      if (isMessage(kind)) return message(part, kind, depth + 1)
      const bytes = part.bytes.subarray(part.at, part.end)
      return kind === 'string' ? decoder.decode(bytes) : bytes
    }
  }
}

/** Steps over a value that the schema does not know. */
function skip(input: Input, wireType: number): void {
  if (wireType === wire.varint) input.varint()
  else if (wireType === wire.fixed64) input.skip(8)
  else if (wireType === wire.fixed32) input.skip(4)
  else if (wireType === wire.bytes) input.skip(input.count())
  else
    throw refuse(
      `There is no field of an ONNX model at byte ${input.at}. Give the content of an .onnx file.`,
    )
}

/** Rows by field number. */
const rows: Readonly<Record<string, ReadonlyMap<number, Row>>> = Object.fromEntries(
  Object.entries(schema).map(([name, fields]) => [
    name,
    new Map(
      Object.entries(fields).map(([key, [number, kind, many]]) => [number, { key, kind, many }]),
    ),
  ]),
)

/** Reads a field into the message it is of; false, and nothing read, if it is of another type. */
function field(
  input: Input,
  { key, kind, many }: Row,
  wireType: number,
  result: Record<string, unknown>,
  depth: number,
): boolean {
  if (many && wireType === wire.bytes && wireOf(kind) !== wire.bytes) {
    const part = input.part(input.count())
    const list = listOf(result, key)
    while (part.at < part.end) list.push(value(part, kind, depth))
    return true
  }
  if (wireType !== wireOf(kind)) return false
  const read = value(input, kind, depth)
  if (many) listOf(result, key).push(read)
  else result[key] = read
  return true
}

function message(input: Input, name: MessageName, depth: number): object {
  if (depth > deepest)
    throw refuse(
      `Graphs are nested more than ${deepest} deep at byte ${input.at}. Is this an ONNX model?`,
    )
  const result: Record<string, unknown> = {}
  const unknown: Uint8Array[] = []
  while (input.at < input.end) {
    const start = input.at
    const tag = input.count()
    const wireType = tag % 8
    const row = rows[name].get(Math.floor(tag / 8))
    if (row && field(input, row, wireType, result, depth)) continue
    skip(input, wireType)
    unknown.push(input.bytes.subarray(start, input.at))
  }
  if (unknown.length) result.unknownFields = joined(unknown)
  if (name === 'Tensor') refuseExternal(result)
  return result
}

function listOf(result: Record<string, unknown>, key: string): unknown[] {
  const list = (result[key] as unknown[] | undefined) ?? []
  result[key] = list
  return list
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

function refuseExternal({ name, dataLocation, externalData }: TensorProto): void {
  if (!dataLocation && !externalData?.length) return
  const file = externalData?.find(({ key }) => key === 'location')?.value
  throw refuse(
    `The tensor "${name}" has its data in another file${file === undefined ? '' : `, ${file}`}. Save the model in one file: ` +
      'onnx.save(model, path) in Python, or torch.onnx.export(…, external_data=False).',
  )
}

/**
 * Reads the content of an .onnx file.
 *
 * @throws FreestepError `bad-model` for what is no complete model, or one whose tensors are in
 * other files
 */
export function decodeModel(bytes: Uint8Array): ModelProto {
  // Parts of a Buffer of Node would be Buffers.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const model = message(new Input(plain, 0, plain.length), 'Model', 0) as ModelProto
  if (!model.graph)
    throw refuse(
      `There is no graph in these ${bytes.length} bytes. Give the content of an .onnx file.`,
    )
  return model
}
