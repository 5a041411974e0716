/**
 * Where the handlers of instructions put the JavaScript that they print: registers become local
 * variables. A kernel is printed twice, first to learn how its registers are used, then for good.
 *
 * A register of up to 32 bits is a number (the bits, as int32), one of 64 bits two such numbers, a
 * predicate a boolean; one that holds floating point, going by the instructions that use it, is a
 * number of that value.
 */
import type { Instruction, Operand, Register, Type, Variable } from './syntax.ts'
import { PtxError } from './tokens.ts'

/** How a value is held in JavaScript. */
export type Kind = 'i32' | 'i64' | 'f32' | 'f64' | 'pred'

/** The two halves of 64 bits, as expressions. */
export interface Long {
  readonly hi: string
  readonly lo: string
}

/** What threads wait for each other with, at one instruction. */
export interface Sync {
  readonly kind: 'shfl' | 'vote' | 'redux' | 'warp' | 'barrier'
  /** How: `down`, `ballot`, `add`, `sync`. */
  readonly mode: string
  /** Whether all threads of a warp must come to the very same instruction. */
  readonly aligned: boolean
  readonly line: number
}

/** What is known of a kernel's registers and variables before it is printed. */
export interface Knowledge {
  /** How each register is held. */
  readonly kinds: readonly Kind[]
  /** Registers that may be read before they are written: these carry a flag. */
  readonly doubtful: ReadonlySet<number>
  /** The offset of a variable in its memory, or undefined where only a loaded module has it. */
  readonly offsetOf: (variable: Variable) => number | undefined
  /** Whether accesses to memory are reported, to find races. */
  readonly races: boolean
}

/** How an instruction came out. */
export interface Written {
  readonly instruction: Instruction
  readonly lines: readonly string[]
  /** Lines for when the wait is over. */
  readonly after: readonly string[]
  readonly uses: ReadonlySet<number>
  readonly defines: ReadonlySet<number>
  readonly wait?: Sync
  /** Whether control goes on elsewhere, or ends. */
  readonly leaves?: 'jump' | 'exit'
}

/**
 * Registers that instructions treat as floating point, and as something else: how they will be
 * held.
 */
export class Votes {
  readonly float = new Set<number>()
  readonly other = new Set<number>()
}

/** Prints one instruction. */
export class Writer {
  readonly instruction: Instruction
  /** The place of the instruction in its kernel, by which faults name it. */
  readonly place: number
  readonly knowledge: Knowledge
  private readonly votes: Votes
  private readonly lines: string[] = []
  private readonly later: string[] = []
  private readonly uses = new Set<number>()
  private readonly defines = new Set<number>()
  private wait: Sync | undefined
  private leaves: 'jump' | 'exit' | undefined

  constructor(instruction: Instruction, place: number, knowledge: Knowledge, votes: Votes) {
    this.instruction = instruction
    this.place = place
    this.knowledge = knowledge
    this.votes = votes
    if (instruction.guard) this.uses.add(instruction.guard.register.index)
  }

  /** An error about this instruction. */
  error(text: string): PtxError {
    return new PtxError(this.instruction.line, `${this.instruction.text}: ${text}`)
  }

  /** The operands, which must be so many. */
  operands(count: number): readonly Operand[] {
    const { operands } = this.instruction
    if (operands.length !== count)
      throw this.error(`it has ${operands.length} operands, not ${count}`)
    return operands
  }

  /** A line of JavaScript. */
  put(line: string): void {
    ;(this.wait ? this.later : this.lines).push(line)
  }

  /** From here on, lines are for when other threads have come. */
  waitFor(sync: Omit<Sync, 'line'>): void {
    this.wait = { ...sync, line: this.instruction.line }
  }

  /** Control leaves. */
  leave(how: 'jump' | 'exit'): void {
    this.leaves = how
  }

  /** What has been printed. */
  done(): Written {
    const { instruction, lines, later: after, uses, defines, wait, leaves } = this
    return {
      instruction,
      lines,
      after,
      uses,
      defines,
      ...(wait ? { wait } : {}),
      ...(leaves ? { leaves } : {}),
    }
  }

  /** A register of a width, or wider where `wide`; checks that its kind goes with the type. */
  register(operand: Operand, type: Type, wide = false): Register {
    if (operand.is !== 'register') throw this.error('a register is needed here')
    const { type: own, name } = operand
    const fits = own.bits === type.bits || (wide && own.bits > type.bits)
    const isFloat = (kind: Type['kind']) => kind === 'f' || kind === 'bf'
    const clash = own.kind !== 'b' && type.kind !== 'b' && isFloat(own.kind) !== isFloat(type.kind)
    if (!fits || clash) throw this.error(`${name} is declared .${own.kind}${own.bits}`)
    return operand
  }

  /** How a register is held. */
  kindOf({ index }: Register): Kind {
    return this.knowledge.kinds[index]
  }

  /** Notes what kind of instruction a register meets. */
  vote(register: Register, kind: Kind): void {
    if (kind === 'f32' || kind === 'f64') this.votes.float.add(register.index)
    else this.votes.other.add(register.index)
  }

  /** Reads a register: its name, after a check that it has been written where that is in doubt. */
  use({ index, name }: Register): string {
    this.uses.add(index)
    if (this.knowledge.doubtful.has(index))
      this.put(`if (!w${index}) unwritten(${this.place}, ${JSON.stringify(name)})`)
    return `r${index}`
  }

  /**
   * Writes a register, or its two halves, from expressions in the kind it is held in. `hi` may
   * mention `lo`.
   */
  define({ index }: Register, value: string | Long): void {
    this.defines.add(index)
    if (typeof value === 'string') this.put(`r${index} = ${value}`)
    else this.put(`{ const lo = ${value.lo}, hi = ${value.hi}; r${index} = lo; h${index} = hi }`)
    if (this.knowledge.doubtful.has(index)) this.put(`w${index} = true`)
  }
}

/** A number as an expression. */
export function literal(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (Math.abs(value) === Infinity) return value < 0 ? '(-Infinity)' : 'Infinity'
  return value < 0 || Object.is(value, -0) ? `(-${Math.abs(value)})` : String(value)
}
