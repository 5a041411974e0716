/**
 * Where threads wait for each other: barriers, shuffles, votes, reductions of a warp. What they do
 * when all have come is in warp.ts and block.ts; here a thread leaves its arguments and takes the
 * result.
 */
import { Modifiers } from '../modifiers.ts'
import { bits, predicate, read, readPredicate, s32, store, u32, write } from '../values.ts'
import type { Writer } from '../writer.ts'

/**
 * bar and barrier; a thread leaves the number of the barrier, and of the threads that it is for
 * (-1: all).
 */
export function barrier(w: Writer) {
  const m = new Modifiers(w)
  m.has('cta')
  if (m.has('warp')) return warpBarrier(w, m)
  const mode = m.need('sync', 'red')
  const aligned = m.has('aligned') || w.instruction.opcode === 'bar'
  if (mode === 'red') return reducingBarrier(w, m, aligned)
  m.end()
  const { operands } = w.instruction
  if (operands.length < 1 || operands.length > 2) throw w.error('it has one operand or two')
  const [id, count] = operands
  w.put(`argument0[t] = ${read(w, id, u32)}; argument1[t] = ${count ? read(w, count, u32) : -1}`)
  w.waitFor({ kind: 'barrier', mode, aligned })
}

function warpBarrier(w: Writer, m: Modifiers): void {
  m.need('sync')
  m.end()
  const [mask] = w.operands(1)
  w.put(`mask[t] = ${read(w, mask, u32)}`)
  w.waitFor({ kind: 'warp', mode: 'sync', aligned: false })
}

function reducingBarrier(w: Writer, m: Modifiers, aligned: boolean): void {
  const op = m.need('popc', 'and', 'or')
  const type = m.type('u', 'pred', 32, 1)
  m.end()
  const [d, id, p] = w.operands(3)
  w.put(
    `argument0[t] = ${read(w, id, u32)}; argument1[t] = -1; argument2[t] = ${readPredicate(w, p)} ? 1 : 0`,
  )
  w.waitFor({ kind: 'barrier', mode: op, aligned })
  write(w, d, type, type.kind === 'pred' ? 'result[t] !== 0' : 'result[t]')
}

/** shfl: a thread leaves its value, the lane or distance and the clamp. */
export function shfl(w: Writer): void {
  const m = new Modifiers(w)
  m.need('sync')
  const mode = m.need('up', 'down', 'bfly', 'idx')
  m.type('b', 32)
  m.end()
  const [d, a, lane, clamp, mask] = w.operands(5)
  const b = { kind: 'b', bits: 32 } as const
  w.put(`argument0[t] = ${bits(w, a, b, 'i32')}`)
  w.put(
    `argument1[t] = ${read(w, lane, u32)}; argument2[t] = ${read(w, clamp, u32)}; mask[t] = ${read(w, mask, u32)}`,
  )
  w.waitFor({ kind: 'shfl', mode, aligned: false })
  const [value, found] = d.is === 'pair' ? [d.first, d.second] : [d]
  if (value.is !== 'nothing') store(w, w.register(value, b), 'result[t]', 'i32')
  if (found) write(w, found, predicate, 'inRange[t] !== 0')
}

/** vote: all, any, uni or the ballot of predicates. */
export function vote(w: Writer): void {
  const m = new Modifiers(w)
  m.need('sync')
  const mode = m.need('all', 'any', 'uni', 'ballot')
  const type = m.type('pred', 'b', 1, 32)
  m.end()
  const [d, p, mask] = w.operands(3)
  w.put(`argument0[t] = ${readPredicate(w, p)} ? 1 : 0; mask[t] = ${read(w, mask, u32)}`)
  w.waitFor({ kind: 'vote', mode, aligned: false })
  if ((type.kind === 'pred') !== (mode !== 'ballot'))
    throw w.error('the type does not go with the mode')
  write(w, d, type, type.kind === 'pred' ? 'result[t] !== 0' : 'result[t]')
}

/** redux: one number from those of all threads named. */
export function redux(w: Writer): void {
  const m = new Modifiers(w)
  m.need('sync')
  const op = m.need('add', 'min', 'max', 'and', 'or', 'xor')
  const type = m.type('u', 's', 'b', 32)
  m.end()
  const [d, a, mask] = w.operands(3)
  w.put(`argument0[t] = ${read(w, a, type)}; mask[t] = ${read(w, mask, u32)}`)
  const mode = type.kind === 's' || !op.startsWith('m') ? op : `u${op}`
  w.waitFor({ kind: 'redux', mode, aligned: false })
  write(w, d, type.kind === 's' ? s32 : type, 'result[t]')
}
