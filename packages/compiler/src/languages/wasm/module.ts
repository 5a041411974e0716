/**
 * A WebAssembly module as data, and its bytes. As much of WebAssembly as kernels need: one imported
 * memory, imported constants and functions, exported functions.
 * https://webassembly.github.io/spec/core/binary/modules.html
 */
import { encodingOf, type Instruction } from './instructions.ts'

/** A type of values. */
export type ValueType = 'i32' | 'f32' | 'f64' | 'v128'

/** A function that takes i32 and returns nothing. */
export interface WasmFunction {
  readonly name: string
  readonly parameters: readonly string[]
  readonly locals: ReadonlyMap<string, ValueType>
  /** Without the `end` of the function. */
  readonly body: readonly Instruction[]
}

/** A module. It imports `env.memory`. */
export interface WasmModule {
  /** Whether the memory is shared between threads. */
  readonly shared: boolean
  /** The i32 constants that are imported from `layout`. */
  readonly globals: readonly string[]
  /** The functions of two doubles that are imported from `math`. */
  readonly math: readonly string[]
  /** The functions, all of them exported; they have the same number of parameters. */
  readonly functions: readonly WasmFunction[]
}

const codes: Record<ValueType, number> = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b }
/** 4 GiB, the most a memory can have, in pages. */
export const maxPages = 65536

/** The module's bytes. */
export function encode({ shared, globals, math, functions }: WasmModule): Uint8Array<ArrayBuffer> {
  const parameters = functions[0]?.parameters.length ?? 0
  const types = [
    ...(math.length ? [[0x60, ...list([[codes.f64], [codes.f64]]), ...list([[codes.f64]])]] : []),
    [0x60, ...list(Array(parameters).fill([codes.i32])), 0],
  ]
  const imports = [
    [
      ...string('env'),
      ...string('memory'),
      0x02,
      ...(shared ? [0x03, 0, ...unsigned(maxPages)] : [0x00, 0]),
    ],
    ...globals.map((name) => [...string('layout'), ...string(name), 0x03, codes.i32, 0]),
    ...math.map((name) => [...string('math'), ...string(name), 0x00, 0]),
  ]
  const declared = functions.map(() => [types.length - 1])
  const exports = functions.map(({ name }, i) => [
    ...string(name),
    0x00,
    ...unsigned(math.length + i),
  ])
  const bodies = functions.map((each) => {
    const locals = localsByType(each).map(([type, names]) => [
      ...unsigned(names.length),
      codes[type],
    ])
    const body = [...list(locals), ...encodeBody(each, globals, math), 0x0b]
    return [...unsigned(body.length), ...body]
  })
  return Uint8Array.of(
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, types),
    ...section(2, imports),
    ...section(3, declared),
    ...section(7, exports),
    ...section(10, bodies),
  )
}

/** The locals as a function declares them: those of a type together. */
export function localsByType({
  locals,
}: WasmFunction): (readonly [ValueType, readonly string[]])[] {
  const types = [...new Set(locals.values())]
  return types.map((type) => [type, [...locals.keys()].filter((name) => locals.get(name) === type)])
}

const section = (id: number, items: readonly (readonly number[])[]): number[] => {
  const content = list(items)
  return [id, ...unsigned(content.length), ...content]
}
const list = (items: readonly (readonly number[])[]): number[] => [
  ...unsigned(items.length),
  ...items.flat(),
]
/** A name; all names here are ASCII. */
const string = (text: string): number[] => list([...text].map((letter) => [letter.charCodeAt(0)]))

function encodeBody(
  each: WasmFunction,
  globals: readonly string[],
  math: readonly string[],
): number[] {
  const { parameters, body } = each
  const localIndex = new Map(
    [...parameters, ...localsByType(each).flatMap(([, names]) => names)].map((name, i) => [
      name,
      i,
    ]),
  )
  const find = (index: number | undefined, name: string) => {
    if (index === undefined || index < 0) throw new RangeError(`wasm: ${name} is not declared`)
    return unsigned(index)
  }
  return body.flatMap(([name, ...immediates]) => {
    const encoding = encodingOf(name)
    const [first = 0] = immediates
    const [number, text] = [Number(first), String(first)]
    const operand = {
      none: () => [],
      block: () => [0x40],
      label: () => unsigned(number),
      local: () => find(localIndex.get(text), text),
      global: () => find(globals.indexOf(text), text),
      function: () => find(math.indexOf(text), text),
      memory: () => [encoding.align, ...unsigned(number)],
      i32: () => signed(number),
      f32: () => float(number, 4),
      f64: () => float(number, 8),
      lane: () => [number],
      lanes: () => immediates.map(Number),
    }[encoding.immediate]()
    return [
      ...(encoding.vector ? [0xfd, ...unsigned(encoding.opcode)] : [encoding.opcode]),
      ...operand,
    ]
  })
}

/** LEB128 of a natural number. */
function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...unsigned(Math.floor(value / 128))]
}

/** LEB128 of an int32. */
function signed(value: number): number[] {
  return value >= -64 && value < 64 ? [value & 127] : [(value & 127) | 128, ...signed(value >> 7)]
}

function float(value: number, size: 4 | 8): number[] {
  const view = new DataView(new ArrayBuffer(size))
  if (size === 4) view.setFloat32(0, value, true)
  else view.setFloat64(0, value, true)
  return [...new Uint8Array(view.buffer)]
}
