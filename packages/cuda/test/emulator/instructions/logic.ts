/**
 * Instructions on bits and predicates: and, or, xor, not, shifts, comparisons and selections.
 */
import { Modifiers } from '../modifiers.ts'
import type { Operand, Type } from '../syntax.ts'
import {
  bits,
  isFloat,
  natural,
  predicate,
  read,
  readLong,
  readNumber,
  readPredicate,
  store,
  u32,
  write,
} from '../values.ts'
import type { Long, Writer } from '../writer.ts'

const signs = { and: '&', or: '|', xor: '^' } as const

/** and, or, xor. */
export function bitwise(w: Writer) {
  const m = new Modifiers(w)
  const type = m.type('b', 'pred', 1, 16, 32, 64)
  m.end()
  const [d, a, b] = w.operands(3)
  const op = w.instruction.opcode as keyof typeof signs
  if (type.kind === 'pred') {
    const sign = { and: '&&', or: '||', xor: '!==' }[op]
    return write(w, d, type, `${readPredicate(w, a)} ${sign} ${readPredicate(w, b)}`)
  }
  const sign = signs[op]
  if (type.bits < 64) return write(w, d, type, `${read(w, a, type)} ${sign} ${read(w, b, type)}`)
  const [x, y] = [readLong(w, a, type), readLong(w, b, type)]
  write(w, d, type, { hi: `${x.hi} ${sign} ${y.hi}`, lo: `${x.lo} ${sign} ${y.lo}` })
}

export function not(w: Writer) {
  const m = new Modifiers(w)
  const type = m.type('b', 'pred', 1, 16, 32, 64)
  m.end()
  const [d, a] = w.operands(2)
  if (type.kind === 'pred') return write(w, d, type, `!${readPredicate(w, a)}`)
  if (type.bits < 64) return write(w, d, type, `~${read(w, a, type)}`)
  const { hi, lo } = readLong(w, a, type)
  write(w, d, type, { hi: `~${hi}`, lo: `~${lo}` })
}

/** shl, shr: more than all bits shifts everything out. */
export function shift(w: Writer) {
  const m = new Modifiers(w)
  const left = w.instruction.opcode === 'shl'
  const type = m.type('b', ...(left ? [] : (['u', 's'] as const)), 16, 32, 64)
  m.end()
  const [d, a, b] = w.operands(3)
  const by = read(w, b, u32)
  const signed = type.kind === 's'
  if (type.bits < 64)
    return write(
      w,
      d,
      type,
      `${left ? 'shl32' : signed ? 'sar32' : 'shr32'}(${readNumber(w, a, type)}, ${by})`,
    )
  const { hi, lo } = readLong(w, a, type)
  const right = signed ? 'sar64' : 'shr64'
  const halves: Long = left
    ? { lo: `shl64Lo(${lo}, ${by})`, hi: `shl64Hi(${hi}, ${lo}, ${by})` }
    : { lo: `${right}Lo(${hi}, ${lo}, ${by})`, hi: `${right}Hi(${hi}, ${by})` }
  write(w, d, type, halves)
}

/** shf: a shift of two numbers of 32 bits in a row. */
export function funnel(w: Writer): void {
  const m = new Modifiers(w)
  const direction = m.need('l', 'r')
  const wraps = m.need('wrap', 'clamp') === 'wrap'
  m.type('b', 32)
  m.end()
  const [d, a, b, c] = w.operands(4)
  const [lo, hi, given] = [read(w, a, u32), read(w, b, u32), read(w, c, u32)]
  const by = wraps ? `${given} & 31` : `Math.min(${given} >>> 0, 32)`
  w.put('{')
  w.put(`const by = ${by}`)
  write(w, d, u32, direction === 'l' ? `shl64Hi(${hi}, ${lo}, by)` : `shr64Lo(${hi}, ${lo}, by)`)
  w.put('}')
}

const comparisons = ['eq', 'ne', 'lt', 'le', 'gt', 'ge', 'lo', 'ls', 'hi', 'hs'] as const
const unordered = ['equ', 'neu', 'ltu', 'leu', 'gtu', 'geu', 'num', 'nan'] as const
type Comparison = (typeof comparisons)[number] | (typeof unordered)[number]

const orders: Readonly<Record<string, string>> = {
  lt: '<',
  le: '<=',
  gt: '>',
  ge: '>=',
  lo: '<',
  ls: '<=',
  hi: '>',
  hs: '>=',
}
const opposite: Readonly<Record<string, string>> = { ltu: '>=', leu: '>', gtu: '<=', geu: '<' }

/**
 * Whether two numbers compare so; NaN compares with nothing, except where the comparison says so.
 */
function compareNumbers(op: Comparison, a: string, b: string): string {
  if (op === 'eq') return `${a} === ${b}`
  if (op === 'ne') return `(${a} < ${b} || ${a} > ${b})`
  if (op === 'equ') return `!(${a} < ${b} || ${a} > ${b})`
  if (op === 'neu') return `${a} !== ${b}`
  if (op === 'num') return `(${a} === ${a} && ${b} === ${b})`
  if (op === 'nan') return `(${a} !== ${a} || ${b} !== ${b})`
  return op in opposite ? `!(${a} ${opposite[op]} ${b})` : `${a} ${orders[op]} ${b}`
}

function compareLongs(op: Comparison, a: Long, b: Long, signed: boolean): string {
  const equal = `(${a.hi} === ${b.hi} && ${a.lo} === ${b.lo})`
  if (op === 'eq') return equal
  if (op === 'ne') return `!${equal}`
  const strict = orders[op][0]
  const [ah, bh] = signed ? [a.hi, b.hi] : [`(${a.hi} >>> 0)`, `(${b.hi} >>> 0)`]
  return `(${ah} ${strict} ${bh} || (${a.hi} === ${b.hi} && (${a.lo} >>> 0) ${orders[op]} (${b.lo} >>> 0)))`
}

/** A comparison of two operands as an expression. */
function comparison(w: Writer, op: Comparison, a: Operand, b: Operand, type: Type): string {
  if (isFloat(type)) return compareNumbers(op, read(w, a, type), read(w, b, type))
  if (type.bits === 64)
    return compareLongs(op, readLong(w, a, type), readLong(w, b, type), type.kind === 's')
  return compareNumbers(op, readNumber(w, a, type), readNumber(w, b, type))
}

/** setp: d|q = (a ∘ b) ∘ c. */
export function setp(w: Writer): void {
  const m = new Modifiers(w)
  const op = m.need(...comparisons, ...unordered)
  const combine = m.one('and', 'or', 'xor')
  const ftz = m.has('ftz')
  const type = m.type('u', 's', 'b', 'f', 16, 32, 64)
  m.end()
  const isUnordered = (unordered as readonly string[]).includes(op)
  if (ftz || type.bits * Number(type.kind === 'f') === 16)
    throw w.error('this comparison is not known here')
  if (isUnordered && type.kind !== 'f') throw w.error(`.${op} is for floating point`)
  if (type.kind === 'f' && /^(lo|ls|hi|hs)$/.test(op))
    throw w.error(`.${op} is for unsigned numbers`)
  if (type.kind === 'b' && op !== 'eq' && op !== 'ne') throw w.error('bits have no order')
  const [d, a, b, ...rest] = w.operands(combine ? 4 : 3)
  const [p, q] = d.is === 'pair' ? [d.first, d.second] : [d]
  w.put('{')
  w.put(`const holds = ${comparison(w, op, a, b, type)}`)
  const third = combine ? readPredicate(w, rest[0]) : undefined
  const with_ = (value: string) =>
    combine ? `${value} ${{ and: '&&', or: '||', xor: '!==' }[combine]} third` : value
  if (third !== undefined) w.put(`const third = ${third}`)
  write(w, p, predicate, with_('holds'))
  if (q) write(w, q, predicate, with_('!holds'))
  w.put('}')
}

/** selp: d = p ? a : b. */
export function selp(w: Writer): void {
  const m = new Modifiers(w)
  const type = m.type('u', 's', 'b', 'f', 16, 32, 64)
  m.end()
  const [d, a, b, p] = w.operands(4)
  const condition = readPredicate(w, p)
  const register = w.register(d, type)
  const kind = type.kind === 'b' ? w.kindOf(register) : natural(type)
  const [x, y] =
    type.kind === 'b'
      ? [a, b].map((each) => bits(w, each, type, kind))
      : [a, b].map((each) => reading(w, each, type))
  if (type.kind !== 'b') w.vote(register, kind)
  const value =
    typeof x === 'string'
      ? `${condition} ? ${x} : ${y}`
      : {
          hi: `${condition} ? ${x.hi} : ${(y as Long).hi}`,
          lo: `${condition} ? ${x.lo} : ${(y as Long).lo}`,
        }
  store(w, register, value, kind)
}

const reading = (w: Writer, operand: Operand, type: Type) =>
  natural(type) === 'i64' ? readLong(w, operand, type) : read(w, operand, type)
