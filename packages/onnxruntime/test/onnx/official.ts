/**
 * The official schema of ONNX, as a reference: schema.txt is the compiled onnx-ml.proto (a
 * FileDescriptorProto, base64) of the Python package onnx 1.23.1 (Apache-2.0), read by
 * @bufbuild/protobuf. Nothing of this package is in it.
 */
import { readFileSync } from 'node:fs'
import { createFileRegistry, type DescMessage, fromBinary } from '@bufbuild/protobuf'
import { type DescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'

const compiled = Buffer.from(
  readFileSync(new URL('./schema.txt', import.meta.url), 'ascii'),
  'base64',
)
const file = fromBinary(FileDescriptorProtoSchema, compiled)
file.messageType.forEach(nameInJson)

const registry = createFileRegistry(file, () => undefined)

/**
 * What protoc adds for other languages and Python's copy leaves out: the names of fields in JSON.
 */
function nameInJson(message: DescriptorProto): void {
  for (const field of message.field)
    field.jsonName = field.name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())
  message.nestedType.forEach(nameInJson)
}

/** A message of the official schema by its name, `GraphProto` or `TypeProto.Tensor`. */
export function official(name: string): DescMessage {
  const message = registry.getMessage(`onnx.${name}`)
  if (!message) throw new Error(`The official schema has no ${name}`)
  return message
}
