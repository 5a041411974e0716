/**
 * A WebAssembly module in the text format, expressions folded: what the bytes of module.ts look
 * like to a reader.
 * https://webassembly.github.io/spec/core/text/instructions.html#folded-instructions
 */
import { encodingOf, type Instruction } from './instructions.ts'
import { localsByType, maxPages, type WasmFunction, type WasmModule } from './module.ts'

/** Prints a module. */
export function print({ shared, globals, math, functions }: WasmModule): string {
  return [
    '(module',
    `  (import "env" "memory" (memory 0${shared ? ` ${maxPages} shared` : ''}))`,
    ...globals.map((name) => `  (import "layout" "${name}" (global ${id(name)} i32))`),
    ...math.map(
      (name) => `  (import "math" "${name}" (func ${id(name)} (param f64 f64) (result f64)))`,
    ),
    ...functions.flatMap(printFunction),
    ')',
    '',
  ].join('\n')
}

function printFunction(each: WasmFunction): string[] {
  const declared = localsByType(each).flatMap(([type, names]) =>
    wrapped(names.map((name) => `(local ${id(name)} ${type})`)),
  )
  const signature = each.parameters.map((name) => ` (param ${id(name)} i32)`).join('')
  return [
    `  (func (export "${each.name}")${signature}`,
    ...declared.map((line) => `    ${line}`),
    ...statements(each.body),
    '  )',
  ]
}

/** Words in lines of reasonable length. */
function wrapped(words: readonly string[]): string[] {
  const lines: string[] = []
  for (const word of words) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + word.length < 110)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

/** One line for each instruction that leaves nothing on the stack, its operands folded into it. */
function statements(body: readonly Instruction[]): string[] {
  const lines: string[] = []
  const stack: string[] = []
  let depth = 2
  for (const instruction of body) {
    const [name] = instruction
    const { operands } = encodingOf(name)
    const text = [
      name,
      ...immediates(instruction),
      ...stack.splice(stack.length - operands, operands),
    ].join(' ')
    if (name === 'end') lines.push(`${'  '.repeat(--depth)})`)
    else if (name === 'block' || name === 'loop') lines.push(`${'  '.repeat(depth++)}(${text}`)
    else if (/^br|\.set$|\.store$/.test(name)) lines.push(`${'  '.repeat(depth)}(${text})`)
    else stack.push(`(${text})`)
  }
  return lines
}

function immediates([name, ...values]: Instruction): string[] {
  const { immediate } = encodingOf(name)
  if (immediate === 'memory') return values[0] ? [`offset=${values[0]}`] : []
  if (immediate === 'local' || immediate === 'global' || immediate === 'function')
    return [id(String(values[0]))]
  if (immediate === 'f32' || immediate === 'f64') return [float(Number(values[0]))]
  return values.map(String)
}

/** An identifier; characters that may not be in one become underscores. */
const id = (name: string) => `$${name.replace(/[^\w.@-]/g, '_')}`

function float(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (Math.abs(value) === Infinity) return value < 0 ? '-inf' : 'inf'
  return Object.is(value, -0) ? '-0' : String(value)
}
