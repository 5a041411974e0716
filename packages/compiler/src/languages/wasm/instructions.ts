/**
 * The WebAssembly instructions that kernels use, by their names in the text format: opcode,
 * operands, and what follows in the binary format. From the specification,
 * https://webassembly.github.io/spec/core/binary/instructions.html. Not all of them.
 */

/**
 * One instruction: its name and its immediates. Locals, globals and functions are named, labels are
 * depths.
 */
export type Instruction = readonly [name: string, ...immediates: (number | string)[]]

/**
 * What stands after an opcode: nothing, a block type, a depth, an index, an offset, a number, one
 * lane or sixteen.
 */
export type Immediate =
  | 'none'
  | 'block'
  | 'label'
  | 'local'
  | 'global'
  | 'function'
  | 'memory'
  | 'i32'
  | 'f32'
  | 'f64'
  | 'lane'
  | 'lanes'

/** What there is to know of an instruction. */
export interface Encoding {
  readonly opcode: number
  /** How many operands it takes from the stack. */
  readonly operands: number
  readonly immediate: Immediate
  /** Whether the opcode has the prefix of vector instructions. */
  readonly vector: boolean
  /** For memory: log₂ of the access's size. */
  readonly align: number
}

type Row = readonly [
  name: string,
  opcode: number,
  operands: number,
  immediate?: Immediate,
  align?: number,
]

const plain: readonly Row[] = [
  ['block', 0x02, 0, 'block'],
  ['loop', 0x03, 0, 'block'],
  ['end', 0x0b, 0],
  ['br', 0x0c, 0, 'label'],
  ['br_if', 0x0d, 1, 'label'],
  ['call', 0x10, 2, 'function'],
  ['select', 0x1b, 3],
  ['local.get', 0x20, 0, 'local'],
  ['local.set', 0x21, 1, 'local'],
  ['global.get', 0x23, 0, 'global'],
  ['i32.load', 0x28, 1, 'memory', 2],
  ['f32.load', 0x2a, 1, 'memory', 2],
  ['f64.load', 0x2b, 1, 'memory', 3],
  ['f32.store', 0x38, 2, 'memory', 2],
  ['f64.store', 0x39, 2, 'memory', 3],
  ['i32.const', 0x41, 0, 'i32'],
  ['f32.const', 0x43, 0, 'f32'],
  ['f64.const', 0x44, 0, 'f64'],
  ['i32.lt_u', 0x49, 2],
  ['i32.ge_u', 0x4f, 2],
  ['f32.lt', 0x5d, 2],
  ['f32.gt', 0x5e, 2],
  ['f64.lt', 0x63, 2],
  ['f64.gt', 0x64, 2],
  ['i32.add', 0x6a, 2],
  ['i32.mul', 0x6c, 2],
  ['f32.demote_f64', 0xb6, 1],
  ['f64.promote_f32', 0xbb, 1],
]

const vector: readonly Row[] = [
  ['v128.load', 0x00, 1, 'memory', 4],
  ['v128.store', 0x0b, 2, 'memory', 4],
  ['i8x16.shuffle', 0x0d, 2, 'lanes'],
  ['f32x4.splat', 0x13, 1],
  ['f64x2.splat', 0x14, 1],
  ['f32x4.extract_lane', 0x1f, 1, 'lane'],
  ['f32x4.replace_lane', 0x20, 2, 'lane'],
  ['f64x2.extract_lane', 0x21, 1, 'lane'],
  ['f64x2.replace_lane', 0x22, 2, 'lane'],
  ['f32x4.lt', 0x43, 2],
  ['f32x4.gt', 0x44, 2],
  ['f64x2.lt', 0x49, 2],
  ['f64x2.gt', 0x4a, 2],
  ['v128.and', 0x4e, 2],
  ['v128.bitselect', 0x52, 3],
  ['f64x2.promote_low_f32x4', 0x5f, 1],
]

/** The arithmetic of one type, whose opcodes follow each other with gaps. */
const arithmetic = (
  type: string,
  distances: Readonly<Record<string, number>>,
  first: number,
): Row[] =>
  Object.entries(distances).map(([name, distance]) => [
    `${type}.${name}`,
    first + distance,
    unary.has(name) ? 1 : 2,
  ])
const unary = new Set(['abs', 'neg', 'sqrt'])
const scalarOps = { abs: 0, neg: 1, sqrt: 6, add: 7, sub: 8, mul: 9, div: 10, min: 11, max: 12 }
const vectorOps = { abs: 0, neg: 1, sqrt: 3, add: 4, sub: 5, mul: 6, div: 7, min: 8, max: 9 }

const encoded = (rows: readonly Row[], isVector: boolean): (readonly [string, Encoding])[] =>
  rows.map(([name, opcode, operands, immediate = 'none', align = 0]) => [
    name,
    { opcode, operands, immediate, vector: isVector, align },
  ])

const encodings: ReadonlyMap<string, Encoding> = new Map([
  ...encoded(
    [...plain, ...arithmetic('f32', scalarOps, 0x8b), ...arithmetic('f64', scalarOps, 0x99)],
    false,
  ),
  ...encoded(
    [...vector, ...arithmetic('f32x4', vectorOps, 0xe0), ...arithmetic('f64x2', vectorOps, 0xec)],
    true,
  ),
])

/** The names of all instructions known here. */
export const instructionNames: readonly string[] = [...encodings.keys()]

/** Looks an instruction up. */
export function encodingOf(name: string): Encoding {
  const encoding = encodings.get(name)
  if (!encoding) throw new RangeError(`wasm: unknown instruction ${name}`)
  return encoding
}
