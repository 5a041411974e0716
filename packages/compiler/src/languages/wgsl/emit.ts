/**
 * Kernels as WGSL, one module per launch. Sums go thread by thread, then through the group's shared
 * memory, into one row of partial sums per group, always in the same order; the launch after it
 * adds up the rows. Not buffers or pipelines, which are the business of whoever runs them: see
 * layout.ts for what they have to hold.
 */
import type { Kernels } from '../../fuse/kernels.ts'
import { type GridKernel, grid } from '../../lower/grid.ts'
import { namer } from '../../lower/names.ts'
import type { Element } from '../../lower/program.ts'
import { indent } from '../lines.ts'
import { helpers, helpersOf, struct, tableHelpers, taken } from './language.ts'
import {
  type Binding,
  maxPieces,
  pieceFields,
  rangeFields,
  stateArrays,
  tableFields,
  totalsFields,
  type WgslKernel,
  type WgslOptions,
} from './layout.ts'
import { Printer } from './print.ts'
import { declareShares, subgroupParameters } from './shares.ts'

/** Prints the launches of a compiled function. */
export function emitWgsl(kernels: Kernels, options: WgslOptions): WgslKernel[] {
  const { pairs } = options
  const ways = Array.from({ length: pairs }, (_, index) => ({ index, name: '', lanes: 1 }))
  const reserved = [
    ...taken,
    ...ways.flatMap(({ index }) => [`x_${index}`, `g_${index}`]),
    ...[...Array(64).keys()].flatMap((k) => [`sum${k}`, `part${k}`]),
  ]
  const names = () => namer(reserved)
  const lowered = grid(kernels, { names, ways, shared: false, finishes: false, random: false })
  return lowered.map((kernel) => {
    const { kind } = kernel
    const bindings = kind === 'pass' ? bindingsOf(kernel, pairs) : totalsBindings
    return {
      kind,
      bindings,
      code: moduleOf(kernel, bindings, stateArrays(kernels.arrays), options),
    }
  })
}

/** The text of a module. */
function moduleOf(
  kernel: GridKernel,
  bindings: readonly Binding[],
  states: readonly string[],
  options: WgslOptions,
): string {
  const { kind, sums, name } = kernel
  const isPass = kind === 'pass'
  const size = options.workgroupSize[isPass ? 'pass' : 'scalar']
  const subgroups = options.subgroups && sums > 0
  const parameters = [
    'local_invocation_index) local: u32',
    ...(kind === 'scalar'
      ? []
      : ['workgroup_id) id: vec3<u32>', 'num_workgroups) grid: vec3<u32>']),
    ...(subgroups ? subgroupParameters : []),
  ]
  const main = [
    `@compute @workgroup_size(${size})`,
    'fn main(',
    ...indent(parameters.map((each) => `@builtin(${each},`)),
    ') {',
    ...indent(new Printer(kernel, options, size).print(kernel.body)),
    '}',
  ]
  const at = states.map((each) => `at_${name(each)}`)
  const list = `@align(16) list: array<Piece, ${maxPieces}>`
  const lines = [
    ...(isPass && options.data === 'f16' ? ['enable f16;'] : []),
    ...(subgroups ? ['enable subgroups;'] : []),
    '',
    ...(isPass
      ? [...struct('Piece', pieceFields), ...struct('Table', [...tableFields, ...at], [list])]
      : [...struct('Totals', totalsFields), ...struct('Range', rangeFields)]),
    ...bindings.map((binding, i) => declare(binding, i, options.data)),
    '',
    ...helpersOf(main, helpers),
    ...declareShares(sums, size, subgroups),
    ...helpersOf(main, tableHelpers),
    ...main,
    '',
  ]
  return lines.join('\n').trimStart()
}

/** What a pass is bound to. */
function bindingsOf({ reads, writes }: GridKernel, pairs: number): Binding[] {
  const bound = (buffer: Element['buffer'], pair: number): Binding[] => {
    const uses = (arrays: readonly Element[]) => arrays.some((each) => each.buffer === buffer)
    if (uses(writes)) return [{ buffer, access: 'read_write', pair }]
    return uses(reads) ? [{ buffer, access: 'read', pair }] : []
  }
  return [
    { buffer: 'table', access: 'uniform', pair: 0 },
    { buffer: 'numbers', access: 'read_write', pair: 0 },
    ...bound('states', 0),
    ...[...Array(pairs).keys()].flatMap((pair) => [...bound('x', pair), ...bound('g', pair)]),
  ]
}

/** What is bound to a launch that adds up. */
const totalsBindings: readonly Binding[] = [
  { buffer: 'totals', access: 'uniform', pair: 0 },
  { buffer: 'ranges', access: 'read', pair: 0 },
  { buffer: 'numbers', access: 'read_write', pair: 0 },
]

function declare({ buffer, access, pair }: Binding, i: number, data: WgslOptions['data']): string {
  const isPair = buffer === 'x' || buffer === 'g'
  const structs: Partial<Record<Binding['buffer'], string>> = {
    table: 'Table',
    totals: 'Totals',
    ranges: 'array<Range>',
  }
  const type = structs[buffer] ?? `array<${isPair ? data : 'f32'}>`
  const space = access === 'uniform' ? 'uniform' : `storage, ${access}`
  return `@group(0) @binding(${i}) var<${space}> ${isPair ? `${buffer}_${pair}` : buffer}: ${type};`
}
