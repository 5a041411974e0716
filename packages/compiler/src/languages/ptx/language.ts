/**
 * PTX as far as arithmetic needs it. Every operation is rounded by itself, to nearest: an
 * instruction that says .rn is never contracted with another.
 * https://docs.nvidia.com/cuda/parallel-thread-execution
 */
import type { Operation } from '../../lower/program.ts'
import type { Code } from './code.ts'
import { type Float, literal } from './literal.ts'
import { power } from './power.ts'

/**
 * Emits one operation; gives the register with the result. `exact` is a constant second operand
 * that is not rounded.
 */
type Emit = (
  code: Code,
  type: Float,
  name: string,
  operands: readonly string[],
  exact: number,
) => string

/** A register with an operand, where an instruction takes no constant. */
export const held = (code: Code, type: Float, operand: string): string =>
  operand.startsWith('%') ? operand : code.put(type, 'c', `mov.${type}`, operand)

/** An operation that is one instruction. */
const one =
  (instruction: string): Emit =>
  (code, type, name, operands) =>
    code.put(type, name, `${instruction}.${type}`, operands.join(', '))

/** The larger or smaller of two; PTX gives the one that is a number where the other is NaN. */
const extreme =
  (instruction: 'max' | 'min'): Emit =>
  (code, type, name, [a, b]) => {
    const number = code.calc(`${instruction}.${type}`, a, b)
    const either = code.calc(`setp.nan.${type}`, a, b)
    return select(code, type, name, [literal(Number.NaN, type), number, either])
  }

/** a where a condition holds, else b. */
const select = (code: Code, type: Float, name: string, operands: readonly string[]): string =>
  code.put(type, name, `selp.${type}`, operands.join(', '))

/** −1, 1, or what is neither below 0 nor above. */
const sign: Emit = (code, type, name, [a]) => {
  const [above, below] = ['gt', 'lt'].map((each) => code.calc(`setp.${each}.${type}`, a, 0))
  const rest = code.calc(`selp.${type}`, -1, a, below)
  return select(code, type, name, [literal(1, type), rest, above])
}

const where: Emit = (code, type, name, [c, a, b]) =>
  select(code, type, name, [a, b, code.calc(`setp.gt.${type}`, c, 0)])

const finite: Emit = (code, type, name, [a]) => {
  const term = held(code, type, a)
  const counts = code.calc(`testp.finite.${type}`, term)
  return select(code, type, name, [term, literal(0, type), counts])
}

/** The language: how each operation is emitted. */
export const table: Record<Operation, Emit> = {
  add: one('add.rn'),
  sub: one('sub.rn'),
  mul: one('mul.rn'),
  div: one('div.rn'),
  max: extreme('max'),
  min: extreme('min'),
  neg: one('neg'),
  abs: one('abs'),
  sqrt: one('sqrt.rn'),
  pow: (code, type, name, [a], c) => power(code, type, name, held(code, type, a), c),
  sign,
  where,
  slice: (_code, _type, _name, [a]) => a,
  finite,
}
