/**
 * cvt: from every type to every other, with its roundings and saturations.
 */
import { Modifiers } from '../modifiers.ts'
import type { Operand, Type } from '../syntax.ts'
import { numberOf, read, readLong, store, write } from '../values.ts'
import type { Long, Writer } from '../writer.ts'
import { big } from './integer.ts'

interface How {
  /** Rounding to a type of floating point. */
  readonly rounding: 'rn' | 'rz' | 'rm' | 'rp' | undefined
  /** Rounding to a whole number. */
  readonly whole: 'rni' | 'rzi' | 'rmi' | 'rpi' | undefined
  readonly sat: boolean
}

const isNarrow = ({ kind, bits }: Type) => bits === 16 && (kind === 'f' || kind === 'bf')
const isInteger = ({ kind }: Type) => kind === 'u' || kind === 's'

export function cvt(w: Writer) {
  const m = new Modifiers(w)
  const packed = m.one('bf16x2', 'f16x2')
  const whole = m.one('rni', 'rzi', 'rmi', 'rpi')
  const rounding = m.one('rn', 'rz', 'rm', 'rp')
  const ftz = m.has('ftz')
  const sat = m.has('sat')
  if (packed) return pack(w, m, packed, rounding)
  const to = m.type('u', 's', 'f', 'bf')
  const from = m.type('u', 's', 'f', 'bf')
  m.end()
  const how = { rounding, whole, sat }
  check(w, to, from, how)
  const [d, a] = w.operands(2)
  if (isInteger(from))
    return isInteger(to)
      ? integers(w, d, a, to, from, sat)
      : toFloat(w, d, to, fromInteger(w, a, to, from), how)
  const value = ftz ? `ftz(${floating(w, a, from)})` : floating(w, a, from)
  if (isInteger(to)) return toInteger(w, d, to, value, from, how)
  const rounded = whole ? `${roundings[whole]}(${value})` : value
  toFloat(w, d, to, ftz ? `ftz(${rounded})` : rounded, how)
}

/** The modifiers that a conversion must have, and those that it must not. */
function check(w: Writer, to: Type, from: Type, { rounding, whole }: How): void {
  const [intoFloat, outOfFloat] = [!isInteger(to), !isInteger(from)]
  const wholes = outOfFloat && (!intoFloat || (to.bits === from.bits && to.kind === from.kind))
  if (whole && !wholes) throw w.error(`.${whole} has no place here`)
  if (outOfFloat && !intoFloat && !whole) throw w.error('it needs .rni, .rzi, .rmi or .rpi')
  const loses =
    intoFloat &&
    (!outOfFloat || to.bits < from.bits || (to.bits === from.bits && to.kind !== from.kind))
  if (loses !== (rounding !== undefined))
    throw w.error(loses ? 'it needs .rn, .rz, .rm or .rp' : `.${rounding} has no place here`)
}

const roundings = { rni: 'roundEven', rzi: 'Math.trunc', rmi: 'Math.floor', rpi: 'Math.ceil' }

/** Two numbers as halves of one register, the first above. */
function pack(w: Writer, m: Modifiers, into: 'bf16x2' | 'f16x2', rounding: How['rounding']): void {
  const from = m.type('f', 32)
  m.end()
  if (rounding !== 'rn' && rounding !== 'rz') throw w.error('it needs .rn or .rz')
  const [d, a, b] = w.operands(3)
  const bits = (each: Operand) =>
    `${into === 'f16x2' ? 'f16Bits' : 'bf16Bits'}(${read(w, each, from)}, '${rounding}')`
  write(w, d, { kind: 'b', bits: 32 }, `${bits(a)} << 16 | ${bits(b)}`)
}

/** A number in floating point, of any width, as a double. */
function floating(w: Writer, a: Operand, from: Type): string {
  const value = read(w, a, from)
  return isNarrow(from) ? `${from.kind === 'f' ? 'f16Of' : 'bf16Of'}(${value})` : value
}

function toFloat(w: Writer, d: Operand, to: Type, value: string, { rounding, sat }: How) {
  const cut = sat ? `saturate(${value})` : value
  if (isNarrow(to))
    return write(
      w,
      d,
      to,
      `${to.kind === 'f' ? 'f16Bits' : 'bf16Bits'}(${cut}, '${rounding ?? 'rn'}')`,
    )
  if (to.bits === 64 || rounding === undefined) return write(w, d, to, cut)
  write(w, d, to, rounding === 'rn' ? `fround(${cut})` : `single(${cut}, '${rounding}')`)
}

/** A whole number as a double that rounds to any narrower type as the number itself does. */
function fromInteger(w: Writer, a: Operand, to: Type, from: Type): string {
  if (from.bits < 64) return numberOf(read(w, a, from, true), from)
  const whole = big(readLong(w, a, from), from)
  return to.bits === 64 ? `Number(${whole})` : `oddOfWhole(${whole})`
}

const bounds = ({ kind, bits }: Type): [bigint, bigint] => {
  const span = 1n << BigInt(bits - Number(kind === 's'))
  return [kind === 's' ? -span : 0n, span - 1n]
}

/**
 * To a whole number: what is out of range becomes the nearest that is in range, NaN a number of the
 * device's choice.
 */
function toInteger(
  w: Writer,
  d: Operand,
  to: Type,
  value: string,
  from: Type,
  { whole }: How,
): void {
  const [least, greatest] = bounds(to)
  const nan =
    from.bits < 64 && to.bits < 64 ? '0' : to.bits === 64 ? '-9223372036854775808n' : '-2147483648'
  w.put('{')
  w.put(`const v = ${roundings[whole as keyof typeof roundings]}(${value})`)
  if (to.bits < 64)
    extended(w, d, to, `v !== v ? ${nan} : Math.min(Math.max(v, ${least}), ${greatest})`)
  else {
    const inside = `v < ${least} ? ${least}n : v > ${greatest} ? ${greatest}n : BigInt(v)`
    w.put(`const whole = v !== v ? ${nan} : ${inside}`)
    write(w, d, to, { hi: 'highPart(whole)', lo: 'lowPart(whole)' })
  }
  w.put('}')
}

function integers(w: Writer, d: Operand, a: Operand, to: Type, from: Type, sat: boolean) {
  if (from.bits === 64) {
    const source = readLong(w, a, from)
    if (to.bits === 64 && !sat) return write(w, d, to, source)
    if (!sat) return extended(w, d, to, source.lo)
    const [least, greatest] = bounds(to)
    w.put('{')
    w.put(`const v = ${big(source, from)}`)
    w.put(`const whole = v < ${least}n ? ${least}n : v > ${greatest}n ? ${greatest}n : v`)
    if (to.bits === 64) write(w, d, to, { hi: 'highPart(whole)', lo: 'lowPart(whole)' })
    else extended(w, d, to, 'lowPart(whole)')
    return w.put('}')
  }
  const source = numberOf(read(w, a, from, true), from)
  const [least, greatest] = bounds(to)
  const value = sat ? `Math.min(Math.max(${source}, ${least}), ${greatest})` : source
  if (to.bits < 64) return extended(w, d, to, value)
  write(w, d, to, {
    lo: `${value} | 0`,
    hi: from.kind === 's' && !(sat && to.kind === 'u') ? `${value} >> 31` : '0',
  })
}

/** Writes a whole number of up to 32 bits, which fills a wider register with its sign or zeros. */
export function extended(w: Writer, d: Operand, type: Type, value: string): void {
  const register = w.register(d, type, true)
  const number = numberOf(`(${value})`, type)
  const width = register.type.bits
  w.vote(register, width === 64 ? 'i64' : 'i32')
  if (width === 64) store(w, register, long(number, type), 'i64')
  else store(w, register, width === 32 ? `${number} | 0` : `${number} & 65535`, 'i32')
}

const long = (number: string, { kind }: Type): Long => ({
  lo: `${number} | 0`,
  hi: kind === 's' ? `${number} >> 31` : '0',
})
