/**
 * Writes messages of the schema as Protocol Buffers: the bytes of an .onnx file. First every
 * length, then one buffer, so that weights are copied once. Not a general library: only what the
 * schema's rows need.
 */
import {
  type Field,
  isMessage,
  type MessageName,
  type Scalar,
  schema,
  wire,
  wireOf,
} from './schema.ts'
import type { ModelProto } from './types.ts'

type Value = number | bigint | string | Uint8Array

/**
 * A piece of the output: bytes, or what becomes bytes. `size` counts those of `parts` and of the
 * piece itself.
 */
interface Piece {
  readonly size: number
  write(out: Output): void
}

/** The buffer under way. */
class Output {
  readonly bytes: Uint8Array
  readonly view: DataView
  at = 0
  constructor(size: number) {
    this.bytes = new Uint8Array(size)
    this.view = new DataView(this.bytes.buffer)
  }

  varint(value: bigint): void {
    let rest = BigInt.asUintN(64, value)
    while (rest > 0x7fn) {
      this.bytes[this.at++] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    this.bytes[this.at++] = Number(rest)
  }
}

/** How many bytes a varint takes; a negative one takes all ten. */
function varintSize(value: bigint): number {
  let rest = BigInt.asUintN(64, value)
  let size = 1
  while (rest > 0x7fn) {
    rest >>= 7n
    size++
  }
  return size
}

const encoder = new TextEncoder()

function varint(value: number | bigint): Piece {
  const whole = BigInt(value)
  return { size: varintSize(whole), write: (out) => out.varint(whole) }
}

function raw(bytes: Uint8Array): Piece {
  return {
    size: bytes.length,
    write(out) {
      out.bytes.set(bytes, out.at)
      out.at += bytes.length
    },
  }
}

function sequence(parts: readonly Piece[]): Piece {
  return {
    size: parts.reduce((sum, { size }) => sum + size, 0),
    write: (out) => parts.forEach((part) => void part.write(out)),
  }
}

const delimited = (content: Piece): Piece => sequence([varint(content.size), content])

const floating = (size: 4 | 8, value: number): Piece => ({
  size,
  write(out) {
    if (size === 4) out.view.setFloat32(out.at, value, true)
    else out.view.setFloat64(out.at, value, true)
    out.at += size
  },
})

/** One value without its tag. */
function scalar(kind: Scalar, value: Value): Piece {
  if (kind === 'float') return floating(4, Number(value))
  if (kind === 'double') return floating(8, Number(value))
  if (kind === 'string') return delimited(raw(encoder.encode(value as string)))
  if (kind === 'bytes') return delimited(raw(value as Uint8Array))
  return varint(value as number | bigint)
}

const tag = (number: number, wireType: number) => varint(number * 8 + wireType)

function field([number, kind, many]: Field, value: unknown): Piece[] {
  const one = (each: unknown) =>
    isMessage(kind) ? delimited(message(kind, each as object)) : scalar(kind, each as Value)
  if (many === 'packed') {
    const values = value as readonly Value[]
    return values.length ? [tag(number, wire.bytes), delimited(sequence(values.map(one)))] : []
  }
  const values = many ? (value as readonly unknown[]) : [value]
  return values.flatMap((each) => [tag(number, wireOf(kind)), one(each)])
}

function message(name: MessageName, value: object): Piece {
  const values = value as Readonly<Record<string, unknown>>
  const known = Object.entries(schema[name]).flatMap(([key, row]) =>
    values[key] === undefined ? [] : field(row, values[key]),
  )
  return sequence(
    values.unknownFields ? [...known, raw(values.unknownFields as Uint8Array)] : known,
  )
}

/** The bytes of a model: the content of an .onnx file. */
export function encodeModel(model: ModelProto): Uint8Array {
  const piece = message('Model', model)
  const out = new Output(piece.size)
  piece.write(out)
  return out.bytes
}
