/**
 * Parses PTX text: the module, its variables, the kernels and their statements. It refuses what it
 * does not know, naming the line; what instructions mean is the affair of instructions/.
 */
import { constant, registers, Scope, variable } from './declare.ts'
import type {
  Instruction,
  Kernel,
  Label,
  Operand,
  PtxModule,
  Register,
  Variable,
} from './syntax.ts'
import { integer, PtxError, Tokens } from './tokens.ts'

/** Parses a text. Throws a {@link PtxError}. */
export function parse(text: string): PtxModule {
  const tokens = new Tokens(text)
  tokens.expect('.version')
  const version = tokens.of('number', 'a version')
  tokens.expect('.target')
  const target = tokens.of('word', 'a target')
  while (tokens.skip(',')) tokens.of('word', 'a target')
  if (tokens.skip('.address_size') && integer(tokens) !== 64n)
    throw new PtxError(tokens.line, 'only 64-bit addresses are known')
  const scope = new Scope()
  const variables: Variable[] = []
  const kernels: Kernel[] = []
  while (tokens.next.kind !== 'end') {
    const { line } = tokens
    while (['.visible', '.extern', '.weak'].some((word) => tokens.skip(word)));
    if (skipDebug(tokens)) continue
    const space = tokens.skip('.global')
      ? 'global'
      : tokens.skip('.const')
        ? 'const'
        : tokens.skip('.shared')
          ? 'shared'
          : undefined
    if (space) {
      const declared = variable(tokens, space)
      tokens.expect(';')
      scope.declare(declared, line)
      variables.push(declared)
    } else if (tokens.skip('.entry')) kernels.push(new KernelParser(tokens, scope).kernel(line))
    else throw tokens.unexpected('a variable or a kernel')
  }
  return { version, target, variables, kernels }
}

/** Passes over what is for debuggers. */
function skipDebug(tokens: Tokens): boolean {
  const { line } = tokens
  if (tokens.skip('.file') || tokens.skip('.loc')) {
    while (tokens.line === line && tokens.next.kind !== 'end') tokens.take()
    return true
  }
  if (!tokens.skip('.pragma')) return false
  tokens.of('string', 'a pragma')
  tokens.expect(';')
  return true
}

/** A use of a label before it is known. */
interface Jump {
  readonly scope: Scope
  readonly name: string
  readonly line: number
  /** The operands of the branch, which the label becomes the only one of. */
  readonly operands: Operand[]
}

class KernelParser {
  private readonly tokens: Tokens
  private readonly outer: Scope
  private readonly variables: Variable[] = []
  private readonly registers: Register[] = []
  private readonly code: (Instruction | Label)[] = []
  private readonly jumps: Jump[] = []

  constructor(tokens: Tokens, outer: Scope) {
    this.tokens = tokens
    this.outer = outer
  }

  kernel(line: number): Kernel {
    const name = this.tokens.of('word', 'the name of a kernel')
    const names = new Scope(this.outer)
    const parameters = this.parameters(names)
    const threads = this.threads()
    this.tokens.expect('{')
    this.block(new Scope(names))
    for (const { scope, name, line, operands } of this.jumps) {
      const label = scope.find(name)
      if (label?.is !== 'label') throw new PtxError(line, `${name} is no label in reach`)
      operands.push(label)
    }
    const { variables, registers, code } = this
    return { name, line, parameters, variables, registers, code, ...(threads ? { threads } : {}) }
  }

  private parameters(scope: Scope): Variable[] {
    const list: Variable[] = []
    if (!this.tokens.skip('(')) return list
    if (this.tokens.skip(')')) return list
    do {
      this.tokens.expect('.param')
      const { line } = this.tokens
      const parameter = variable(this.tokens, 'param')
      scope.declare(parameter, line)
      list.push(parameter)
    } while (this.tokens.skip(','))
    this.tokens.expect(')')
    return list
  }

  /** The directives between parameters and body. */
  private threads(): Kernel['threads'] {
    const { tokens } = this
    const numbers = () => {
      const list = [Number(integer(tokens))]
      while (tokens.skip(',')) list.push(Number(integer(tokens)))
      return list
    }
    let threads: Kernel['threads']
    for (;;) {
      if (tokens.skip('.maxntid'))
        threads = { ...threads, atMost: numbers().reduce((product, each) => product * each, 1) }
      else if (tokens.skip('.reqntid'))
        threads = { ...threads, exactly: [...numbers(), 1, 1].slice(0, 3) }
      else if (tokens.skip('.minnctapersm') || tokens.skip('.maxnreg')) numbers()
      else return threads
    }
  }

  /** Statements up to the closing brace. */
  private block(scope: Scope): void {
    while (!this.tokens.skip('}')) this.statement(scope)
  }

  private statement(scope: Scope) {
    const { tokens } = this
    const { line, next } = tokens
    if (tokens.skip('{')) return this.block(new Scope(scope))
    if (skipDebug(tokens) || tokens.skip(';')) return
    if (tokens.skip('.reg')) {
      for (const register of registers(tokens, this.registers.length)) {
        scope.declare(register, line)
        this.registers.push(register)
      }
      return
    }
    const space = tokens.skip('.shared') ? 'shared' : tokens.skip('.local') ? 'local' : undefined
    if (space) {
      const declared = variable(tokens, space)
      tokens.expect(';')
      scope.declare(declared, line)
      this.variables.push(declared)
    } else if (next.kind === 'word' && tokens.followedBy(':')) {
      const label: Label = { is: 'label', name: tokens.take().text }
      tokens.expect(':')
      scope.declare(label, line)
      this.code.push(label)
    } else this.code.push(this.instruction(scope))
  }

  private instruction(scope: Scope): Instruction {
    const { tokens } = this
    const { line } = tokens
    const guard = tokens.skip('@') ? this.guard(scope) : undefined
    const opcode = tokens.of('word', 'an instruction')
    const modifiers: string[] = []
    while (tokens.next.kind === 'dotted') modifiers.push(tokens.take().text.slice(1))
    const operands: Operand[] = []
    if (opcode === 'bra') this.target(scope, operands)
    else if (tokens.next.text !== ';')
      do operands.push(this.piped(scope))
      while (tokens.skip(','))
    tokens.expect(';')
    const text = [opcode, ...modifiers].join('.')
    return {
      is: 'instruction',
      line,
      text,
      opcode,
      modifiers,
      operands,
      ...(guard ? { guard } : {}),
    }
  }

  private guard(scope: Scope): Instruction['guard'] {
    const negated = this.tokens.skip('!')
    const { line } = this.tokens
    const register = this.named(scope)
    if (register.is !== 'register' || register.type.kind !== 'pred')
      throw new PtxError(line, 'only a predicate can guard')
    return { register, negated }
  }

  /** Where a branch goes: known when all of the kernel has been read. */
  private target(scope: Scope, operands: Operand[]): void {
    const { line } = this.tokens
    this.jumps.push({ scope, name: this.tokens.of('word', 'a label'), line, operands })
  }

  private piped(scope: Scope): Operand {
    const first = this.operand(scope)
    return this.tokens.skip('|') ? { is: 'pair', first, second: this.operand(scope) } : first
  }

  private operand(scope: Scope): Operand {
    const { tokens } = this
    if (tokens.skip('!')) return { is: 'not', operand: this.operand(scope) }
    if (tokens.skip('[')) return this.address(scope)
    if (tokens.skip('{')) {
      const items: Operand[] = []
      do items.push(this.operand(scope))
      while (tokens.skip(','))
      tokens.expect('}')
      return { is: 'vector', items }
    }
    return tokens.next.kind === 'word' ? this.named(scope) : constant(tokens)
  }

  private address(scope: Scope): Operand {
    const { tokens } = this
    const { line } = tokens
    const base = tokens.next.kind === 'word' ? this.named(scope) : constant(tokens)
    const offset = tokens.skip('+') ? Number(integer(tokens)) : 0
    tokens.expect(']')
    if (base.is === 'register') return { is: 'address', base, offset }
    if (base.is === 'place') return { is: 'address', base: base.base, offset: base.offset + offset }
    if (base.is === 'integer')
      return { is: 'address', base: undefined, offset: Number(base.value) + offset }
    throw new PtxError(line, 'this is no address')
  }

  /** What a name among operands stands for. */
  private named(scope: Scope): Operand {
    const { tokens } = this
    const { line } = tokens
    const name = tokens.of('word', 'an operand')
    if (name === '_') return { is: 'nothing' }
    if (name === 'WARP_SZ') return { is: 'integer', value: 32n }
    const found = scope.find(name)
    if (found?.is === 'register') return found
    if (found?.is === 'variable') return { is: 'place', base: found, offset: this.plus() }
    if (name.startsWith('%')) {
      const part = tokens.next.kind === 'dotted' ? tokens.take().text : ''
      return { is: 'special', name: name + part }
    }
    throw new PtxError(line, `${name} is not declared`)
  }

  private plus(): number {
    const { tokens } = this
    return tokens.next.text === '+' && tokens.skip('+') ? Number(integer(tokens)) : 0
  }
}
