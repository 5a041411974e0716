/**
 * PTX text as words, numbers and punctuation, with the line of each. Not grammar: see parse.ts.
 * https://docs.nvidia.com/cuda/parallel-thread-execution/#syntax
 */

/**
 * A piece of PTX text. A `dotted` word begins with a dot, as directives and the modifiers of
 * instructions do.
 */
export interface Token {
  readonly kind: 'word' | 'dotted' | 'number' | 'string' | 'mark' | 'end'
  readonly text: string
  readonly line: number
}

/** What is wrong with a text, where: the words of a compiler. */
export class PtxError extends Error {
  override readonly name = 'PtxError'
  /** The line, from 1. */
  readonly line: number

  constructor(line: number, text: string) {
    super(`line ${line}: ${text}`)
    this.line = line
  }
}

const pattern = new RegExp(
  [
    /\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\//,
    /0[fF][\da-fA-F]{8}(?!\w)|0[dD][\da-fA-F]{16}(?!\w)|0[xX][\da-fA-F]+U?(?!\w)|0[bB][01]+U?(?!\w)/,
    /\d+\.\d*(?:[eE][-+]?\d+)?(?!\w)|\d+[eE][-+]?\d+(?!\w)|\d+U?(?!\w)/,
    /[A-Za-z][\w$]*|[_$%][\w$]+|_/,
    /\.\w+(?:::\w+)*/,
    /"[^"\n]*"/,
    /[{}()[\]<>,;:@!|=+-]/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'y',
)

/** The kind of a token, which its first character tells; undefined for space and remarks. */
function kindOf(first: string): Token['kind'] | undefined {
  if (first <= ' ' || first === '/') return undefined
  if (first >= '0' && first <= '9') return 'number'
  if (first === '.') return 'dotted'
  if (first === '"') return 'string'
  return /[\w$%]/.test(first) ? 'word' : 'mark'
}

/**
 * Cuts a text into tokens; the last one is of kind `end`. Throws a {@link PtxError} at a character
 * that begins none.
 */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  let line = 1
  pattern.lastIndex = 0
  while (pattern.lastIndex < text.length) {
    const at = pattern.lastIndex
    if (!pattern.test(text)) throw new PtxError(line, `${JSON.stringify(text[at])} begins nothing`)
    const part = text.slice(at, pattern.lastIndex)
    const kind = kindOf(part[0])
    if (kind) tokens.push({ kind, text: part, line })
    else for (const character of part) if (character === '\n') line++
  }
  tokens.push({ kind: 'end', text: 'the end', line })
  return tokens
}

/** Reads tokens one after the other. */
export class Tokens {
  private readonly list: readonly Token[]
  private at = 0

  constructor(text: string) {
    this.list = tokenize(text)
  }

  /** The next token, which stays next. */
  get next(): Token {
    return this.list[this.at]
  }

  /** The line of the next token. */
  get line(): number {
    return this.next.line
  }

  /** Takes the next token, of any kind but the end. */
  take(): Token {
    if (this.next.kind === 'end') throw this.unexpected('more')
    return this.list[this.at++]
  }

  /** Takes the next token if it reads so. */
  skip(text: string): boolean {
    if (this.next.text !== text || this.next.kind === 'string') return false
    this.at++
    return true
  }

  /** Takes the next token, which must read so. */
  expect(text: string): void {
    if (!this.skip(text)) throw this.unexpected(text)
  }

  /** Takes a token of a kind and gives its text. */
  of(kind: Token['kind'], what: string): string {
    if (this.next.kind !== kind) throw this.unexpected(what)
    return this.take().text
  }

  /** Whether the token after the next one reads so. */
  followedBy(text: string): boolean {
    return this.list[this.at + 1]?.text === text
  }

  /** The error that something else stands here. */
  unexpected(wanted: string): PtxError {
    return new PtxError(this.line, `${this.next.text} stands where ${wanted} should`)
  }
}

/** A whole number of PTX: decimal, hexadecimal, octal or binary, signed or not. */
export function integer(tokens: Tokens): bigint {
  const negative = tokens.skip('-')
  const { line } = tokens
  const text = tokens.of('number', 'a whole number')
  const value = wholeNumber(text)
  if (value === undefined) throw new PtxError(line, `${text} is no whole number`)
  return negative ? -value : value
}

/** The value of a number token that is whole. */
export function wholeNumber(text: string): bigint | undefined {
  const digits = text.replace(/U$/, '')
  if (/^0[fFdD]/.test(digits) || /[.]/.test(digits)) return undefined
  if (/^0[xXbB]/.test(digits)) return BigInt(digits)
  if (/^0[0-7]+$/.test(digits)) return BigInt(`0o${digits.slice(1)}`)
  return /^\d+$/.test(digits) ? BigInt(digits) : undefined
}
