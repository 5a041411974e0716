/**
 * mov and cvta: values, addresses, and registers as halves of wider ones.
 */
import { Modifiers } from '../modifiers.ts'
import { windows } from '../spaces.ts'
import type { Operand, Type } from '../syntax.ts'
import { bits, natural, read, readLong, readPredicate, store, u16, write } from '../values.ts'
import type { Long, Writer } from '../writer.ts'

export function mov(w: Writer) {
  const m = new Modifiers(w)
  const type = m.type()
  m.end()
  const [d, a] = w.operands(2)
  if (d.is === 'vector') return unpack(w, d.items, a, type)
  if (a.is === 'vector') return packed(w, d, a.items, type)
  if (type.kind === 'pred') return write(w, d, type, readPredicate(w, a))
  const register = w.register(d, type)
  // A move says nothing of what it moves, but a constant or a typed move does.
  const says = type.kind !== 'b'
  const kind = says ? natural(type) : w.kindOf(register)
  if (says) w.vote(register, kind)
  if (says && a.is === 'register') w.vote(a, kind)
  store(w, register, bits(w, a, type, kind), kind)
}

/** Parts of a register: four or two of 16 bits, or two of 32. */
function unpack(w: Writer, parts: readonly Operand[], a: Operand, type: Type): void {
  const whole = type.bits === 64 ? readLong(w, a, type) : { hi: '', lo: read(w, a, type) }
  const width = type.bits / parts.length
  w.put('{')
  w.put(`const lower = ${whole.lo}${whole.hi && `, upper = ${whole.hi}`}`)
  if (width !== 32 && width !== 16) throw w.error('these parts do not fit')
  for (const [i, part] of parts.entries())
    if (width === 32) move32(w, part, i ? 'upper' : 'lower')
    else write(w, part, u16, `${i < 2 ? 'lower' : 'upper'} >>> ${16 * (i % 2)}`)
  w.put('}')
}

/** Bits into a register that may be held as floating point. */
function move32(w: Writer, part: Operand, value: string): void {
  if (part.is !== 'nothing') store(w, w.register(part, { kind: 'b', bits: 32 }), value, 'i32')
}

/** A register from its parts. */
function packed(w: Writer, d: Operand, parts: readonly Operand[], type: Type): void {
  const width = type.bits / parts.length
  const pair = (low: Operand, high: Operand) =>
    `(${read(w, high, u16)} << 16 | ${read(w, low, u16)} & 65535)`
  const single = (part: Operand) => bits(w, part, { kind: 'b', bits: 32 }, 'i32') as string
  let value: string | Long
  if (width === 16 && parts.length === 2) value = pair(parts[0], parts[1])
  else if (width === 16 && parts.length === 4)
    value = { lo: pair(parts[0], parts[1]), hi: pair(parts[2], parts[3]) }
  else if (width === 32 && parts.length === 2)
    value = { lo: single(parts[0]), hi: single(parts[1]) }
  else throw w.error('these parts do not fit')
  store(w, w.register(d, type), value, type.bits === 64 ? 'i64' : 'i32')
}

/** cvta: an address within one memory from one that says which memory, or the other way. */
export function cvta(w: Writer) {
  const m = new Modifiers(w)
  const to = m.has('to')
  const space = m.need('global', 'const', 'shared', 'local', 'param')
  const type = m.type('u', 64)
  m.end()
  const [d, a] = w.operands(2)
  const operand = a.is === 'address' ? undefined : a
  if (!operand) throw w.error('it takes no brackets')
  const { hi, lo } = readLong(w, operand, type)
  if (space === 'global' || space === 'const') return write(w, d, type, { hi, lo })
  const window = String(windows[space])
  if (to) w.put(`if (${hi} !== ${window}) elsewhere(${w.place}, ${hi}, ${lo}, '${space}')`)
  write(w, d, type, { hi: to ? '0' : window, lo })
}
