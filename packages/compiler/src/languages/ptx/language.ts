/**
 * PTX as far as arithmetic needs it. Every operation is rounded by itself, to nearest: an
 * instruction that says .rn is never contracted with another.
 * https://docs.nvidia.com/cuda/parallel-thread-execution
 */
import type { Elementwise } from '@freestep/core'
import { valueName } from '../../lower/names.ts'
import { isConstant, type Node } from '../../trace/graph.ts'
import type { Code } from './code.ts'
import { type Float, literal } from './literal.ts'
import { power } from './power.ts'

/** Emits one operation; gives the register with the result. */
type Emit = (code: Code, type: Float, name: string, operands: readonly string[]) => string

/** An operation that is one instruction. */
const one =
  (instruction: string): Emit =>
  (code, type, name, operands) =>
    code.put(type, name, `${instruction}.${type}`, operands.join(', '))

/** The larger or smaller of two; PTX gives the one that is a number where the other is NaN. */
const extreme =
  (instruction: 'max' | 'min'): Emit =>
  (code, type, name, [a, b]) => {
    const number = code.put(type, name, `${instruction}.${type}`, `${a}, ${b}`)
    const either = code.put('pred', 'p', `setp.nan.${type}`, `${a}, ${b}`)
    return code.put(
      type,
      name,
      `selp.${type}`,
      `${literal(Number.NaN, type)}, ${number}, ${either}`,
    )
  }

/** −1, 1, or what is neither below 0 nor above. */
const sign: Emit = (code, type, name, [a]) => {
  const zero = literal(0, type)
  const above = code.put('pred', 'p', `setp.gt.${type}`, `${a}, ${zero}`)
  const below = code.put('pred', 'p', `setp.lt.${type}`, `${a}, ${zero}`)
  const rest = code.put(type, name, `selp.${type}`, `${literal(-1, type)}, ${a}, ${below}`)
  return code.put(type, name, `selp.${type}`, `${literal(1, type)}, ${rest}, ${above}`)
}

const where: Emit = (code, type, name, [c, a, b]) => {
  const positive = code.put('pred', 'p', `setp.gt.${type}`, `${c}, ${literal(0, type)}`)
  return code.put(type, name, `selp.${type}`, `${a}, ${b}, ${positive}`)
}

/** The language: how each operation is emitted. The op `slice` is the identity. */
const table: Record<Exclude<Elementwise, 'pow'>, Emit> = {
  add: one('add.rn'),
  sub: one('sub.rn'),
  mul: one('mul.rn'),
  div: one('div.rn'),
  max: extreme('max'),
  min: extreme('min'),
  neg: one('neg'),
  abs: one('abs'),
  sqrt: one('sqrt.rn'),
  sign,
  where,
}

/** What nodes are, in one lane or several, while their code is written. */
export class Values {
  private readonly known = new Map<Node, readonly string[]>()
  private readonly code: Code
  private readonly name: (name: string) => string
  readonly type: Float
  readonly lanes: number

  constructor(code: Code, type: Float, lanes: number, name: (name: string) => string) {
    this.code = code
    this.type = type
    this.lanes = lanes
    this.name = name
  }

  /** Registers for a node: one for each lane, or one for all. */
  set(node: Node, registers: readonly string[]): void {
    this.known.set(node, registers)
  }

  /** The registers of a node, or the text of a constant. */
  get(node: Node): readonly string[] {
    if (isConstant(node)) return [literal(node.value, this.type)]
    const found = this.known.get(node)
    if (!found) throw new RangeError(`t${node.id} has no register`)
    return found
  }

  /** The operand for one lane. */
  lane(node: Node, lane: number): string {
    const registers = this.get(node)
    return registers[registers.length > 1 ? lane : 0]
  }

  /** A register for one lane, where an instruction takes no constant. */
  inRegister(node: Node, lane: number): string {
    const operand = this.lane(node, lane)
    return isConstant(node) ? this.code.put(this.type, 'c', `mov.${this.type}`, operand) : operand
  }

  /** What a node is called in a lane. */
  nameOf(node: Node, lane: number): string {
    return valueName(node, this.name) + (this.lanes > 1 ? `_${lane}` : '')
  }

  /** Emits the operation of a node in every lane. */
  compute(node: Node): void {
    this.set(
      node,
      Array.from({ length: this.lanes }, (_, lane) => this.operation(node, lane)),
    )
  }

  private operation(node: Node, lane: number): string {
    const [first, exponent] = node.args
    const operands = node.args.map((arg) => this.lane(arg, lane))
    if (node.op === 'slice') return operands[0]
    if (node.op === 'pow')
      return power(
        this.code,
        this.type,
        this.nameOf(node, lane),
        this.inRegister(first, lane),
        exponent.value,
      )
    return table[node.op as keyof typeof table](
      this.code,
      this.type,
      this.nameOf(node, lane),
      operands,
    )
  }
}
