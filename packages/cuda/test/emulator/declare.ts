/**
 * Names of a PTX text: scopes, registers and the variables that declarations make. Not
 * instructions.
 */
import { f32OfBits, f64OfBits } from './numbers.ts'
import {
  type Label,
  type Operand,
  type Register,
  type Space,
  type Type,
  typeOf,
  type Variable,
} from './syntax.ts'
import { integer, PtxError, type Tokens, wholeNumber } from './tokens.ts'

type Named = Register | Variable | Label

/** Names declared between two braces, and those outside of them. */
export class Scope {
  private readonly names = new Map<string, Named>()
  private readonly outer: Scope | undefined

  constructor(outer?: Scope) {
    this.outer = outer
  }

  /** Makes a name known; it must be new between these braces. */
  declare(named: Named, line: number): void {
    if (this.names.has(named.name)) throw new PtxError(line, `${named.name} is declared twice`)
    this.names.set(named.name, named)
  }

  /** What a name stands for. */
  find(name: string): Named | undefined {
    return this.names.get(name) ?? this.outer?.find(name)
  }
}

/** The registers of a `.reg` line, after that word: `.b32 %r<10>, %x;` */
export function registers(tokens: Tokens, first: number): Register[] {
  const type = declaredType(tokens)
  const list: Register[] = []
  do {
    const name = tokens.of('word', 'the name of a register')
    if (tokens.skip('<')) {
      const count = Number(integer(tokens))
      tokens.expect('>')
      for (let i = 0; i < count; i++)
        list.push({ is: 'register', name: `${name}${i}`, type, index: first + list.length })
    } else list.push({ is: 'register', name, type, index: first + list.length })
  } while (tokens.skip(','))
  tokens.expect(';')
  return list
}

/** A type in a declaration. */
function declaredType(tokens: Tokens): Type {
  const { line } = tokens
  const name = tokens.of('dotted', 'a type')
  const type = typeOf(name.slice(1))
  if (!type) throw new PtxError(line, `${name} is no type that is known here`)
  return type
}

/** A variable, after the word for its memory: `.align 4 .b8 name[128] = {1, 2}`. */
export function variable(tokens: Tokens, space: Space): Variable {
  const { line } = tokens
  let align: number | undefined
  if (tokens.skip('.align')) align = Number(integer(tokens))
  const width = tokens.skip('.v2') ? 2 : tokens.skip('.v4') ? 4 : 1
  const { kind, bits } = declaredType(tokens)
  if (tokens.skip('.ptr')) pointerHints(tokens)
  const name = tokens.of('word', 'the name of a variable')
  const element = (bits / 8) * width
  let count = 1
  while (tokens.skip('[')) {
    count *= tokens.next.text === ']' ? 0 : Number(integer(tokens))
    tokens.expect(']')
  }
  const bytes = element * count
  align ??= element
  if (align & (align - 1))
    throw new PtxError(line, `${name} is aligned to ${align} bytes, which is no power of two`)
  const initial = tokens.skip('=') ? initialBytes(tokens, bytes, kind, bits / 8) : undefined
  return { is: 'variable', name, space, align, bytes, line, ...(initial ? { initial } : {}) }
}

/** What compilers say of pointers among the parameters; not needed to run. */
function pointerHints(tokens: Tokens): void {
  for (const space of ['.global', '.const', '.shared', '.local']) if (tokens.skip(space)) break
  if (tokens.skip('.align')) integer(tokens)
}

function initialBytes(
  tokens: Tokens,
  bytes: number,
  kind: Type['kind'],
  element: number,
): Uint8Array {
  const data = new DataView(new ArrayBuffer(bytes))
  let at = 0
  const put = () => {
    const { line } = tokens
    if (at + element > bytes) throw new PtxError(line, 'there are more values than places for them')
    const value = kind === 'f' ? undefined : integer(tokens)
    if (value === undefined) {
      const number = float(tokens)
      if (element === 4) data.setFloat32(at, number, true)
      else data.setFloat64(at, number, true)
    } else
      for (let i = 0; i < element; i++)
        data.setUint8(at + i, Number((value >> BigInt(8 * i)) & 255n))
    at += element
  }
  const list = () => {
    if (!tokens.skip('{')) return put()
    do list()
    while (tokens.skip(','))
    tokens.expect('}')
  }
  list()
  return new Uint8Array(data.buffer)
}

function float(tokens: Tokens): number {
  const operand = constant(tokens)
  return operand.is === 'float' ? operand.value : Number(operand.value)
}

/** A number among operands. */
export function constant(tokens: Tokens): Extract<Operand, { is: 'integer' | 'float' }> {
  const negative = tokens.skip('-')
  const text = tokens.of('number', 'a number')
  const whole = wholeNumber(text)
  if (whole !== undefined) return { is: 'integer', value: negative ? -whole : whole }
  if (!/^0[fFdD]/.test(text)) return { is: 'float', value: (negative ? -1 : 1) * Number(text) }
  if (negative) throw new PtxError(tokens.line, `${text} has a sign of its own`)
  const pattern = BigInt(`0x${text.slice(2)}`)
  const [hi, lo] = [Number(BigInt.asIntN(32, pattern >> 32n)), Number(BigInt.asIntN(32, pattern))]
  return { is: 'float', value: /^0[fF]/.test(text) ? f32OfBits(lo) : f64OfBits(hi, lo), pattern }
}
