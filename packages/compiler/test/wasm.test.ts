/** The bytes of modules against wabt's reading of their text: an assembler of another making. */
import { table } from '@freestep/conformance'
import { adamG, defineAlgorithm, element, perTensor, prodigy, sum } from '@freestep/core'
import { expect, test } from 'vitest'
import wabt from 'wabt'
import { compile, emitWasm, emitWat } from '../src/index.ts'
import {
  encodingOf,
  type Instruction,
  instructionNames,
} from '../src/languages/wasm/instructions.ts'
import { encode, type ValueType, type WasmModule } from '../src/languages/wasm/module.ts'
import { print } from '../src/languages/wasm/text.ts'
import { programOf } from './programs.ts'

const features = { simd: true, threads: true }
const { parseWat } = await wabt()
function assemble(text: string): Uint8Array {
  const module = parseWat('kernel.wat', text, features)
  const { buffer } = module.toBinary({})
  module.destroy()
  return buffer
}
const same = (a: Uint8Array, b: Uint8Array) => Buffer.from(a).equals(b)

test('every algorithm', () => {
  for (const { make, variants } of table)
    for (const settings of variants)
      for (const type of ['float32', 'float64'] as const) {
        const kernels = compile(programOf(make(settings)), 'step')
        const bytes = emitWasm(kernels, type)
        expect(same(bytes, assemble(emitWat(kernels, type)))).toBe(true)
        expect(WebAssembly.validate(bytes)).toBe(true)
      }
})

test('with tensor-scoped values, slices, calls and a shared memory', () => {
  const perTensorSums = defineAlgorithm({
    name: 'perTensorSums',
    defaults: {},
    state: () => ({ a: perTensor(), b: element() }),
    step: ({ g, a }) => ({ u: a, a: sum(g, 'tensor'), b: g }),
  })
  for (const algorithm of [perTensorSums(), prodigy({ sliceP: 3, lr: (k) => k }), adamG()])
    for (const type of ['float32', 'float64'] as const) {
      const kernels = compile(programOf(algorithm, [4, 3]), 'step')
      expect(
        same(
          emitWasm(kernels, type, { shared: true }),
          assemble(emitWat(kernels, type, { shared: true })),
        ),
      ).toBe(true)
    }
})

/** An instruction with immediates of its kind, and how many there may be of it. */
const examples: Record<string, readonly Instruction[1][][]> = {
  none: [[]],
  block: [[]],
  label: [[0]],
  local: [['l']],
  global: [['g']],
  function: [['pow']],
  memory: [[0], [127], [128], [65536]],
  i32: [[0], [-1], [63], [64], [-64], [-65], [8191], [-8193], [2 ** 31 - 1], [-(2 ** 31)]],
  f32: [[0], [-0], [1.5], [Math.fround(0.1)], [Infinity], [-Infinity]],
  f64: [[0], [-0], [0.1], [5e-324], [Infinity], [-Infinity]],
  lane: [[1]],
  lanes: [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 31]],
}

test.each(
  instructionNames.filter(
    (name) => !['block', 'loop', 'end', 'br', 'br_if', 'call', 'select'].includes(name),
  ),
)('%s', (name) => {
  for (const immediates of examples[encodingOf(name).immediate] ?? []) {
    const module = around([name, ...(immediates as (string | number)[])])
    const text = print(module)
    expect(same(encode(module), assemble(text)), text).toBe(true)
    expect(WebAssembly.validate(encode(module)), text).toBe(true)
  }
})

/**
 * A module with one function that gives the instruction operands of the right types and keeps its
 * result, if it has one.
 */
function around(instruction: Instruction): WasmModule {
  const [name] = instruction
  const types = signature(name)
  const operands = types.operands.map((type): Instruction => ['local.get', type])
  const body: Instruction[] = [
    ...operands,
    instruction,
    ...(types.result ? [['local.set', types.result] as const] : []),
  ]
  const locals = new Map<string, ValueType>([
    ['i32', 'i32'],
    ['f32', 'f32'],
    ['f64', 'f64'],
    ['v128', 'v128'],
    ['l', 'i32'],
  ])
  return {
    shared: false,
    globals: ['g'],
    math: ['pow'],
    functions: [{ name: 'f', parameters: [], locals, body }],
  }
}

/** The types that an instruction takes and gives, read off its name. */
function signature(name: string): { operands: ValueType[]; result?: ValueType } {
  const [prefix, op] = name.split('.')
  const type = (prefix.includes('x') || prefix === 'v128' ? 'v128' : prefix) as ValueType
  const lane = prefix.slice(0, 3) as ValueType
  if (name === 'local.get' || name === 'global.get') return { operands: [], result: 'i32' }
  if (name === 'local.set') return { operands: ['i32'] }
  if (op === 'const') return { operands: [], result: type }
  if (op === 'load') return { operands: ['i32'], result: type }
  if (op === 'store') return { operands: ['i32', type] }
  if (op === 'splat') return { operands: [lane], result: 'v128' }
  if (op === 'extract_lane') return { operands: ['v128'], result: lane }
  if (op === 'replace_lane') return { operands: ['v128', lane], result: 'v128' }
  if (op === 'demote_f64') return { operands: ['f64'], result: 'f32' }
  if (op === 'promote_f32') return { operands: ['f32'], result: 'f64' }
  const compares = /^[lg][te]/.test(op) && type !== 'v128'
  return {
    operands: Array<ValueType>(encodingOf(name).operands).fill(type),
    result: compares ? 'i32' : type,
  }
}
