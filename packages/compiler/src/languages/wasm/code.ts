/**
 * Small pieces of WebAssembly: expressions, loops, and the arithmetic of the operations on any type
 * of numbers.
 */
import type { Operation } from '../../lower/program.ts'
import type { Instruction } from './instructions.ts'
import type { ValueType } from './module.ts'

/** A sequence of instructions. */
export type Code = readonly Instruction[]

/** An instruction after its operands. */
export const op = (name: string, ...operands: Code[]): Code => [...operands.flat(), [name]]
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
export const add = (a: Code, b: Code): Code => op('i32.add', a, b)
export const times = (a: Code, factor: number): Code => op('i32.mul', a, i32(factor))
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

type Emit = (lanes: Lanes, ...operands: Code[]) => Code

/** An operation that is one instruction of the same name. */
const one =
  (name: string): Emit =>
  ({ prefix }, ...operands) =>
    op(`${prefix}.${name}`, ...operands)

/** The language: every operation as code, given the code of its operands. */
export const operations: Record<Operation, Emit> = {
  add: one('add'),
  sub: one('sub'),
  mul: one('mul'),
  div: one('div'),
  max: one('max'),
  min: one('min'),
  neg: one('neg'),
  abs: one('abs'),
  sqrt: one('sqrt'),
  where: (lanes, c, a, b) => select(lanes, c, 'gt', a, b),
  sign: (lanes, a) =>
    select(lanes, a, 'gt', lanes.constant(1), select(lanes, a, 'lt', lanes.constant(-1), a)),
  pow: (lanes, a, c) => elementwise(lanes, 'pow', a, c),
  slice: (_, a) => a,
  finite: (lanes, a) => {
    const { prefix, width } = lanes
    const counts = op(`${prefix}.lt`, op(`${prefix}.abs`, a), lanes.constant(Infinity))
    return width > 1 ? op('v128.and', a, counts) : op('select', a, lanes.constant(0), counts)
  },
}

/** Numbers one by one. */
export const singleLanes = (prefix: 'f32' | 'f64'): Lanes => ({
  prefix,
  type: prefix,
  width: 1,
  constant: (value) => [[`${prefix}.const`, value]],
})

/** a where x is greater (less) than 0, else b. */
const select = (lanes: Lanes, x: Code, compare: 'gt' | 'lt', a: Code, b: Code): Code => {
  const condition = op(`${lanes.prefix}.${compare}`, x, lanes.constant(0))
  return op(lanes.width > 1 ? 'v128.bitselect' : 'select', a, b, condition)
}

/** An imported function of two doubles, called for each element. */
function elementwise({ prefix, width }: Lanes, name: string, a: Code, b: Code): Code {
  const single = prefix.startsWith('f32')
  const wide = (x: Code) => (single ? op('f64.promote_f32', x) : x)
  const call = (x: Code, y: Code): Code => {
    const result: Code = [...wide(x), ...wide(y), ['call', name]]
    return single ? op('f32.demote_f64', result) : result
  }
  if (width === 1) return call(a, b)
  const lane = (code: Code, i: number): Code => [...code, [`${prefix}.extract_lane`, i]]
  const lanes = [...Array(width).keys()].flatMap(
    (i): Code => [...call(lane(a, i), lane(b, i)), [`${prefix}.replace_lane`, i]],
  )
  return [...a, ...lanes]
}
