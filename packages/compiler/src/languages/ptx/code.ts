/**
 * The text of one kernel in the making: instructions, the registers and shared memory they use, and
 * the few forms of control that kernels need. Not what is computed.
 */
import { literal } from './literal.ts'

/** The types of registers. */
const types = ['pred', 'b16', 'b32', 'b64', 'u32', 's32', 'u64', 'f32', 'f64'] as const
type Register = (typeof types)[number]

/** The type of what an instruction gives: the last that it names, or of a conversion the first. */
function resultOf(instruction: string): Register {
  if (/^(setp|testp)/.test(instruction)) return 'pred'
  if (instruction === 'mul.wide.u32') return 'u64'
  const named = instruction.split('.').filter(isType)
  return (instruction.startsWith('cvt') ? named[0] : named.at(-1)) ?? 'b32'
}
const isType = (part: string): part is Register => types.some((type) => type === part)

/** Collects a kernel. */
export class Code {
  private readonly lines: string[] = []
  private readonly registers = new Map<Register, string[]>()
  private readonly shared = new Map<string, number>()
  private readonly taken = new Set<string>()

  /** A register of its own, with the given name or one like it. */
  register(type: Register, name: string): string {
    const register = `%${this.unique(name)}`
    this.registers.set(type, [...(this.registers.get(type) ?? []), register])
    return register
  }

  /** A new register, set by an instruction: `put('f32', 't1', 'add.rn.f32', '%a, %b')`. */
  put(type: Register, name: string, instruction: string, operands: string): string {
    const register = this.register(type, name)
    this.do(`${instruction} ${register}, ${operands}`)
    return register
  }

  /**
   * The same with a name and type after the instruction, so that it can be an operand:
   * `calc('add.rn.f64', a, calc('neg.f64', b))`. Numbers are literals of the last type it names.
   */
  calc(instruction: string, ...operands: readonly (string | number)[]): string {
    const type = resultOf(instruction)
    const name = type === 'pred' ? 'p' : instruction.slice(0, instruction.indexOf('.'))
    const texts = operands.map((each) => {
      if (typeof each === 'string') return each
      if (instruction.endsWith('.f64')) return literal(each, 'f64')
      return instruction.endsWith('.f32') ? literal(each, 'f32') : String(each)
    })
    return this.put(type, name, instruction, texts.join(', '))
  }

  /** The lower and the upper half of a double, and a double of two halves. */
  halves(double: string): readonly [low: string, high: string] {
    const halves = [this.register('b32', 'low'), this.register('b32', 'high')] as const
    this.do(`mov.b64 {${halves.join(', ')}}, ${double}`)
    return halves
  }
  double(low: string, high: string): string {
    return this.put('f64', 'wide', 'mov.b64', `{${low}, ${high}}`)
  }

  /** An instruction. */
  do(instruction: string): void {
    this.lines.push(`  ${instruction};`)
  }

  /** A remark. */
  note(text: string): void {
    this.lines.push('', `  // ${text}`)
  }

  /** The value of a parameter. */
  parameter(type: 'u32' | 'u64' | 'f64', name: string): string {
    return this.put(type, name, `ld.param.${type}`, `[${name}]`)
  }

  /** Bytes of shared memory by name, as many as the most that are asked for. */
  share(name: string, bytes: number): string {
    this.shared.set(name, Math.max(bytes, this.shared.get(name) ?? 0))
    return name
  }

  /**
   * What is done only where a condition holds: `when('eq.u32', '%a, %b', …)`. No barrier may be
   * inside.
   */
  when(condition: string, operands: string, body: () => void): void {
    const otherwise = this.unique('skip')
    const holds = this.put('pred', 'p', `setp.${condition}`, operands)
    this.do(`@!${holds} bra ${otherwise}`)
    body()
    this.label(otherwise)
  }

  /** for (i = from; i < end; i += step), in unsigned 32 bits. */
  loop(from: string, end: string, step: number, body: (i: string) => void): void {
    const [head, done] = [this.unique('loop'), this.unique('done')]
    const i = this.put('u32', 'i', 'mov.u32', from)
    this.label(head)
    const past = this.put('pred', 'p', 'setp.ge.u32', `${i}, ${end}`)
    this.do(`@${past} bra ${done}`)
    body(i)
    this.do(`add.u32 ${i}, ${i}, ${step}`)
    this.do(`bra ${head}`)
    this.label(done)
  }

  /** One of several, by a number in a register that is the same in all threads of a block. */
  choose<T>(by: string, cases: readonly (readonly [number, T])[], body: (each: T) => void): void {
    const end = this.unique('chosen')
    for (const [i, [value, each]] of cases.entries()) {
      const next = this.unique('other')
      if (i < cases.length - 1) {
        const differs = this.put('pred', 'p', 'setp.ne.u32', `${by}, ${value}`)
        this.do(`@${differs} bra.uni ${next}`)
      }
      body(each)
      if (i === cases.length - 1) continue
      this.do(`bra.uni ${end}`)
      this.label(next)
    }
    if (cases.length > 1) this.label(end)
  }

  /** Waits for all threads of the block, and sees what they wrote. */
  barrier(): void {
    this.do('bar.sync 0')
  }

  /** The whole kernel, `parameters` being its declared parameters. */
  print(name: string, parameters: readonly string[], threads: number): string {
    const registers = [...this.registers].flatMap(([type, names]) =>
      rows(names).map((row) => `  .reg .${type} ${row};`),
    )
    return [
      `.visible .entry ${name}(`,
      parameters.map((each) => `  .param ${each}`).join(',\n'),
      ')',
      `.reqntid ${threads}, 1, 1`,
      `.minnctapersm ${512 / threads}`,
      '{',
      ...registers,
      ...[...this.shared].map(([each, bytes]) => `  .shared .align 8 .b8 ${each}[${bytes}];`),
      ...this.lines,
      '  ret;',
      '}',
      '',
    ].join('\n')
  }

  private label(name: string): void {
    this.lines.push(`${name}:`)
  }

  private unique(name: string): string {
    let unique = name
    for (let i = 2; this.taken.has(unique); i++) unique = `${name}_${i}`
    this.taken.add(unique)
    return unique
  }
}

/** Names with commas between, in rows that fit a page. */
function rows(names: readonly string[]): string[] {
  const all: string[] = []
  let row = ''
  for (const name of names) {
    if (row.length + name.length > 120) {
      all.push(row)
      row = ''
    }
    row += row ? `, ${name}` : name
  }
  return row ? [...all, row] : all
}
