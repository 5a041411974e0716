// Our reader and writer against the official schema, by @bufbuild/protobuf; against real sessions;
// and against damaged files.
import {
  create,
  equals,
  fromBinary,
  fromJson,
  type JsonObject,
  toBinary,
  toJson,
} from '@bufbuild/protobuf'
import fc from 'fast-check'
import * as ort from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import {
  dataOf,
  decodeModel,
  encodeModel,
  float,
  intsOf,
  type ModelProto,
  model,
  node,
  tensorProto,
  valueInfo,
} from '../../src/onnx/index.ts'
import { isMessage, schema } from '../../src/onnx/schema.ts'
import { official } from './official.ts'

const Model = official('ModelProto')

const officialNames: Readonly<Record<string, string>> = {
  TensorType: 'TypeProto.Tensor',
  Dimension: 'TensorShapeProto.Dimension',
}
const officialName = (name: string) => officialNames[name] ?? `${name}Proto`

/** y = relu(x · W + b) with all kinds of attributes beside it. */
const small: ModelProto = {
  ...model({
    name: 'small',
    node: [
      node('Gemm', ['x', 'W', 'b'], ['h'], { alpha: float(1), transB: 0 }, 'gemm'),
      node('Relu', ['h'], ['r']),
      node('Cast', ['r'], ['y'], { to: 1 }),
    ],
    initializer: [
      tensorProto('W', 'float32', [2, 3], Float32Array.of(1, 2, 3, 4, 5, 6)),
      { name: 'b', dataType: 1, dims: [3], floatData: [0.5, -20, 0] },
    ],
    input: [valueInfo('x', 'float32', ['batch', 2])],
    output: [valueInfo('y', 'float32', ['batch', 3])],
  }),
  metadataProps: [{ key: 'ä', value: '日本' }],
  modelVersion: -3,
}

/** A node with an attribute of every kind, and a number beyond what doubles can tell apart. */
const attributes: ModelProto = {
  ...small,
  graph: {
    ...small.graph,
    node: [
      node('Everything', ['', 'a'], ['b', ''], {
        i: -7,
        f: float(0.25),
        s: 'text',
        t: tensorProto('t', 'int64', [2], [-1, 2]),
        g: { name: 'inner', node: [node('Identity', ['a'], ['c'])] },
        ints: [1, -2, 3],
        floats: [float(1), float(-0.5)],
      }),
      { opType: 'Huge', attribute: [{ name: 'i', type: 2, i: 9223372036854775807n }] },
      {
        opType: 'Lists',
        attribute: [{ name: 's', type: 8, strings: [Uint8Array.of(104, 105), Uint8Array.of()] }],
      },
    ],
  },
}

describe('the schema', () => {
  it.each(Object.entries(schema))('%s is that of onnx-ml.proto', (name, fields) => {
    const byNumber = new Map(
      official(officialName(name)).fields.map((field) => [field.number, field]),
    )
    for (const [key, [number, kind, many]] of Object.entries(fields)) {
      const field = byNumber.get(number)
      expect(field?.localName, key).toBe(key)
      expect(field?.fieldKind === 'list', key).toBe(many !== undefined)
      const packed = field?.fieldKind === 'list' && field.packed
      expect(packed, key).toBe(many === 'packed')
      if (isMessage(kind)) expect(field?.message?.typeName, key).toBe(`onnx.${officialName(kind)}`)
    }
  })
})

describe('encodeModel', () => {
  it.each([
    ['a small model', small],
    ['attributes', attributes],
  ])('%s is read by the official schema without a rest, and comes back the same', (_, given) => {
    const read = fromBinary(Model, encodeModel(given))
    expect(
      JSON.stringify(read, (_key, value) => (typeof value === 'bigint' ? `${value}` : value), 0),
    ).not.toContain('$unknown')
    const json = toJson(Model, read) as JsonObject
    expect(json).toMatchObject({ irVersion: '8', modelVersion: '-3', producerName: 'freestep' })
    expect(decodeModel(toBinary(Model, read))).toEqual(given)
  })

  it('says what is meant', () => {
    const { graph } = toJson(Model, fromBinary(Model, encodeModel(attributes))) as {
      graph: { node: { attribute: unknown[] }[] }
    }
    expect(graph.node[0].attribute).toMatchObject([
      { name: 'i', type: 'INT', i: '-7' },
      { name: 'f', type: 'FLOAT', f: 0.25 },
      { name: 's', type: 'STRING', s: Buffer.from('text').toString('base64') },
      { name: 't', type: 'TENSOR', t: { dims: ['2'], dataType: 7 } },
      { name: 'g', type: 'GRAPH', g: { name: 'inner' } },
      { name: 'ints', type: 'INTS', ints: ['1', '-2', '3'] },
      { name: 'floats', type: 'FLOATS', floats: [1, -0.5] },
    ])
    expect(graph.node[1].attribute).toMatchObject([{ i: '9223372036854775807' }])
  })

  it('writes a list without numbers as one', () => {
    const graph = { node: [node('Squeeze', ['a'], ['b'], { axes: [] })] }
    const { graph: read } = decodeModel(encodeModel({ graph }))
    expect(read?.node?.map((each) => [intsOf(each, 'axes'), intsOf(each, 'other')])).toEqual([
      [[], undefined],
    ])
  })

  it('runs in a session', async () => {
    const session = await ort.InferenceSession.create(encodeModel(small))
    const { y } = await session.run({ x: new ort.Tensor('float32', [1, 2, -1, 1], [2, 2]) })
    expect([...(y.data as Float32Array)]).toEqual([9.5, 0, 15, 3.5, 0, 3])
    await session.release()
  })
})

describe('decodeModel', () => {
  it('keeps what it does not know, in order', () => {
    const foreign = fromJson(Model, {
      irVersion: '10',
      opsetImport: [{ version: '18' }],
      trainingInfo: [{ updateBinding: [{ key: 'a', value: 'b' }] }],
      functions: [
        {
          name: 'f',
          domain: 'd',
          input: ['x'],
          node: [{ opType: 'Relu' }],
          attributeProto: [{ name: 'z', f: 1 }],
        },
      ],
      configuration: [{ name: 'two', numDevices: 2 }],
      graph: {
        node: [{ opType: 'If', overload: 'o', deviceConfigurations: [{ configurationId: 'c' }] }],
        sparseInitializer: [{ values: { dims: ['1'], dataType: 1, floatData: [3] }, dims: ['9'] }],
        quantizationAnnotation: [{ tensorName: 'q' }],
        input: [
          { name: 's', type: { sequenceType: { elemType: { tensorType: { elemType: 1 } } } } },
        ],
        initializer: [
          {
            name: 'w',
            dims: ['1'],
            dataType: 1,
            segment: { begin: '0', end: '4' },
            floatData: [2],
          },
        ],
      },
    })
    const again = fromBinary(Model, encodeModel(decodeModel(toBinary(Model, foreign))))
    expect(equals(Model, again, foreign)).toBe(true)
    const known = fromJson(Model, { graph: { name: 'g' } })
    expect(equals(Model, again, known)).toBe(false)
  })

  it('reads repeated numbers in one piece or one by one', () => {
    const oneByOne = Uint8Array.of(0x25, 0, 0, 0x80, 0x3f, 0x25, 0, 0, 0, 0x40)
    const tensor = toBinary(
      official('TensorProto'),
      create(official('TensorProto'), { dims: [2n], dataType: 1 } as Record<string, unknown>),
    )
    const inGraph = Uint8Array.of(0x2a, tensor.length + oneByOne.length, ...tensor, ...oneByOne)
    const { graph } = decodeModel(Uint8Array.of(0x3a, inGraph.length, ...inGraph))
    expect(graph?.initializer?.map(dataOf)).toEqual([Float32Array.of(1, 2)])
  })

  it('reads tensors of every type, wherever their numbers are', () => {
    const numbers = [0, 1, 2, 3]
    for (const [type, dataType, list] of [
      ['float32', 1, 'floatData'],
      ['float64', 11, 'doubleData'],
      ['int64', 7, 'int64Data'],
      ['uint64', 13, 'uint64Data'],
      ['uint32', 12, 'uint64Data'],
      ['int32', 6, 'int32Data'],
      ['uint8', 2, 'int32Data'],
      ['int8', 3, 'int32Data'],
      ['int16', 5, 'int32Data'],
      ['uint16', 4, 'int32Data'],
      ['bool', 9, 'int32Data'],
      ['float16', 10, 'int32Data'],
    ] as const) {
      const expected = dataOf(tensorProto('t', type, [2, 2], numbers))
      // Of float16 the list has patterns (onnx.proto): these are 0, 1, 2, 3.
      const entries = type === 'float16' ? [0, 0x3c00, 0x4000, 0x4200] : numbers
      const listed = { name: 't', dataType, dims: [2, 2], [list]: entries }
      const back = decodeModel(
        encodeModel({ graph: { initializer: [listed, tensorProto('r', type, [4], numbers)] } }),
      )
      expect(back.graph?.initializer?.map(dataOf), type).toEqual([expected, expected])
    }
  })

  it('reads Buffers of Node, at any alignment', () => {
    const bytes = encodeModel(small)
    for (let at = 0; at < 8; at++) {
      const buffer = Buffer.concat([Buffer.alloc(at), bytes]).subarray(at)
      const [weights] = decodeModel(buffer).graph?.initializer ?? []
      expect(dataOf(weights)).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6))
    }
  })

  it('refuses tensors in other files, naming tensor and file', () => {
    const externalData = [{ key: 'location', value: 'weights.bin' }]
    const bytes = encodeModel({
      graph: { initializer: [{ name: 'w', dataLocation: 1, externalData }] },
    })
    expect(() => decodeModel(bytes)).toThrow(
      /"w" has its data in another file, weights\.bin\. Save the model in one file/,
    )
  })

  it('refuses a truncated file, at every length', () => {
    const bytes = encodeModel(small)
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.subarray(0, length)
      try {
        // Between the fields of the model itself a shorter model ends; then fields at the end are
        // missing.
        const shorter = decodeModel(cut)
        expect(encodeModel(shorter)).toEqual(cut)
      } catch (error) {
        expect(error).toMatchObject({ name: 'FreestepError', code: 'bad-model' })
      }
    }
    expect(() => decodeModel(bytes.subarray(0, bytes.length - 40))).toThrow(/ends in the middle/)
    expect(() => decodeModel(new Uint8Array())).toThrow(/There is no graph in these 0 bytes/)
  })

  it('refuses or reads damaged files, and never anything else', () => {
    const bytes = encodeModel(attributes)
    const damage = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), {
      minLength: 1,
      maxLength: 4,
    })
    fc.assert(
      fc.property(damage, (changes) => {
        const damaged = bytes.slice()
        for (const [at, byte] of changes) damaged[at] = byte
        harmless(damaged)
      }),
      { numRuns: 3000 },
    )
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), harmless), { numRuns: 3000 })
  })

  it('refuses endless nesting', () => {
    let inner = encodeModel({ graph: { name: 'x' } })
    for (let i = 0; i < 400; i++) {
      const graph = decodeModel(inner).graph
      if (!graph) throw new Error('no graph')
      try {
        inner = encodeModel({ graph: { node: [{ attribute: [{ g: graph }] }] } })
        decodeModel(inner)
      } catch (error) {
        expect(error).toMatchObject({
          code: 'bad-model',
          message: expect.stringContaining('nested'),
        })
        return
      }
    }
    throw new Error('nested without end')
  })
})

/**
 * Reads what may be damaged: a model that can be written again and is then the same, or a refusal.
 */
function harmless(bytes: Uint8Array): void {
  let read: ModelProto
  try {
    read = decodeModel(bytes)
  } catch (error) {
    expect(error).toMatchObject({ name: 'FreestepError', code: 'bad-model' })
    return
  }
  const once = encodeModel(read)
  expect(encodeModel(decodeModel(once))).toEqual(once)
}
