/**
 * One instruction, or a few, on given values: the kernel around them. For tests of what
 * instructions mean.
 */
import { Machine, type MachineOptions } from './machine.ts'

/** A value by type: 64-bit integers and all bits as bigint or number, the rest as number. */
export type Value = number | bigint

const accessors = {
  u8: [1, 'Uint8'],
  s8: [1, 'Int8'],
  u16: [2, 'Uint16'],
  s16: [2, 'Int16'],
  u32: [4, 'Uint32'],
  s32: [4, 'Int32'],
  u64: [8, 'BigUint64'],
  s64: [8, 'BigInt64'],
  f32: [4, 'Float32'],
  f64: [8, 'Float64'],
  b16: [2, 'Uint16'],
  b32: [4, 'Uint32'],
  b64: [8, 'BigUint64'],
} as const

/** Types of values. */
export type TypeName = keyof typeof accessors

function put(data: DataView, at: number, type: TypeName, value: Value): void {
  const [bytes, name] = accessors[type]
  if (bytes === 8 && name !== 'Float64')
    data.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true)
  else
    (data[`set${name}`] as (at: number, value: number, little: boolean) => void)(
      at,
      Number(value),
      true,
    )
}

function get(data: DataView, at: number, type: TypeName): Value {
  return data[`get${accessors[type][1]}`](at, true)
}

/** Registers hold values of 16 bits and more. */
const register = (type: TypeName) => (accessors[type][0] === 1 ? 'u16' : type)

/** What a text around an instruction, or several, begins with. */
export const header = '.version 8.0\n.target sm_90\n.address_size 64\n'

/**
 * Runs instructions in one thread. They find their operands in %a, %b, ..., of the types given, and
 * leave results in %d, %e, ...; there is also a predicate %p, and `declarations` for what else they
 * need.
 */
export function evaluate(
  code: string,
  inputs: readonly (readonly [TypeName, Value])[],
  outputs: readonly TypeName[],
  { declarations = '', ...options }: MachineOptions & { readonly declarations?: string } = {},
): Value[] {
  const names = 'abcuvw'
  const results = 'defg'
  const lines = [
    header,
    '.visible .entry kernel(.param .u64 to, .param .u64 from) {',
    ...inputs.map(([type], i) => `.reg .${register(type)} %${names[i]};`),
    ...outputs.map((type, i) => `.reg .${register(type)} %${results[i]};`),
    `.reg .u64 %to, %from; .reg .pred %p, %q; ${declarations}`,
    'ld.param.u64 %to, [to]; ld.param.u64 %from, [from];',
    ...inputs.map(([type], i) => `ld.global.${type} %${names[i]}, [%from+${8 * i}];`),
    code,
    ...outputs.map((type, i) => `st.global.${type} [%to+${8 * i}], %${results[i]};`),
    'ret; }',
  ]
  const machine = new Machine({ memory: 1 << 20, ...options })
  const loaded = machine.load(lines.join('\n'))
  const [to, from] = [machine.heap.take(64) ?? 0, machine.heap.take(64) ?? 0]
  const data = new DataView(machine.heap.arrays.U8.buffer)
  for (const [i, [type, value]] of inputs.entries()) put(data, from + 8 * i, type, value)
  const parameters = new DataView(new ArrayBuffer(16))
  for (const [i, at] of [to, from].entries())
    parameters.setBigUint64(8 * i, machine.heap.address(at), true)
  const kernel = loaded?.kernels.get('kernel')
  if (kernel) machine.launch(kernel, [1, 1, 1], [1, 1, 1], 0, new Uint8Array(parameters.buffer))
  return outputs.map((type, i) => get(data, to + 8 * i, type))
}
