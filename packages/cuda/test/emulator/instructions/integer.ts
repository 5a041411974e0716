/**
 * Instructions on whole numbers.
 */
import { Modifiers } from '../modifiers.ts'
import type { Operand, Type } from '../syntax.ts'
import { b32, read, readLong, readNumber, u32, write, writeBig } from '../values.ts'
import type { Long, Writer } from '../writer.ts'

const ints = ['u', 's', 16, 32, 64] as const

/** A result for up to 32 bits, from operands as numbers of their type. */
type Short = (a: string, b: string, type: Type, w: Writer) => string
/** The same for 64 bits, from halves. */
type Wide = (a: Long, b: Long, type: Type, w: Writer) => Long

const low = (value: string) => `(${value} >>> 0)`
const less = (a: Long, b: Long, { kind }: Type) => {
  const [ah, bh] = kind === 's' ? [a.hi, b.hi] : [low(a.hi), low(b.hi)]
  return `(${ah} < ${bh} || (${a.hi} === ${b.hi} && ${low(a.lo)} < ${low(b.lo)}))`
}
const choose = (condition: string, a: Long, b: Long): Long => ({
  lo: `${condition} ? ${a.lo} : ${b.lo}`,
  hi: `${condition} ? ${a.hi} : ${b.hi}`,
})
/** 64 bits as a bigint. */
export const big = ({ hi, lo }: Long, { kind }: Type) =>
  `${kind === 's' ? 'signed64' : 'unsigned64'}(${hi}, ${lo})`

const sum: Wide = (a, b) => ({
  lo: `(${a.lo} + ${b.lo}) | 0`,
  hi: `(${a.hi} + ${b.hi} + (${low('lo')} < ${low(a.lo)} ? 1 : 0)) | 0`,
})
const difference: Wide = (a, b) => ({
  lo: `(${a.lo} - ${b.lo}) | 0`,
  hi: `(${a.hi} - ${b.hi} - (${low(a.lo)} < ${low(b.lo)} ? 1 : 0)) | 0`,
})
const product = (a: Long, b: Long): Long => ({
  lo: `Math.imul(${a.lo}, ${b.lo})`,
  hi: `mul64Hi(${a.hi}, ${a.lo}, ${b.hi}, ${b.lo})`,
})

/** d = a ∘ b. */
function binary(w: Writer, short: Short, wide: Wide) {
  const m = new Modifiers(w)
  const type = m.type(...ints)
  m.end()
  const [d, a, b] = w.operands(3)
  if (type.bits === 64)
    return write(w, d, type, wide(readLong(w, a, type), readLong(w, b, type), type, w))
  write(w, d, type, short(readNumber(w, a, type), readNumber(w, b, type), type, w))
}

export const add = (w: Writer) => binary(w, (a, b) => `${a} + ${b}`, sum)
export const sub = (w: Writer) => binary(w, (a, b) => `${a} - ${b}`, difference)
export const min = (w: Writer) =>
  binary(
    w,
    (a, b) => `Math.min(${a}, ${b})`,
    (a, b, type) => choose(less(a, b, type), a, b),
  )
export const max = (w: Writer) =>
  binary(
    w,
    (a, b) => `Math.max(${a}, ${b})`,
    (a, b, type) => choose(less(a, b, type), b, a),
  )

/** Quotients and remainders; a divisor of 0 is reported. */
export function division(w: Writer) {
  const m = new Modifiers(w)
  const type = m.type(...ints)
  m.end()
  const [d, a, b] = w.operands(3)
  const sign = w.instruction.opcode === 'div' ? '/' : '%'
  if (type.bits === 64) {
    const divisor = readLong(w, b, type)
    w.put(`if ((${divisor.hi} | ${divisor.lo}) === 0) byZero(${w.place})`)
    return writeBig(w, d, type, `${big(readLong(w, a, type), type)} ${sign} ${big(divisor, type)}`)
  }
  const divisor = readNumber(w, b, type)
  w.put(`if (${divisor} === 0) byZero(${w.place})`)
  write(w, d, type, `${readNumber(w, a, type)} ${sign} ${divisor}`)
}

/** A product in the type, its upper half, or in a type twice as wide. */
function multiplied(
  w: Writer,
  a: Operand,
  b: Operand,
  type: Type,
  how: 'lo' | 'hi' | 'wide',
): string | Long {
  if (type.bits === 64) {
    if (how === 'wide') throw w.error('there is no type so wide')
    const [x, y] = [readLong(w, a, type), readLong(w, b, type)]
    if (how === 'lo') return product(x, y)
    w.put(`const top = (${big(x, type)} * ${big(y, type)}) >> 64n`)
    return { hi: 'highPart(top)', lo: 'lowPart(top)' }
  }
  const [x, y] = [readNumber(w, a, type), readNumber(w, b, type)]
  if (type.bits === 16)
    return how === 'hi' ? `Math.imul(${x}, ${y}) >> 16` : `Math.imul(${x}, ${y})`
  if (how === 'lo') return `Math.imul(${x}, ${y})`
  const upper = `${type.kind === 's' ? 'smulh' : 'umulh'}(${x}, ${y})`
  return how === 'hi' ? upper : { hi: upper, lo: `Math.imul(${x}, ${y})` }
}

const resultType = (type: Type, how: 'lo' | 'hi' | 'wide'): Type =>
  how === 'wide' ? { ...type, bits: 2 * type.bits } : type

export function mul(w: Writer): void {
  const m = new Modifiers(w)
  const how = m.need('lo', 'hi', 'wide')
  const type = m.type(...ints)
  m.end()
  const [d, a, b] = w.operands(3)
  w.put('{')
  write(w, d, resultType(type, how), multiplied(w, a, b, type, how))
  w.put('}')
}

/** d = a b + c. */
export function mad(w: Writer): void {
  const m = new Modifiers(w)
  const how = m.need('lo', 'hi', 'wide')
  const type = m.type(...ints)
  m.end()
  const [d, a, b, c] = w.operands(4)
  const result = resultType(type, how)
  w.put('{')
  const value = multiplied(w, a, b, type, how)
  if (typeof value === 'string') write(w, d, result, `(${value}) + ${readNumber(w, c, result)}`)
  else {
    w.put(`const pl = ${value.lo}, ph = ${value.hi}`)
    write(w, d, result, sum({ hi: 'ph', lo: 'pl' }, readLong(w, c, result), result, w))
  }
  w.put('}')
}

/** d = ∘ a. */
export function negation(w: Writer) {
  const m = new Modifiers(w)
  const type = m.type('s', 16, 32, 64)
  m.end()
  const [d, a] = w.operands(2)
  const isNeg = w.instruction.opcode === 'neg'
  if (type.bits < 64)
    return write(
      w,
      d,
      type,
      isNeg ? `-${readNumber(w, a, type)}` : `Math.abs(${readNumber(w, a, type)})`,
    )
  const x = readLong(w, a, type)
  const negative = { lo: `-${x.lo} | 0`, hi: `(~${x.hi} + (${x.lo} === 0 ? 1 : 0)) | 0` }
  write(w, d, type, isNeg ? negative : choose(`${x.hi} < 0`, negative, x))
}

/** How many bits are set, or clear at the top. */
export function counting(w: Writer) {
  const m = new Modifiers(w)
  const type = m.type('b', 32, 64)
  m.end()
  const [d, a] = w.operands(2)
  const isPop = w.instruction.opcode === 'popc'
  if (type.bits === 32)
    return write(w, d, u32, isPop ? `popc(${read(w, a, type)})` : `Math.clz32(${read(w, a, type)})`)
  const { hi, lo } = readLong(w, a, type)
  write(
    w,
    d,
    u32,
    isPop ? `popc(${hi}) + popc(${lo})` : `${hi} ? Math.clz32(${hi}) : 32 + Math.clz32(${lo})`,
  )
}

export function brev(w: Writer) {
  const m = new Modifiers(w)
  const type = m.type('b', 32, 64)
  m.end()
  const [d, a] = w.operands(2)
  if (type.bits === 32) return write(w, d, type, `brev(${read(w, a, type)})`)
  const { hi, lo } = readLong(w, a, type)
  w.put('{')
  w.put(`const reversed = brev(${lo})`)
  write(w, d, type, { lo: `brev(${hi})`, hi: 'reversed' })
  w.put('}')
}

/** A field of bits, out of a number or into one. */
export function bfe(w: Writer): void {
  const m = new Modifiers(w)
  const type = m.type('u', 's', 32)
  m.end()
  const [d, a, position, length] = w.operands(4)
  write(
    w,
    d,
    type,
    `bfe(${read(w, a, type)}, ${read(w, position, u32)}, ${read(w, length, u32)}, ${type.kind === 's'})`,
  )
}

export function bfi(w: Writer): void {
  const m = new Modifiers(w)
  m.type('b', 32)
  m.end()
  const [d, a, into, position, length] = w.operands(5)
  const [x, y] = [read(w, a, b32), read(w, into, b32)]
  write(w, d, b32, `bfi(${x}, ${y}, ${read(w, position, u32)}, ${read(w, length, u32)})`)
}

export function prmt(w: Writer): void {
  const m = new Modifiers(w)
  m.type('b', 32)
  m.end()
  const [d, a, b, selection] = w.operands(4)
  write(w, d, b32, `prmt(${read(w, a, b32)}, ${read(w, b, b32)}, ${read(w, selection, b32)})`)
}

export function lop3(w: Writer): void {
  const m = new Modifiers(w)
  m.type('b', 32)
  m.end()
  const [d, a, b, c, table] = w.operands(5)
  if (table.is !== 'integer') throw w.error('its table must be a constant')
  write(
    w,
    d,
    b32,
    `lop3(${read(w, a, b32)}, ${read(w, b, b32)}, ${read(w, c, b32)}, ${table.value})`,
  )
}
