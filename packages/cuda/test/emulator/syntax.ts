/**
 * What PTX text is parsed to: a module of variables and kernels, a kernel as a flat list of
 * instructions and labels with every name resolved. Plain data.
 */

/**
 * A type of PTX: signed, unsigned, floating, brain floating, bits, or predicate, with its width.
 */
export interface Type {
  readonly kind: 's' | 'u' | 'f' | 'bf' | 'b' | 'pred'
  readonly bits: number
}

const types = new Map<string, Type>([
  ...[
    's8',
    's16',
    's32',
    's64',
    'u8',
    'u16',
    'u32',
    'u64',
    'f16',
    'f32',
    'f64',
    'bf16',
    'b8',
    'b16',
    'b32',
    'b64',
  ].map((name): [string, Type] => [
    name,
    { kind: name.replace(/\d+/, '') as Type['kind'], bits: Number(name.replace(/\D+/, '')) },
  ]),
  // Two halves in one register; only conversions know what is in it.
  ['f16x2', { kind: 'b', bits: 32 }],
  ['bf16x2', { kind: 'b', bits: 32 }],
  ['pred', { kind: 'pred', bits: 1 }],
])

/** The type of a name without its dot, if it is one. */
export const typeOf = (name: string): Type | undefined => types.get(name)

/** A register of a kernel. */
export interface Register {
  readonly is: 'register'
  readonly name: string
  readonly type: Type
  /** Its place among the registers of the kernel. */
  readonly index: number
}

/** The memories of a device. */
export type Space = 'global' | 'const' | 'shared' | 'local' | 'param'

/** A place in one of the memories. */
export interface Variable {
  readonly is: 'variable'
  readonly name: string
  readonly space: Space
  readonly align: number
  /** Bytes; 0 for dynamic shared memory. */
  readonly bytes: number
  /** What is in it at first. */
  readonly initial?: Uint8Array
  readonly line: number
}

/** A place in a kernel. */
export interface Label {
  readonly is: 'label'
  readonly name: string
}

/** What an instruction works on. */
export type Operand =
  | Register
  | Label
  /** The address of a variable, plus an offset. */
  | { readonly is: 'place'; readonly base: Variable; readonly offset: number }
  /** A name that is no register: `%tid.x`. */
  | { readonly is: 'special'; readonly name: string }
  | { readonly is: 'integer'; readonly value: bigint }
  /**
   * A constant in floating point; one that is written as bits has these, too (0f...: 32 of them,
   * 0d...: 64).
   */
  | { readonly is: 'float'; readonly value: number; readonly pattern?: bigint }
  /** `[base + offset]` */
  | {
      readonly is: 'address'
      readonly base: Register | Variable | undefined
      readonly offset: number
    }
  | { readonly is: 'vector'; readonly items: readonly Operand[] }
  /** `d|p` */
  | { readonly is: 'pair'; readonly first: Operand; readonly second: Operand }
  /** `!p` */
  | { readonly is: 'not'; readonly operand: Operand }
  /** `_` */
  | { readonly is: 'nothing' }

/** One instruction. */
export interface Instruction {
  readonly is: 'instruction'
  readonly line: number
  /** As it is written, for messages. */
  readonly text: string
  /** It is done where this predicate holds (or does not). */
  readonly guard?: { readonly register: Register; readonly negated: boolean }
  /** `ld` of `ld.global.v4.f32`. */
  readonly opcode: string
  /** `global`, `v4` and `f32` of it. */
  readonly modifiers: readonly string[]
  readonly operands: readonly Operand[]
}

/** A kernel. */
export interface Kernel {
  readonly name: string
  readonly line: number
  readonly parameters: readonly Variable[]
  /** Shared and local memory that it declares. */
  readonly variables: readonly Variable[]
  readonly registers: readonly Register[]
  readonly code: readonly (Instruction | Label)[]
  /** Threads that a block may have at most, or must have. */
  readonly threads?: { readonly atMost?: number; readonly exactly?: readonly number[] }
}

/** A parsed text. */
export interface PtxModule {
  readonly version: string
  readonly target: string
  /** Variables outside of kernels. */
  readonly variables: readonly Variable[]
  readonly kernels: readonly Kernel[]
}
