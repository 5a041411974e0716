/**
 * Instructions in single and double precision. Everything rounds as IEEE 754 says, also what a
 * device only approximates (`.approx`, `.full`: some units in the last place there, here the
 * nearest single to JavaScript's own function).
 */
import { Modifiers } from '../modifiers.ts'
import type { Operand, Type } from '../syntax.ts'
import { read, write } from '../values.ts'
import type { Writer } from '../writer.ts'

/** What modifiers say of a result. */
interface Style {
  readonly type: Type
  readonly rounding: 'rn' | 'rz' | 'rm' | 'rp'
  readonly ftz: boolean
  readonly sat: boolean
}

function style(w: Writer, m: Modifiers): Style {
  const rounding = m.one('rn', 'rz', 'rm', 'rp') ?? 'rn'
  const [ftz, sat] = [m.has('ftz'), m.has('sat')]
  const type = m.type('f', 32, 64)
  m.end()
  if (type.bits === 64 && (ftz || sat || rounding !== 'rn'))
    throw w.error('this is not known in double precision')
  return { type, rounding, ftz, sat }
}

const source = (w: Writer, operand: Operand, { type, ftz }: Style) => {
  const value = read(w, operand, type)
  return ftz ? `ftz(${value})` : value
}

function result(w: Writer, d: Operand, { type, ftz, sat }: Style, value: string): void {
  const flushed = ftz ? `ftz(${value})` : value
  write(w, d, type, sat ? `saturate(${flushed})` : flushed)
}

const signs = { add: '+', sub: '-', mul: '*', div: '/' } as const

/** add, sub, mul, div: operators whose double result, rounded to single, is right. */
export function arithmetic(w: Writer) {
  const m = new Modifiers(w)
  const op = w.instruction.opcode as keyof typeof signs
  if (op === 'div') m.one('approx', 'full')
  const how = style(w, m)
  const [d, x, y] = w.operands(3)
  const [a, b] = [source(w, x, how), source(w, y, how)]
  const plain = `${a} ${signs[op]} ${b}`
  if (how.type.bits === 64) return result(w, d, how, plain)
  if (how.rounding === 'rn') return result(w, d, how, `fround(${plain})`)
  if (op === 'div') throw w.error(`.${how.rounding} is not known here`)
  const mode = `'${how.rounding}'`
  result(
    w,
    d,
    how,
    op === 'mul'
      ? `mul32(${a}, ${b}, ${mode})`
      : `add32(${a}, ${op === 'sub' ? '-' : ''}${b}, ${mode})`,
  )
}

/** fma, and mad, which means the same on every device of today. */
export function fma(w: Writer) {
  const how = style(w, new Modifiers(w))
  const [d, ...sources] = w.operands(4)
  const args = sources.map((each) => source(w, each, how)).join(', ')
  if (how.type.bits === 64) return result(w, d, how, `fma64(${args})`)
  result(
    w,
    d,
    how,
    how.rounding === 'rn' ? `fma32(${args})` : `fma32Directed(${args}, '${how.rounding}')`,
  )
}

/** neg, abs. */
export function sign(w: Writer): void {
  const m = new Modifiers(w)
  const how = style(w, m)
  const [d, x] = w.operands(2)
  const a = source(w, x, how)
  result(w, d, how, w.instruction.opcode === 'neg' ? `-${a}` : `Math.abs(${a})`)
}

/** min, max: what is NaN does not count, or with `.NaN` it is the result. */
export function extreme(w: Writer): void {
  const m = new Modifiers(w)
  const nan = m.has('NaN')
  const how = style(w, m)
  const { opcode } = w.instruction
  const [d, x, y] = w.operands(3)
  const args = `${source(w, x, how)}, ${source(w, y, how)}`
  result(w, d, how, nan ? `Math.${opcode}(${args})` : `f${opcode}(${args})`)
}

/** Functions of one number; the second column says whether the device has them rounded, too. */
const functions: Readonly<Record<string, readonly [(a: string) => string, 'rounded'?]>> = {
  sqrt: [(a) => `Math.sqrt(${a})`, 'rounded'],
  rcp: [(a) => `1 / ${a}`, 'rounded'],
  rsqrt: [(a) => `1 / Math.sqrt(${a})`],
  ex2: [(a) => `Math.pow(2, ${a})`],
  lg2: [(a) => `Math.log2(${a})`],
  sin: [(a) => `Math.sin(${a})`],
  cos: [(a) => `Math.cos(${a})`],
  tanh: [(a) => `Math.tanh(${a})`],
}

/** sqrt, rcp, rsqrt, ex2, lg2, sin, cos, tanh. */
export function unary(w: Writer): void {
  const m = new Modifiers(w)
  const [of, rounded] = functions[w.instruction.opcode]
  const approx = m.has('approx')
  const how = style(w, m)
  if (!approx && !(rounded && w.instruction.modifiers.includes('rn')))
    throw w.error('it needs .approx')
  if (approx && how.type.bits === 64) throw w.error('it is not known in double precision')
  const [d, x] = w.operands(2)
  const value = of(source(w, x, how))
  result(w, d, how, how.type.bits === 64 ? value : `fround(${value})`)
}

/** copysign: the sign of a, the magnitude of b. */
export function copysign(w: Writer): void {
  const m = new Modifiers(w)
  const type = m.type('f', 32, 64)
  m.end()
  const [d, a, b] = w.operands(3)
  const [from, to] = [read(w, a, type), read(w, b, type)]
  write(w, d, type, `highBits(${from}) < 0 ? -Math.abs(${to}) : Math.abs(${to})`)
}

const tests = {
  finite: (a: string) => `Math.abs(${a}) < Infinity`,
  infinite: (a: string) => `Math.abs(${a}) === Infinity`,
  number: (a: string) => `${a} === ${a}`,
  notanumber: (a: string) => `${a} !== ${a}`,
}

/** testp: what kind of number this is. */
export function testp(w: Writer): void {
  const m = new Modifiers(w)
  const test = m.need('finite', 'infinite', 'number', 'notanumber')
  const type = m.type('f', 32, 64)
  m.end()
  const [p, a] = w.operands(2)
  write(w, p, { kind: 'pred', bits: 1 }, tests[test](read(w, a, type)))
}
