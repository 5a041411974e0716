/**
 * Every instruction that is known, by its first word.
 */
import { Modifiers } from '../modifiers.ts'
import type { Writer } from '../writer.ts'
import * as convert from './convert.ts'
import * as float from './float.ts'
import * as integer from './integer.ts'
import * as logic from './logic.ts'
import * as memory from './memory.ts'
import * as move from './move.ts'
import * as sync from './sync.ts'

type Handler = (w: Writer) => void

/** An instruction of two meanings, by its type. */
const either =
  (onIntegers: Handler, onFloats: Handler): Handler =>
  (w) =>
    new Modifiers(w).last?.kind === 'f' ? onFloats(w) : onIntegers(w)

const leave =
  (how: 'jump' | 'exit'): Handler =>
  (w) => {
    const m = new Modifiers(w)
    m.has('uni')
    m.end()
    w.operands(how === 'jump' ? 1 : 0)
    w.leave(how)
  }

const handlers = new Map<string, Handler>([
  ['add', either(integer.add, float.arithmetic)],
  ['sub', either(integer.sub, float.arithmetic)],
  ['mul', either(integer.mul, float.arithmetic)],
  ['div', either(integer.division, float.arithmetic)],
  ['rem', integer.division],
  ['mad', either(integer.mad, float.fma)],
  ['fma', float.fma],
  ['min', either(integer.min, float.extreme)],
  ['max', either(integer.max, float.extreme)],
  ['neg', either(integer.negation, float.sign)],
  ['abs', either(integer.negation, float.sign)],
  ...['sqrt', 'rcp', 'rsqrt', 'ex2', 'lg2', 'sin', 'cos', 'tanh'].map((name): [string, Handler] => [
    name,
    float.unary,
  ]),
  ['copysign', float.copysign],
  ['testp', float.testp],
  ['popc', integer.counting],
  ['clz', integer.counting],
  ['brev', integer.brev],
  ['bfe', integer.bfe],
  ['bfi', integer.bfi],
  ['prmt', integer.prmt],
  ['lop3', integer.lop3],
  ['and', logic.bitwise],
  ['or', logic.bitwise],
  ['xor', logic.bitwise],
  ['not', logic.not],
  ['shl', logic.shift],
  ['shr', logic.shift],
  ['shf', logic.funnel],
  ['setp', logic.setp],
  ['selp', logic.selp],
  ['cvt', convert.cvt],
  ['mov', move.mov],
  ['cvta', move.cvta],
  ['ld', memory.ld],
  ['st', memory.st],
  ['atom', memory.atomic],
  ['red', memory.atomic],
  ['membar', memory.fence],
  ['fence', memory.fence],
  ['bar', sync.barrier],
  ['barrier', sync.barrier],
  ['shfl', sync.shfl],
  ['vote', sync.vote],
  ['redux', sync.redux],
  ['bra', leave('jump')],
  ['ret', leave('exit')],
  ['exit', leave('exit')],
  ['trap', (w) => w.put(`trap(${w.place})`)],
])

/** Prints an instruction. */
export function print(w: Writer): void {
  const handler = handlers.get(w.instruction.opcode)
  if (!handler) throw w.error('this instruction is not known')
  handler(w)
}
