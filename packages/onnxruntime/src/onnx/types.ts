/**
 * The messages of an ONNX model as plain data: the names are those of the official schema
 * (onnx.proto) in camelCase, a field that is absent is undefined, and what this package has no use
 * for is kept as bytes. Not classes and not validated: see ../graph.
 */

/** A 64 bit integer: a number where that is exact, else a bigint. */
export type Int64 = number | bigint

/** What every message may have besides. */
interface Message {
  /** Fields that are not named here, as they stood in the file; written again behind the others. */
  readonly unknownFields?: Uint8Array
}

/** A model: a graph with the versions of the operators it is made of. */
export interface ModelProto extends Message {
  readonly irVersion?: number
  readonly opsetImport?: readonly OperatorSetIdProto[]
  readonly producerName?: string
  readonly producerVersion?: string
  readonly domain?: string
  readonly modelVersion?: Int64
  readonly docString?: string
  readonly graph?: GraphProto
  readonly metadataProps?: readonly StringStringEntryProto[]
  readonly functions?: readonly FunctionProto[]
}

/** The version of a set of operators; the domain '' is that of ONNX itself. */
export interface OperatorSetIdProto extends Message {
  readonly domain?: string
  readonly version?: number
}

/** A pair of texts. */
export interface StringStringEntryProto extends Message {
  readonly key?: string
  readonly value?: string
}

/** A function that nodes of a model may call; kept, not looked into. */
export interface FunctionProto extends Message {
  readonly name?: string
  readonly domain?: string
}

/** Nodes in topological order, their constants, and the names that go in and come out. */
export interface GraphProto extends Message {
  readonly name?: string
  readonly node?: readonly NodeProto[]
  readonly initializer?: readonly TensorProto[]
  readonly input?: readonly ValueInfoProto[]
  readonly output?: readonly ValueInfoProto[]
  readonly valueInfo?: readonly ValueInfoProto[]
  readonly docString?: string
  readonly metadataProps?: readonly StringStringEntryProto[]
}

/**
 * An operator at work: the names of what it takes and gives; '' is an optional one that is left
 * out.
 */
export interface NodeProto extends Message {
  readonly input?: readonly string[]
  readonly output?: readonly string[]
  readonly name?: string
  readonly opType?: string
  readonly domain?: string
  readonly attribute?: readonly AttributeProto[]
  readonly docString?: string
  readonly metadataProps?: readonly StringStringEntryProto[]
}

/** A named constant of a node; `type` says which field has it. */
export interface AttributeProto extends Message {
  readonly name?: string
  readonly refAttrName?: string
  readonly docString?: string
  readonly type?: number
  readonly f?: number
  readonly i?: Int64
  readonly s?: Uint8Array
  readonly t?: TensorProto
  readonly g?: GraphProto
  readonly floats?: readonly number[]
  readonly ints?: readonly Int64[]
  readonly strings?: readonly Uint8Array[]
  readonly tensors?: readonly TensorProto[]
  readonly graphs?: readonly GraphProto[]
}

/**
 * Numbers with a shape. They are in `rawData` (little endian), or in the one of the other fields
 * that fits `dataType`.
 */
export interface TensorProto extends Message {
  readonly dims?: readonly number[]
  readonly dataType?: number
  readonly name?: string
  readonly rawData?: Uint8Array
  readonly floatData?: readonly number[]
  readonly int32Data?: readonly number[]
  readonly int64Data?: readonly Int64[]
  readonly doubleData?: readonly number[]
  readonly uint64Data?: readonly Int64[]
  readonly stringData?: readonly Uint8Array[]
  readonly externalData?: readonly StringStringEntryProto[]
  readonly dataLocation?: number
  readonly docString?: string
  readonly metadataProps?: readonly StringStringEntryProto[]
}

/** The name and type of a value. */
export interface ValueInfoProto extends Message {
  readonly name?: string
  readonly type?: TypeProto
  readonly docString?: string
  readonly metadataProps?: readonly StringStringEntryProto[]
}

/** The type of a value; only tensors are told apart, all else is kept as bytes. */
export interface TypeProto extends Message {
  readonly tensorType?: TensorTypeProto
  readonly denotation?: string
}

/** A tensor's element type, and its shape as far as it is known. */
export interface TensorTypeProto extends Message {
  readonly elemType?: number
  readonly shape?: TensorShapeProto
}

/** One entry for each dimension. */
export interface TensorShapeProto extends Message {
  readonly dim?: readonly DimensionProto[]
}

/** A size, or the name of one that is known later, or neither. */
export interface DimensionProto extends Message {
  readonly dimValue?: number
  readonly dimParam?: string
  readonly denotation?: string
}

/**
 * Element types by the names that ONNX Runtime gives them in JavaScript, with their numbers in the
 * schema.
 */
export const elementTypes = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
} as const

/** The name of an element type. */
export type ElementType = keyof typeof elementTypes

/** Kinds of attributes, with their numbers in the schema. */
export const attributeTypes = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  tensors: 9,
  graphs: 10,
} as const

const names = Object.fromEntries(
  Object.entries(elementTypes).map(([name, number]) => [number, name as ElementType]),
)

/**
 * The name of an element type by its number; undefined for one that ONNX Runtime has no tensors of
 * in JavaScript.
 */
export const elementTypeName = (number: number | undefined): ElementType | undefined =>
  names[number ?? 0]
