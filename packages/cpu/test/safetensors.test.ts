/**
 * The bytes of checkpoints: what the specification says, from any writer, and whatever is thrown at the reader it either reads or
 * refuses.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { cpu, createOptimizer, FreestepError, fromSafetensors, prodigy, readSafetensors, toSafetensors } from '../src/index.ts'
import { draws, families, fill, follow } from './problems.ts'
import { file, frame } from './safetensors.ts'

const d0 = 0.01
const run = async (steps: number, single = false) =>
  (await follow(prodigy({ d0 }), families.quadratic(6, 3), { steps, single, sizes: [1, 5] })).optimizer

describe('bytes', () => {
  test('are what the specification of safetensors says', async () => {
    const optimizer = await run(2)
    const checkpoint = await optimizer.save({ params: true })
    const bytes = Buffer.from(toSafetensors(checkpoint))
    const length = Number(bytes.readBigUInt64LE(0))
    expect(length % 8).toBe(0)
    const { __metadata__: metadata, ...entries } = JSON.parse(bytes.subarray(8, 8 + length).toString('utf8'))
    expect(metadata).toEqual({ format: 'freestep', algorithm: 'prodigy', options: checkpoint.options, steps: '2' })
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
      expect(fill(view.length / 8, (i) => view.readDoubleLE(8 * i))).toEqual([...checkpoint.tensors[name].data])
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
          expect(fromSafetensors(new Uint8Array(pool.buffer, pool.byteOffset + offset, bytes.length))).toEqual(saved)
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
      optimizer.step(Object.fromEntries(names.map((name) => [name, optimizer.params[name].slice()])))
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
      expect(readSafetensors(file(tensors, { format: 'pt' }, align))).toEqual({ metadata: { format: 'pt' }, tensors })
    }
    expect(readSafetensors(frame('{}'))).toEqual({ metadata: {}, tensors: {} })
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
    'another dtype': () => frame('{"a":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}', [new Uint8Array(2)]),
    'data cut off': () => file({ a: { shape: [2], data: new Float64Array(2) } }).slice(0, -1),
    'offsets the wrong way': () => frame('{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}', [new Uint8Array(8)]),
    'negative offsets': () => frame('{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}', [new Uint8Array(8)]),
    'fractions of offsets': () => frame('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0.5,4.5]}}', [new Uint8Array(8)]),
    'a size that overflows': () =>
      frame('{"a":{"dtype":"F32","shape":[9007199254740991,9007199254740991],"data_offsets":[0,4]}}', [new Uint8Array(4)]),
    'a shape that is none': () => frame('{"a":{"dtype":"F32","shape":[-1,-1],"data_offsets":[0,4]}}', [new Uint8Array(4)]),
  })
  test.each(cases)('bytes: %s', (_what, bytes) => {
    expect(() => readSafetensors(bytes())).toThrow(expect.objectContaining({ name: 'FreestepError', code: 'bad-checkpoint' }))
  })

  test('a file of somebody else, or steps that are no number', () => {
    const metadata = { format: 'freestep', algorithm: 'adam', options: '{}', steps: '3' }
    expect(fromSafetensors(file({}, metadata)).steps).toBe(3)
    for (const bad of [{ format: 'pt' }, { steps: 'x' }, { steps: '-1' }, { steps: '1e3' }, { steps: '99999999999999999999' }])
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
      for (const { shape, data } of Object.values(tensors)) {
        expect(data.byteLength).toBeLessThanOrEqual(bytes.length)
        expect(data.buffer.byteLength).toBeLessThanOrEqual(bytes.length)
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
    const tokens = ['"', '{', '}', '[', ']', ',', '-', '0', '9', '1e308', 'null', '"F32"', '\\u', '\0', 'é', '\xff'].map(
      (text) => [...Buffer.from(text)],
    )
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
