/**
 * Loads, stores, atomics and fences. Every access goes through a check of the memory it is to (see
 * heap.ts and link.ts one folder up).
 */
import { Modifiers } from '../modifiers.ts'
import { access, windows } from '../spaces.ts'
import type { Operand, Register, Space, Type } from '../syntax.ts'
import {
  bits,
  f32,
  f64,
  natural,
  numberOf,
  read,
  readLong,
  store,
  symbol,
  write,
} from '../values.ts'
import type { Kind, Long, Writer } from '../writer.ts'
import { combined } from './atomic.ts'
import { extended } from './convert.ts'

const spaces = ['global', 'const', 'shared', 'local', 'param'] as const
const hints = /^(L1::|L2::)/

/**
 * Names of what the printed code calls for a memory: the check of an address, before writing, and
 * the prefix of its arrays.
 */
const memories: Readonly<
  Record<Space, { readonly check: string; readonly writing: string; readonly views: string }>
> = {
  global: { check: 'globalAt', writing: 'globalToWrite', views: 'g' },
  const: { check: 'globalAt', writing: 'globalToWrite', views: 'g' },
  shared: { check: 'sharedAt', writing: 'sharedAt', views: 's' },
  local: { check: 'localAt', writing: 'localAt', views: 'l' },
  param: { check: 'paramAt', writing: 'paramAt', views: 'p' },
}

/** An address in two halves, without its offset. */
function base(w: Writer, operand: Operand): { readonly address: Long; readonly offset: number } {
  if (operand.is !== 'address') throw w.error('an address in brackets is needed here')
  const { base: from, offset } = operand
  if (!from) return { address: { hi: '0', lo: '0' }, offset }
  if (from.is === 'register') {
    const type: Type = { kind: 'u', bits: from.type.bits }
    return {
      address:
        type.bits === 64
          ? readLong(w, from, type)
          : { hi: '0', lo: read(w, from, { ...type, bits: 32 }) },
      offset,
    }
  }
  const own = w.knowledge.offsetOf(from)
  return own === undefined
    ? { address: symbol(from.name), offset }
    : { address: { hi: '0', lo: String(own) }, offset }
}

/**
 * Prints an access: the check, the report for those who look for races, and what `body` prints with
 * the arrays and the place in them.
 */
function reach(
  w: Writer,
  given: Space | undefined,
  operand: Operand,
  bytes: number,
  kind: keyof typeof access,
  body: (views: string, space: Space) => void,
): void {
  const { address, offset } = base(w, operand)
  if (
    given === undefined &&
    operand.is === 'address' &&
    operand.base?.is === 'register' &&
    operand.base.type.bits !== 64
  )
    throw w.error('an address that may be of any memory has 64 bits')
  const writes = kind !== 'read' && kind !== 'strongRead' && kind !== 'constantRead'
  const print = (space: Space, hi: string) => {
    const { check, writing, views } = memories[space]
    const own = space === 'local' ? ' + t * localBytes' : ''
    w.put(
      `const at = ${writes ? writing : check}(${hi}, ${address.lo}, ${offset}, ${bytes}, ${w.place})${own}`,
    )
    if (w.knowledge.races && (space === 'global' || space === 'shared'))
      w.put(`touch('${space}', ${access[kind]}, at, ${bytes}, ${w.place})`)
    body(views, space)
  }
  if (given) {
    w.put('{')
    print(given, address.hi)
  } else {
    w.put(`if (${address.hi} === ${windows.shared}) {`)
    print('shared', '0')
    w.put(`} else if (${address.hi} === ${windows.local}) {`)
    print('local', '0')
    w.put('} else {')
    print('global', address.hi)
  }
  w.put('}')
}

/** What orders an access among those of other threads. */
interface Order {
  readonly strong: boolean
  readonly acquire: boolean
  readonly release: boolean
  readonly wide: boolean
}

function order(m: Modifiers): Order {
  const how = m.one('weak', 'volatile', 'relaxed', 'acquire', 'release', 'acq_rel')
  const scope = m.one('cta', 'cluster', 'gpu', 'sys')
  return {
    strong: how !== undefined && how !== 'weak',
    acquire: how === 'acquire' || how === 'acq_rel',
    release: how === 'release' || how === 'acq_rel',
    wide: scope === 'gpu' || scope === 'sys',
  }
}

function putFence(w: Writer, wide: boolean): void {
  if (w.knowledge.races) w.put(`fence(${wide})`)
}

const vector = (m: Modifiers) => Number(m.one('v2', 'v4', 'v8')?.slice(1) ?? 1)

function parts(w: Writer, operand: Operand, count: number): readonly Operand[] {
  const items = operand.is === 'vector' ? operand.items : [operand]
  if (items.length !== count || (operand.is === 'vector') !== count > 1)
    throw w.error(`it takes ${count} at a time`)
  return items
}

export function ld(w: Writer): void {
  const m = new Modifiers(w)
  const how = order(m)
  const space = m.one(...spaces)
  const cached = m.one('ca', 'cg', 'cs', 'lu', 'cv')
  const constant = m.has('nc')
  m.drop(hints)
  const count = vector(m)
  const type = m.type('u', 's', 'b', 'f')
  m.end()
  if (constant && space !== 'global') throw w.error('.nc is for global memory')
  const [d, from] = w.operands(2)
  const items = parts(w, d, count)
  const kind = constant ? 'constantRead' : how.strong || cached === 'cv' ? 'strongRead' : 'read'
  reach(w, space, from, (count * type.bits) / 8, kind, (views) => {
    for (const [i, item] of items.entries()) load(w, item, type, views, i)
  })
  if (how.acquire) putFence(w, how.wide)
}

/** The i-th of the elements at `at`, in a kind. */
function element(views: string, { bits: width }: Type, i: number, kind: Kind): string | Long {
  const index = (shift: number, k = i) => `(at >> ${shift})${k ? ` + ${k}` : ''}`
  if (kind === 'f32') return `${views}F32[${index(2)}]`
  if (kind === 'f64') return `${views}F64[${index(3)}]`
  if (width === 64)
    return { lo: `${views}I32[${index(2, 2 * i)}]`, hi: `${views}I32[${index(2, 2 * i + 1)}]` }
  if (width === 32) return `${views}I32[${index(2)}]`
  return width === 16 ? `${views}U16[${index(1)}]` : `${views}U8[at${i ? ` + ${i}` : ''}]`
}

function load(w: Writer, item: Operand, type: Type, views: string, i: number) {
  if (item.is === 'nothing') return
  const register = w.register(item, type, true)
  const same = register.type.bits === type.bits
  if (type.kind === 'f' || (type.kind === 'b' && same && type.bits >= 32)) {
    if (!same) throw w.error(`${register.name} is too wide`)
    const kind = type.kind === 'f' ? natural(type) : w.kindOf(register)
    if (type.kind === 'f') w.vote(register, kind)
    return store(w, register, element(views, type, i, kind), kind)
  }
  const value = element(views, type, i, natural(type))
  if (typeof value === 'string') extended(w, register, type, value)
  else write(w, register, type, value)
}

export function st(w: Writer): void {
  const m = new Modifiers(w)
  const how = order(m)
  const space = m.one(...spaces)
  m.one('wb', 'cg', 'cs', 'wt')
  m.drop(hints)
  const count = vector(m)
  const type = m.type('u', 's', 'b', 'f')
  m.end()
  if (space === 'const' || space === 'param') throw w.error(`nothing can be stored there`)
  const [to, from] = w.operands(2)
  const items = parts(w, from, count)
  if (how.release) putFence(w, how.wide)
  const kind = how.strong ? 'strongWrite' : 'write'
  reach(w, space, to, (count * type.bits) / 8, kind, (views) => {
    for (const [i, item] of items.entries()) save(w, item, type, views, i)
  })
}

function save(w: Writer, item: Operand, type: Type, views: string, i: number): void {
  const own =
    type.kind === 'b' && item.is === 'register' && item.type.bits === type.bits
      ? w.kindOf(item as Register)
      : natural(type)
  const value =
    type.kind === 'b'
      ? bits(w, item, type, own, true)
      : natural(type) === 'i64'
        ? readLong(w, item, type)
        : read(w, item, type, true)
  const to = element(views, type, i, own)
  if (typeof value === 'string' || typeof to === 'string') w.put(`${to} = ${value}`)
  else w.put(`${to.lo} = ${value.lo}; ${to.hi} = ${value.hi}`)
}

/** atom and red: atom gives what was there before. */
export function atomic(w: Writer): void {
  const m = new Modifiers(w)
  const how = order(m)
  const space = m.one('global', 'shared')
  const op = m.need('add', 'min', 'max', 'inc', 'dec', 'and', 'or', 'xor', 'exch', 'cas')
  m.drop(/^L2::/)
  const type = m.type('u', 's', 'b', 'f', 32, 64)
  m.end()
  const gives = w.instruction.opcode === 'atom'
  if (!gives && (op === 'exch' || op === 'cas')) throw w.error(`.${op} is not known here`)
  const operands = w.operands(Number(gives) + (op === 'cas' ? 3 : 2))
  const [to, ...sources] = gives ? operands.slice(1) : operands
  if (how.release) putFence(w, how.wide)
  const kind = natural(type)
  reach(w, space, to, type.bits / 8, 'atomic', (views, at) => {
    const place = element(views, type, 0, kind)
    const values = sources.map((each) =>
      kind === 'i64' ? readLong(w, each, type) : value(w, each, type),
    )
    if (typeof place === 'string') w.put(`const old = ${place}`)
    else w.put(`const oldLo = ${place.lo}, oldHi = ${place.hi}`)
    const next = combined(w, op, type, values, at === 'global')
    if (typeof place === 'string') w.put(`${place} = ${next as string}`)
    else
      w.put(
        `{ const lo = ${(next as Long).lo}, hi = ${(next as Long).hi}; ${place.lo} = lo; ${place.hi} = hi }`,
      )
    if (gives)
      give(w, operands[0], type, typeof place === 'string' ? 'old' : { lo: 'oldLo', hi: 'oldHi' })
  })
  if (how.acquire) putFence(w, how.wide)
}

const value = (w: Writer, operand: Operand, type: Type) =>
  type.kind === 'f'
    ? read(w, operand, type.bits === 32 ? f32 : f64)
    : numberOf(bits(w, operand, type, 'i32') as string, type)

function give(w: Writer, d: Operand, type: Type, old: string | Long) {
  if (d.is === 'nothing') return
  if (type.kind !== 'b') return write(w, d, type, old)
  store(w, w.register(d, type), old, natural(type))
}

/** membar and fence. */
export function fence(w: Writer): void {
  const m = new Modifiers(w)
  const isFence = w.instruction.opcode === 'fence'
  if (isFence) m.one('sc', 'acq_rel')
  const scope = isFence ? m.need('cta', 'cluster', 'gpu', 'sys') : m.need('cta', 'gl', 'sys')
  m.end()
  w.operands(0)
  putFence(w, scope !== 'cta' && scope !== 'cluster')
}
