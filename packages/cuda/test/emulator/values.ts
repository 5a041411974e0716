/**
 * Reading and writing operands as values of a PTX type, whatever way their registers are held.
 * Between the writer and the handlers of instructions.
 */
import { f32OfBits, f64OfBits } from './numbers.ts'
import type { Operand, Register, Type } from './syntax.ts'
import { type Kind, type Long, literal, type Writer } from './writer.ts'

/** Types by name. */
export const u16: Type = { kind: 'u', bits: 16 }
export const u32: Type = { kind: 'u', bits: 32 }
export const s32: Type = { kind: 's', bits: 32 }
export const b32: Type = { kind: 'b', bits: 32 }
export const f32: Type = { kind: 'f', bits: 32 }
export const f64: Type = { kind: 'f', bits: 64 }
export const predicate: Type = { kind: 'pred', bits: 1 }

/** How a type's own instructions hold it. */
export function natural({ kind, bits }: Type): Kind {
  if (kind === 'pred') return 'pred'
  if (kind === 'f' && bits > 16) return bits === 32 ? 'f32' : 'f64'
  return bits === 64 ? 'i64' : 'i32'
}

/** Whether a type is computed with as f32 or f64. */
export const isFloat = (type: Type) => natural(type) === 'f32' || natural(type) === 'f64'

/** A register in another kind than it is held in. */
function converted(name: string, from: Kind, to: Kind): string | Long {
  if (from === to) return from === 'i64' ? { hi: name.replace('r', 'h'), lo: name } : name
  if (from === 'i32' && to === 'f32') return `f32OfBits(${name})`
  if (from === 'f32' && to === 'i32') return `bitsOfF32(${name})`
  if (from === 'i64' && to === 'f64') return `f64OfBits(${name.replace('r', 'h')}, ${name})`
  if (from === 'f64' && to === 'i64') return { hi: `highBits(${name})`, lo: `lowBits(${name})` }
  if (from === 'i64' && to === 'i32') return name
  throw new Error(`no way from ${from} to ${to}`)
}

/** A constant in a kind. */
function constant(w: Writer, operand: Operand, kind: Kind, type: Type): string | Long {
  if (operand.is === 'integer') {
    const { value } = operand
    if (kind === 'pred') return value === 0n ? 'false' : 'true'
    const [hi, lo] = [value >> 32n, value].map((each) => Number(BigInt.asIntN(32, each)))
    if (kind === 'i64') return { hi: literal(hi), lo: literal(lo) }
    if (kind === 'i32')
      return literal(
        Number(BigInt.asIntN(32, type.bits < 32 ? BigInt.asUintN(type.bits, value) : value)),
      )
    if (type.kind === 'b') return literal(kind === 'f32' ? f32OfBits(lo) : f64OfBits(hi, lo))
    throw w.error('a constant in floating point is needed here')
  }
  if (operand.is === 'float') {
    const { value, pattern } = operand
    if (kind === 'f64') return literal(value)
    if (kind === 'f32') return literal(Math.fround(value))
    if (type.kind !== 'b' || pattern === undefined) throw w.error('a whole number is needed here')
    return constant(w, { is: 'integer', value: pattern }, kind, type)
  }
  throw w.error('this operand has no place here')
}

/** The address of a variable, in a kind. */
function place(w: Writer, operand: Extract<Operand, { is: 'place' }>, kind: Kind): string | Long {
  const { base, offset } = operand
  const own = w.knowledge.offsetOf(base)
  if (own !== undefined && kind === 'i32') return literal(own + offset)
  if (kind !== 'i64') throw w.error(`the address of ${base.name} has 64 bits`)
  if (own !== undefined) return { hi: '0', lo: literal(own + offset) }
  const { hi, lo } = symbol(base.name)
  return { hi, lo: `(${lo} + ${offset})` }
}

/** The names that the address of a module's variable has in the printed code. */
export const symbol = (name: string): Long => ({
  hi: `symbols[${JSON.stringify(name)}].hi`,
  lo: `symbols[${JSON.stringify(name)}].lo`,
})

/** A value of a type in a kind, without a say in how its register is held. */
export function bits(
  w: Writer,
  operand: Operand,
  type: Type,
  kind: Kind,
  wide = false,
): string | Long {
  if (operand.is === 'place') return place(w, operand, kind)
  if (operand.is === 'special') return special(w, operand.name, kind)
  if (operand.is !== 'register') return constant(w, operand, kind, type)
  const register = w.register(operand, type, wide)
  return converted(w.use(register), w.kindOf(register), kind)
}

const specials: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['x', 'y', 'z'].flatMap((axis, i) => [
      [`%tid.${axis}`, `threadIds[${i}][t]`],
      [`%ntid.${axis}`, `dimensions[${i}]`],
      [`%nctaid.${axis}`, `dimensions[${i + 3}]`],
      [`%ctaid.${axis}`, `dimensions[${i + 6}]`],
    ]),
  ),
  '%laneid': '(t & 31)',
  '%warpid': '(t >>> 5)',
  '%nwarpid': '((dimensions[0] * dimensions[1] * dimensions[2] + 31) >>> 5)',
  '%lanemask_eq': '(1 << (t & 31))',
  '%lanemask_lt': '((1 << (t & 31)) - 1)',
  '%lanemask_le': '(2 * (1 << (t & 31)) - 1 | 0)',
  '%lanemask_ge': '(-1 << (t & 31))',
  '%lanemask_gt': '(-2 << (t & 31))',
  '%smid': '0',
  '%nsmid': '1',
  '%clock': '(count[0] | 0)',
  '%dynamic_smem_size': 'dimensions[9]',
  '%total_smem_size': 'dimensions[10]',
}

function special(w: Writer, name: string, kind: Kind): string | Long {
  const known = specials[name]
  if (known === undefined) throw w.error(`${name} is no special register that is known here`)
  if (kind === 'f32' || kind === 'f64') throw w.error(`${name} is a whole number`)
  return kind === 'i64' ? { hi: '0', lo: known } : known
}

/** A value as the type's own instructions hold it. */
export function read(w: Writer, operand: Operand, type: Type, wide = false): string {
  return readAs(w, operand, type, natural(type), wide) as string
}

/** The same for 64 bits that are no floating point. */
export function readLong(w: Writer, operand: Operand, type: Type): Long {
  return readAs(w, operand, type, 'i64') as Long
}

function readAs(w: Writer, operand: Operand, type: Type, kind: Kind, wide = false): string | Long {
  if (operand.is === 'register') w.vote(operand, kind)
  return bits(w, operand, type, kind, wide)
}

/** A predicate, negated where it says so. */
export function readPredicate(w: Writer, operand: Operand): string {
  return operand.is === 'not'
    ? `!${read(w, operand.operand, predicate)}`
    : read(w, operand, predicate)
}

/** The number that an integer of up to 32 bits is. */
export function readNumber(w: Writer, operand: Operand, type: Type, wide = false): string {
  return numberOf(read(w, operand, type, wide), type)
}

/** The number that bits are, by their type. */
export function numberOf(value: string, { kind, bits: width }: Type): string {
  if (width === 32) return kind === 's' ? value : `(${value} >>> 0)`
  const shift = 32 - width
  return kind === 's' ? `(${value} << ${shift} >> ${shift})` : `(${value} & ${2 ** width - 1})`
}

/**
 * Writes a value in the kind of the type's own instructions; integers of up to 32 bits are cut to
 * their width.
 */
export function write(w: Writer, operand: Operand, type: Type, value: string | Long): void {
  if (operand.is === 'nothing') return
  const register = w.register(operand, type)
  w.vote(register, natural(type))
  const cut =
    typeof value === 'string' && natural(type) === 'i32'
      ? type.bits === 32
        ? `(${value}) | 0`
        : `(${value}) & 65535`
      : value
  store(w, register, cut, natural(type))
}

/** Writes a value of some kind into a register that may be held in another. */
export function store(w: Writer, register: Register, value: string | Long, kind: Kind) {
  const own = w.kindOf(register)
  if (own === kind) return w.define(register, value)
  if (typeof value !== 'string') return w.define(register, `f64OfBits(${value.hi}, ${value.lo})`)
  if (kind === 'f64')
    return w.define(register, { hi: `highBits(${value})`, lo: `lowBits(${value})` })
  w.define(register, kind === 'i32' ? `f32OfBits(${value})` : `bitsOfF32(${value})`)
}

/** Writes a whole number of any kind of bigint expression into 64 bits. */
export function writeBig(w: Writer, operand: Operand, type: Type, value: string): void {
  w.put('{')
  w.put(`const whole = ${value}`)
  write(w, operand, type, { hi: 'highPart(whole)', lo: 'lowPart(whole)' })
  w.put('}')
}
