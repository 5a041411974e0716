/**
 * The official schema (onnx.proto) as far as this package reads and writes it: one row for each
 * field. Facts only; the reader and the writer walk these rows. Fields that are not here pass
 * through as bytes.
 */

/**
 * How a single value is encoded. `int` is one that has to be exact as a number, `int64` may become
 * a bigint.
 */
export type Scalar = 'int' | 'int64' | 'uint64' | 'float' | 'double' | 'string' | 'bytes'

/**
 * A field: its number, its kind (a scalar or a message), and whether there may be many, written in
 * one piece (`packed`) or one by one.
 */
export type Field = readonly [number: number, kind: Scalar | MessageName, many?: 'many' | 'packed']

/** The messages. */
export type MessageName =
  | 'Model'
  | 'OperatorSetId'
  | 'StringStringEntry'
  | 'Function'
  | 'Graph'
  | 'Node'
  | 'Attribute'
  | 'Tensor'
  | 'ValueInfo'
  | 'Type'
  | 'TensorType'
  | 'TensorShape'
  | 'Dimension'

export const schema: Readonly<Record<MessageName, Readonly<Record<string, Field>>>> = {
  Model: {
    irVersion: [1, 'int'],
    producerName: [2, 'string'],
    producerVersion: [3, 'string'],
    domain: [4, 'string'],
    modelVersion: [5, 'int64'],
    docString: [6, 'string'],
    graph: [7, 'Graph'],
    opsetImport: [8, 'OperatorSetId', 'many'],
    metadataProps: [14, 'StringStringEntry', 'many'],
    functions: [25, 'Function', 'many'],
  },
  OperatorSetId: {
    domain: [1, 'string'],
    version: [2, 'int'],
  },
  StringStringEntry: {
    key: [1, 'string'],
    value: [2, 'string'],
  },
  Function: {
    name: [1, 'string'],
    domain: [10, 'string'],
  },
  Graph: {
    node: [1, 'Node', 'many'],
    name: [2, 'string'],
    initializer: [5, 'Tensor', 'many'],
    docString: [10, 'string'],
    input: [11, 'ValueInfo', 'many'],
    output: [12, 'ValueInfo', 'many'],
    valueInfo: [13, 'ValueInfo', 'many'],
    metadataProps: [16, 'StringStringEntry', 'many'],
  },
  Node: {
    input: [1, 'string', 'many'],
    output: [2, 'string', 'many'],
    name: [3, 'string'],
    opType: [4, 'string'],
    attribute: [5, 'Attribute', 'many'],
    docString: [6, 'string'],
    domain: [7, 'string'],
    metadataProps: [9, 'StringStringEntry', 'many'],
  },
  Attribute: {
    name: [1, 'string'],
    f: [2, 'float'],
    i: [3, 'int64'],
    s: [4, 'bytes'],
    t: [5, 'Tensor'],
    g: [6, 'Graph'],
    floats: [7, 'float', 'many'],
    ints: [8, 'int64', 'many'],
    strings: [9, 'bytes', 'many'],
    tensors: [10, 'Tensor', 'many'],
    graphs: [11, 'Graph', 'many'],
    docString: [13, 'string'],
    type: [20, 'int'],
    refAttrName: [21, 'string'],
  },
  Tensor: {
    dims: [1, 'int', 'many'],
    dataType: [2, 'int'],
    floatData: [4, 'float', 'packed'],
    int32Data: [5, 'int', 'packed'],
    stringData: [6, 'bytes', 'many'],
    int64Data: [7, 'int64', 'packed'],
    name: [8, 'string'],
    rawData: [9, 'bytes'],
    doubleData: [10, 'double', 'packed'],
    uint64Data: [11, 'uint64', 'packed'],
    docString: [12, 'string'],
    externalData: [13, 'StringStringEntry', 'many'],
    dataLocation: [14, 'int'],
    metadataProps: [16, 'StringStringEntry', 'many'],
  },
  ValueInfo: {
    name: [1, 'string'],
    type: [2, 'Type'],
    docString: [3, 'string'],
    metadataProps: [4, 'StringStringEntry', 'many'],
  },
  Type: {
    tensorType: [1, 'TensorType'],
    denotation: [6, 'string'],
  },
  TensorType: {
    elemType: [1, 'int'],
    shape: [2, 'TensorShape'],
  },
  TensorShape: {
    dim: [1, 'Dimension', 'many'],
  },
  Dimension: {
    dimValue: [1, 'int'],
    dimParam: [2, 'string'],
    denotation: [3, 'string'],
  },
}

/** The wire types of Protocol Buffers that occur: how the length of a value is told. */
export const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

const wires: Readonly<Record<Scalar, number>> = {
  int: wire.varint,
  int64: wire.varint,
  uint64: wire.varint,
  float: wire.fixed32,
  double: wire.fixed64,
  string: wire.bytes,
  bytes: wire.bytes,
}

/** The wire type of one value of a kind. */
export const wireOf = (kind: Scalar | MessageName): number =>
  isMessage(kind) ? wire.bytes : wires[kind]

/** Whether a kind is a message. */
export const isMessage = (kind: Scalar | MessageName): kind is MessageName =>
  Object.hasOwn(schema, kind)
