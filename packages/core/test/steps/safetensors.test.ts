/**
 * The bytes of checkpoints: what the specification says, from any writer, and whatever is thrown at
 * the reader it either reads or refuses.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import {
  cpu,
  createOptimizer,
  FreestepError,
  fromSafetensors,
  prodigy,
  readSafetensors,
  toSafetensors,
} from '@freestep/cpu'
import { describe, expect, test } from 'vitest'
import { draws, families, fill, follow } from './problems.ts'
import { file, frame } from './safetensors.ts'

const d0 = 0.01
const run = async (steps: number, single = false) =>
  (await follow(prodigy({ d0 }), families.quadratic(6, 3), { steps, single, sizes: [1, 5] }))
    .optimizer

describe('bytes', () => {
  test('are what the specification of safetensors says', async () => {
    const optimizer = await run(2)
    const checkpoint = await optimizer.save({ params: true })
    const bytes = Buffer.from(toSafetensors(checkpoint))
    const length = Number(bytes.readBigUInt64LE(0))
    expect(length % 8).toBe(0)
    const { __metadata__: metadata, ...entries } = JSON.parse(
      bytes.subarray(8, 8 + length).toString('utf8'),
    )
    expect(metadata).toEqual({
      format: 'freestep',
      algorithm: 'prodigy',
      options: checkpoint.options,
      steps: '2',
    })
    let end = 0
    for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries<{
      dtype: string
      shape: number[]
      data_offsets: number[]
    }>(entries)) {
      expect(offsets[0]).toBe(end)
      end = offsets[1]
      expect(dtype).toBe('F64')
      const view = bytes.subarray(8 + length + offsets[0], 8 + length + end)
      expect(fill(view.length / 8, (i) => view.readDoubleLE(8 * i))).toEqual([
        ...checkpoint.tensors[name].data,
      ])
      expect(shape.reduce((a, b) => a * b, 1)).toBe(view.length / 8)
    }
    expect(bytes.length).toBe(8 + length + end)
  })

  test('go through a file: a Buffer is as good as any Uint8Array, wherever it lies in its memory', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'freestep-'))
    try {
      for (const single of [false, true]) {
        const optimizer = await run(4, single)
        const saved = await optimizer.save({ params: true })
        const path = join(folder, 'run.safetensors')
        writeFileSync(path, toSafetensors(saved))
        expect(fromSafetensors(readFileSync(path))).toEqual(saved)
        for (const offset of [1, 3, 8]) {
          const bytes = toSafetensors(saved)
          const pool = Buffer.alloc(bytes.length + 16, 0xff)
          pool.set(bytes, offset)
          expect(fromSafetensors(pool.subarray(offset, offset + bytes.length))).toEqual(saved)
          expect(
            fromSafetensors(new Uint8Array(pool.buffer, pool.byteOffset + offset, bytes.length)),
          ).toEqual(saved)
        }
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('names in any script', async () => {
    const names = [
      'Gewicht/ß',
      '重み',
      '🙂.bias',
      'a "quoted" \\ name',
      'tab\there',
      '\ud800 half',
      '',
      ' ',
      '__metadata__',
      'constructor',
      'x/x',
      's@1',
    ]
    const make = async () =>
      createOptimizer(
        prodigy({ d0 }),
        Object.fromEntries(names.map((name, i) => [name, Float64Array.of(i + 1, -i)])),
        await cpu(),
      )
    const [one, two] = [await make(), await make()]
    const step = (optimizer: typeof one) =>
      optimizer.step(
        Object.fromEntries(names.map((name) => [name, optimizer.params[name].slice()])),
      )
    for (let k = 0; k < 4; k++) step(one)
    await two.load(fromSafetensors(toSafetensors(await one.save({ params: true }))))
    for (const each of [one, two]) step(each)
    expect(await two.save({ params: true })).toEqual(await one.save({ params: true }))
    expect(Object.keys(two.params)).toEqual(names)
  })

  test('other writers: no padding, no metadata, an empty file of tensors, names as raw UTF-8', () => {
    const tensors = {
      'größe/重み/🙂': { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
      scalar: { shape: [], data: Float64Array.of(7) },
      empty: { shape: [0, 5], data: new Float32Array(0) },
    }
    for (const align of [1, 8]) {
      expect(readSafetensors(file(tensors, undefined, align))).toEqual({ metadata: {}, tensors })
      expect(readSafetensors(file(tensors, { format: 'pt' }, align))).toEqual({
        metadata: { format: 'pt' },
        tensors,
      })
    }
    expect(readSafetensors(frame('{}'))).toEqual({ metadata: {}, tensors: {} })
  })
})

/** One array of F32 in a header. */
const entry = (name: string, begin: number, end: number) =>
  `"${name}":{"dtype":"F32","shape":[${(end - begin) / 4}],"data_offsets":[${begin},${end}]}`

describe('bytes that are read', () => {
  test('an ArrayBuffer, or any view on one', async () => {
    const saved = await (await run(3)).save()
    const bytes = toSafetensors(saved)
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length + 8))
    shared.set(bytes, 4)
    const padded = new Uint8Array(Math.ceil(bytes.length / 8) * 8 + 8)
    padded.set(bytes, 3)
    for (const given of [
      bytes.buffer,
      new DataView(padded.buffer, 3, bytes.length),
      new Int8Array(padded.buffer, 3, bytes.length),
      shared.subarray(4, 4 + bytes.length),
      shared.buffer.slice(4, 4 + bytes.length),
      runInNewContext('Uint8Array.from(bytes)', { bytes }),
      runInNewContext('Uint8Array.from(bytes).buffer', { bytes }),
    ])
      expect(fromSafetensors(given)).toEqual(saved)
    for (const none of [undefined, null, 'text', [...bytes], {}, 3, new Blob([])])
      expect(() => fromSafetensors(none as never)).toThrow(
        expect.objectContaining({ code: 'bad-checkpoint' }),
      )
  })

  test('arrays in any order, each in memory of its own', () => {
    const numbers = Float32Array.of(1, 2, 3)
    const { tensors } = readSafetensors(
      frame(`{${entry('b', 4, 12)},${entry('none', 4, 4)},${entry('a', 0, 4)}}`, [
        new Uint8Array(numbers.buffer),
      ]),
    )
    expect(Object.entries(tensors).map(([name, { data }]) => [name, [...data]])).toEqual([
      ['b', [2, 3]],
      ['none', []],
      ['a', [1]],
    ])
    for (const { data } of Object.values(tensors))
      expect(data.buffer.byteLength).toBe(data.byteLength)
  })

  test('half precision and bfloat16, as singles', () => {
    const patterns = Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x8000, 0x7c00)
    const read = (dtype: string) =>
      readSafetensors(
        frame(`{"a":{"dtype":"${dtype}","shape":[2,3],"data_offsets":[0,12]}}`, [
          new Uint8Array(patterns.buffer),
        ]),
      ).tensors.a
    expect(read('F16')).toEqual({
      shape: [2, 3],
      data: Float32Array.of(1, -2, 65504, 2 ** -24, -0, Infinity),
    })
    // The upper halves of singles.
    const upper = new Float32Array(Uint32Array.from(patterns, (pattern) => pattern * 65536).buffer)
    expect(read('BF16')).toEqual({ shape: [2, 3], data: upper })
  })

  test('names that objects have already are names like others', () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty']
    const bytes = frame(`{${names.map((name, i) => entry(name, 4 * i, 4 * i + 4)).join()}}`, [
      new Uint8Array(16),
    ])
    const { tensors } = readSafetensors(bytes)
    expect(Object.keys(tensors)).toEqual(names)
    expect(Object.getPrototypeOf(tensors)).toBe(Object.prototype)
    const written = toSafetensors({ algorithm: 'adam', options: '{}', steps: 0, tensors })
    expect(Object.keys(fromSafetensors(written).tensors)).toEqual(names)
  })

  test('a header of 10,000 arrays costs at most three times what JSON.parse does', () => {
    const data = new Float32Array(4)
    const all = Array.from(
      { length: 10_000 },
      (_, i) => [`exp_avg/layers.${i}.weight`, { shape: [2, 2], data }] as const,
    )
    const bytes = toSafetensors({
      algorithm: 'adam',
      options: '{}',
      steps: 0,
      tensors: Object.fromEntries(all),
    })
    const text = Buffer.from(bytes.subarray(8, bytes.length - 16 * all.length)).toString()
    const cost = (f: () => unknown) => {
      const before = process.cpuUsage()
      for (let i = 0; i < 5; i++) f()
      const { user, system } = process.cpuUsage(before)
      return user + system
    }
    // The best of some, since the machine has other things to do.
    const ratios = Array.from(
      { length: 8 },
      () => cost(() => readSafetensors(bytes)) / cost(() => JSON.parse(text)),
    )
    expect(Math.min(...ratios)).toBeLessThan(3)
  })

  test('what is no checkpoint is not written', () => {
    const write = (tensor: object) =>
      toSafetensors({ algorithm: 'adam', options: '{}', steps: 0, tensors: { a: tensor as never } })
    for (const tensor of [
      { shape: [1], data: Int32Array.of(1) },
      { shape: [2], data: Float32Array.of(1) },
      { shape: [1], data: [1] },
    ])
      expect(() => write(tensor)).toThrow(expect.objectContaining({ code: 'bad-checkpoint' }))
  })
})

describe('bytes that are refused', () => {
  const cases = Object.entries({
    nothing: () => new Uint8Array(0),
    'seven bytes': () => new Uint8Array(7),
    'a header longer than the file': () => frame('{}').fill(0xff, 0, 8),
    'no JSON': () => frame('{"a":'),
    'no UTF-8': () => frame('{}').fill(0xff, 8),
    'a list': () => frame('[]'),
    null: () => frame('null'),
    'metadata that are no texts': () => frame('{"__metadata__":{"a":1}}'),
    'metadata that are null': () => frame('{"__metadata__":null}'),
    'a tensor that is null': () => frame('{"a":null}'),
    'another dtype': () =>
      frame('{"a":{"dtype":"I16","shape":[1],"data_offsets":[0,2]}}', [new Uint8Array(2)]),
    'a dtype of everything': () =>
      frame('{"a":{"dtype":"constructor","shape":[1],"data_offsets":[0,2]}}', [new Uint8Array(2)]),
    'metadata that are a list': () => frame('{"__metadata__":["a"]}'),
    'metadata that are an empty list': () => frame('{"__metadata__":[]}'),
    'metadata that are a text': () => frame('{"__metadata__":"a"}'),
    'an overlap': () => frame(`{${entry('a', 0, 8)},${entry('b', 4, 12)}}`, [new Uint8Array(12)]),
    'two arrays in one place': () =>
      frame(`{${entry('a', 0, 8)},${entry('b', 0, 8)}}`, [new Uint8Array(8)]),
    'a hole': () => frame(`{${entry('a', 0, 4)},${entry('b', 8, 12)}}`, [new Uint8Array(12)]),
    'a hole at the start': () => frame(`{${entry('a', 4, 8)}}`, [new Uint8Array(8)]),
    'an empty array somewhere else': () =>
      frame(`{${entry('a', 0, 4)},${entry('b', 8, 8)}}`, [new Uint8Array(4)]),
    'bytes at the end': () => frame(`{${entry('a', 0, 4)}}`, [new Uint8Array(5)]),
    'bytes and no array': () => frame('{}', [new Uint8Array(1)]),
    'a name twice': () => frame(`{${entry('a', 0, 4)},${entry('a', 0, 4)}}`, [new Uint8Array(4)]),
    'a name twice, once escaped': () =>
      frame(`{${entry('a', 0, 4)},${entry('\\u0061', 0, 4)}}`, [new Uint8Array(4)]),
    'an empty array twice': () => frame(`{${entry('a', 0, 0)},${entry('a', 0, 0)}}`),
    'metadata twice': () => frame('{"__metadata__":{"a":"b"},"__metadata__":{"a":"b"}}'),
    'a name of metadata twice': () => frame('{"__metadata__":{"a":"b","a":"b"}}'),
    'a dtype twice': () =>
      frame('{"a":{"dtype":"F64","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', [
        new Uint8Array(4),
      ]),
    'more than there should be': () =>
      frame('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":[[{}]]}}', [
        new Uint8Array(4),
      ]),
    'an empty array that is too large': () =>
      frame('{"a":{"dtype":"F32","shape":[4294967296,0],"data_offsets":[0,0]}}'),
    'an empty array that overflows': () =>
      frame(
        '{"a":{"dtype":"F32","shape":[9007199254740991,0,9007199254740991],"data_offsets":[0,0]}}',
      ),
    'a size that is none': () =>
      frame('{"a":{"dtype":"F32","shape":[1e400,0],"data_offsets":[0,0]}}'),
    'a byte order mark': () => frame('\ufeff{}'),
    'data cut off': () => file({ a: { shape: [2], data: new Float64Array(2) } }).slice(0, -1),
    'offsets the wrong way': () =>
      frame('{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}', [new Uint8Array(8)]),
    'negative offsets': () =>
      frame('{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}', [new Uint8Array(8)]),
    'fractions of offsets': () =>
      frame('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0.5,4.5]}}', [new Uint8Array(8)]),
    'a size that overflows': () =>
      frame(
        '{"a":{"dtype":"F32","shape":[9007199254740991,9007199254740991],"data_offsets":[0,4]}}',
        [new Uint8Array(4)],
      ),
    'a shape that is none': () =>
      frame('{"a":{"dtype":"F32","shape":[-1,-1],"data_offsets":[0,4]}}', [new Uint8Array(4)]),
  })
  test.each(cases)('bytes: %s', (_what, bytes) => {
    expect(() => readSafetensors(bytes())).toThrow(
      expect.objectContaining({ name: 'FreestepError', code: 'bad-checkpoint' }),
    )
  })

  test('a file of somebody else, or steps that are no number', () => {
    const metadata = { format: 'freestep', algorithm: 'adam', options: '{}', steps: '3' }
    expect(fromSafetensors(file({}, metadata)).steps).toBe(3)
    for (const bad of [
      { format: 'pt' },
      { steps: 'x' },
      { steps: '-1' },
      { steps: '1e3' },
      { steps: '99999999999999999999' },
    ])
      expect(() => fromSafetensors(file({}, { ...metadata, ...bad }))).toThrow(FreestepError)
    expect(() => fromSafetensors(file({}))).toThrow(FreestepError)
  })

  test('a file cut off anywhere', async () => {
    const bytes = toSafetensors(await (await run(3)).save({ params: true }))
    for (let length = 0; length < bytes.length; length++)
      expect(() => fromSafetensors(bytes.slice(0, length))).toThrow(FreestepError)
  })
})

describe('any bytes at all', () => {
  /** Reads, or refuses; and what was read is no larger than the file. */
  function read(bytes: Uint8Array): boolean {
    try {
      const { tensors } = readSafetensors(bytes)
      const total = Object.values(tensors).reduce((sum, { data }) => sum + data.byteLength, 0)
      expect(total).toBeLessThanOrEqual(2 * bytes.length)
      for (const { shape, data } of Object.values(tensors)) {
        // Twice as much for half precision.
        expect(data.byteLength).toBeLessThanOrEqual(2 * bytes.length)
        expect(data.buffer.byteLength).toBeLessThanOrEqual(2 * bytes.length)
        expect(shape.reduce((a, b) => a * b, 1)).toBe(data.length)
      }
      return true
    } catch (reason) {
      if (reason instanceof FreestepError && reason.code === 'bad-checkpoint') return false
      throw reason
    }
  }
  const draw = draws(11)
  const below = (n: number) => Math.floor(((draw() + 1) / 2) * n)

  test('random ones', () => {
    for (let i = 0; i < 5000; i++) {
      const bytes = Uint8Array.from(fill(below(200), () => below(256)))
      // Half of them with a length of the header that may be right.
      if (i % 2 && bytes.length > 8) bytes.set([below(bytes.length), 0, 0, 0, 0, 0, 0, 0])
      read(bytes)
    }
  })

  test('valid files with some bytes changed, taken out or put in', async () => {
    const optimizer = await run(2)
    const bytes = [...toSafetensors(await optimizer.save({ params: true }))]
    const tokens = [
      '"',
      '{',
      '}',
      '[',
      ']',
      ',',
      '-',
      '0',
      '9',
      '1e308',
      'null',
      '"F32"',
      '"F16"',
      '"BF16"',
      '__proto__',
      '\\u',
      '\0',
      'é',
      '\xff',
    ].map((text) => [...Buffer.from(text)])
    const outcomes = { read: 0, refused: 0 }
    const headerEnd = 8 + Number(new DataView(Uint8Array.from(bytes).buffer).getBigUint64(0, true))
    for (let i = 0; i < 5000; i++) {
      const mutant = [...bytes]
      for (let j = below(3); j >= 0; j--) {
        const at = below(i % 4 ? headerEnd : bytes.length)
        const token = tokens[below(tokens.length)]
        if (i % 3 === 0) mutant[at] = below(256)
        else if (i % 3 === 1) mutant.splice(at, below(5))
        else mutant.splice(at, i % 2 ? token.length : 0, ...token)
      }
      outcomes[read(Uint8Array.from(mutant)) ? 'read' : 'refused']++
    }
    expect(outcomes.read).toBeGreaterThan(100)
    expect(outcomes.refused).toBeGreaterThan(1000)
  })
})
