/**
 * Small pieces of WebAssembly: expressions, loops, and the arithmetic of the operations on any type
 * of numbers.
 */
import type { Elementwise } from '@freestep/core'
import type { Operation } from '../../lower/program.ts'
import type { Instruction } from './instructions.ts'
import type { ValueType } from './module.ts'

/** A sequence of instructions. */
export type Code = readonly Instruction[]

export const get = (local: string): Code => [['local.get', local]]
export const set = (local: string, value: Code): Code => [...value, ['local.set', local]]
export const i32 = (value: number): Code => [['i32.const', value]]
export const global = (name: string): Code => [['global.get', name]]
export const load = (type: string, address: Code, offset: number): Code => [
  ...address,
  [`${type}.load`, offset],
]
export const store = (type: string, address: Code, offset: number, value: Code): Code => [
  ...address,
  ...value,
  [`${type}.store`, offset],
]
export const add = (a: Code, b: Code): Code => [...a, ...b, ['i32.add']]
export const times = (a: Code, factor: number): Code => [...a, ['i32.const', factor], ['i32.mul']]
export const increase = (local: string, by: Code): Code => set(local, add(get(local), by))

/** Repeats the body until the condition holds before it. */
export const until = (condition: Code, body: Code): Code => [
  ['block'],
  ['loop'],
  ...condition,
  ['br_if', 1],
  ...body,
  ['br', 0],
  ['end'],
  ['end'],
]

/** A type of numbers to compute in: a single number, or several elements at once. */
export interface Lanes {
  readonly prefix: 'f32' | 'f64' | 'f32x4' | 'f64x2'
  readonly type: ValueType
  /** How many elements at once. */
  readonly width: number
  /** The code of a constant. */
  constant(value: number): Code
}

/** The language: every operation as code, given the code of its operands. */
export const operations: Record<Operation, (lanes: Lanes, ...operands: Code[]) => Code> = {
  ...instructions('add', 'sub', 'mul', 'div', 'max', 'min', 'neg', 'abs', 'sqrt'),
  where: (lanes, c, a, b) => select(lanes, c, 'gt', a, b),
  sign: (lanes, a) =>
    select(lanes, a, 'gt', lanes.constant(1), select(lanes, a, 'lt', lanes.constant(-1), a)),
  pow: (lanes, a, c) => elementwise(lanes, 'pow', a, c),
  slice: (_, a) => a,
  finite: (lanes, a) => {
    const { prefix, width } = lanes
    const counts: Code = [...a, [`${prefix}.abs`], ...lanes.constant(Infinity), [`${prefix}.lt`]]
    if (width > 1) return [...a, ...counts, ['v128.and']]
    return [...a, ...lanes.constant(0), ...counts, ['select']]
  },
}

/** The operations that are one instruction of the same name. */
function instructions<Name extends Elementwise>(...names: readonly Name[]) {
  const rows = names.map((name) => [
    name,
    (lanes: Lanes, ...operands: Code[]) => [...operands.flat(), [`${lanes.prefix}.${name}`]],
  ])
  return Object.fromEntries(rows) as Record<Name, (lanes: Lanes, ...operands: Code[]) => Code>
}

/** Numbers one by one. */
export const singleLanes = (prefix: 'f32' | 'f64'): Lanes => ({
  prefix,
  type: prefix,
  width: 1,
  constant: (value) => [[`${prefix}.const`, value]],
})

/** a where x is greater (less) than 0, else b. */
const select = (lanes: Lanes, x: Code, compare: 'gt' | 'lt', a: Code, b: Code): Code => [
  ...[...a, ...b, ...x, ...lanes.constant(0)],
  [`${lanes.prefix}.${compare}`],
  [lanes.width > 1 ? 'v128.bitselect' : 'select'],
]

/** An imported function of two doubles, called for each element. */
function elementwise({ prefix, width }: Lanes, name: string, a: Code, b: Code): Code {
  const single = prefix.startsWith('f32')
  const promote: Code = single ? [['f64.promote_f32']] : []
  const demote: Code = single ? [['f32.demote_f64']] : []
  const call = (x: Code, y: Code): Code => [
    ...x,
    ...promote,
    ...y,
    ...promote,
    ['call', name],
    ...demote,
  ]
  if (width === 1) return call(a, b)
  const lane = (code: Code, i: number): Code => [...code, [`${prefix}.extract_lane`, i]]
  const replace = (i: number): Code => [
    ...call(lane(a, i), lane(b, i)),
    [`${prefix}.replace_lane`, i],
  ]
  return [...a, ...[...Array(width).keys()].flatMap(replace)]
}
