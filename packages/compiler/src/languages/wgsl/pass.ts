/**
 * A pass over memory as a WGSL module. Not what adds up its partial sums: see addUp.ts.
 */

import type { Kernels, Loop } from '../../fuse/kernels.ts'
import { fromSlots, type Launch } from '../../lower/launches.ts'
import { namer, valueName } from '../../lower/names.ts'
import { isConstant, type Node } from '../../trace/graph.ts'
import type { Access, Binding, WgslKernel, WgslOptions } from './emit.ts'
import { block, expression, helpersOf, indent, literal, slotAt, struct, taken } from './language.ts'
import { maxPieces, pieceFields, stateArrays, tableFields } from './layout.ts'
import { collectShares, declareShares, subgroupParameters } from './shares.ts'

type PassLaunch = Extract<Launch, { kind: 'pass' }>

/** The module of a pass. */
export function passModule(
  launch: PassLaunch,
  { arrays }: Kernels,
  options: WgslOptions,
): WgslKernel {
  const { loops, sums } = launch.pass
  const bindings = bindingsOf(loops, options.pairs)
  const writer = new Writer(options, bindings)
  const size = options.workgroupSize.pass
  const main = writer.main(launch)
  const shares = declareShares(sums, size, options.subgroups && sums > 0)
  const lines = [
    ...(options.data === 'f16' ? ['enable f16;'] : []),
    ...(options.subgroups && sums ? ['enable subgroups;'] : []),
    '',
    ...struct('Piece', pieceFields),
    ...struct(
      'Table',
      [...tableFields, ...stateArrays(arrays).map((name) => `at_${writer.name(name)}`)],
      [`@align(16) list: array<Piece, ${maxPieces}>`],
    ),
    ...bindings.map((binding, i) => declare(binding, i, options.data)),
    '',
    ...helpersOf(main),
    ...shares,
    ...(loops.some(({ scope }) => scope === 'slice') ? keptBefore : []),
    ...find,
    ...main,
    '',
  ]
  return { kind: 'pass', bindings, code: lines.join('\n').trimStart() }
}

/** What a pass is bound to. */
function bindingsOf(loops: readonly Loop[], pairs: number): Binding[] {
  const isData = (array: string) => array === 'x' || isSecond(array)
  const states = accessOf(loops, (array) => !isData(array))
  const data = { x: accessOf(loops, (array) => array === 'x'), g: accessOf(loops, isSecond) }
  const bound = (buffer: Binding['buffer'], access: Binding['access'] | undefined, pair = 0) =>
    access ? [{ buffer, access, pair }] : []
  return [
    ...bound('table', 'uniform'),
    ...bound('numbers', 'read_write'),
    ...bound('states', states),
    ...Array.from({ length: pairs }, (_, pair) => [
      ...bound('x', data.x, pair),
      ...bound('g', data.g, pair),
    ]).flat(),
  ]
}

/** How the loops of a pass use an array, if they do. */
function accessOf(loops: readonly Loop[], uses: (array: string) => boolean): Access | undefined {
  if (loops.some(({ stores }) => stores.some(({ array }) => uses(array)))) return 'read_write'
  return loops.some(({ loads }) => loads.some(({ array }) => uses(array))) ? 'read' : undefined
}

/** Whether an array is in the second buffer of a pair. */
const isSecond = (array: string) => array === 'g' || array === 'evaluated'

const space = (access: Access | 'uniform') =>
  access === 'uniform' ? 'uniform' : `storage, ${access}`
function declare({ buffer, access, pair }: Binding, i: number, data: WgslOptions['data']): string {
  const isPair = buffer === 'x' || buffer === 'g'
  const type = buffer === 'table' ? 'Table' : `array<${isPair ? data : 'f32'}>`
  return `@group(0) @binding(${i}) var<${space(access)}> ${isPair ? `${buffer}_${pair}` : buffer}: ${type};`
}

const find = [
  '// The piece that a group of threads belongs to.',
  ...block('fn find(group: u32) -> u32', [
    'var low = 0u;',
    'var high = table.pieces;',
    ...block('while (high - low > 1u)', [
      'let middle = (low + high) / 2u;',
      'if (table.list[middle].group <= group) { low = middle; } else { high = middle; }',
    ]),
    'return low;',
  ]),
  '',
]

const keptBefore = [
  '// How many of the coordinates that a piece keeps come before one of its elements.',
  ...block('fn keptBefore(i: u32, piece: Piece) -> u32', [
    'return (max(i, piece.phase) - piece.phase + piece.stride - 1u) / piece.stride;',
  ]),
  '',
]

/** Prints the entry point. */
class Writer {
  readonly name: (name: string) => string
  private readonly options: WgslOptions
  private readonly size: number

  constructor(options: WgslOptions, bindings: readonly Binding[]) {
    const data = bindings.map(({ buffer, pair }) => `${buffer}_${pair}`)
    this.name = namer([
      ...taken,
      ...data,
      ...[...Array(64).keys()].flatMap((k) => [`sum${k}`, `part${k}`]),
    ])
    this.options = options
    this.size = options.workgroupSize.pass
  }

  main(launch: PassLaunch): string[] {
    const { pass, before } = launch
    const { subgroups } = this.options
    const parameters = [
      '@builtin(local_invocation_index) local: u32',
      '@builtin(workgroup_id) id: vec3<u32>',
      '@builtin(num_workgroups) grid: vec3<u32>',
      ...(subgroups && pass.sums ? subgroupParameters : []),
    ]
    const sums = [...Array(pass.sums).keys()]
    const body = [
      'let group = id.x + id.y * grid.x;',
      'if (group >= table.groups) { return; }',
      'let piece = table.list[find(group)];',
      'let segment = group - piece.group;',
      'let start = segment * table.segment;',
      'let end = min(start + table.segment, piece.length);',
      ...(usesTensors(launch) ? ['let tensor = piece.tensor;'] : []),
      ...fromSlots(launch).map(
        ({ node, slot }) => `let ${this.value(node)} = ${slotAt(slot, 'table')};`,
      ),
      ...before.flatMap(({ reads, body }) => [
        ...reads.map(({ node, slot }) => `let ${this.value(node)} = ${slotAt(slot, 'table')};`),
        ...body.map((node) => this.statement(node)),
      ]),
      ...this.begins(pass.loops),
      ...sums.map((k) => `var sum${k} = vec2<f32>();`),
      ...this.overPairs(pass.loops),
      ...this.partials(pass.sums),
    ]
    return [
      `@compute @workgroup_size(${this.size})`,
      'fn main(',
      ...indent(parameters.map((each) => `${each},`)),
      ') {',
      ...indent(body),
      '}',
    ]
  }

  /** The loops, for the pair of buffers that the piece is in. */
  private overPairs(loops: readonly Loop[]): string[] {
    // The second loop overwrites what other threads read in the first.
    const each = (pair: number) =>
      loops.flatMap((loop, i) => [...(i ? ['storageBarrier();'] : []), ...this.loop(loop, pair)])
    if (this.options.pairs === 1) return each(0)
    const cases = Array.from({ length: this.options.pairs }, (_, pair) =>
      block(pair < this.options.pairs - 1 ? `case ${pair}u:` : 'default:', each(pair)),
    )
    return block('switch piece.pair', cases.flat())
  }

  private loop({ scope, loads, body, stores, sums }: Loop, pair: number): string[] {
    const lines = [
      ...loads.map(
        (load) => `let ${this.value(load.node)} = ${this.load(load.array, pair, load.scope)};`,
      ),
      ...body.map((node) => this.statement(node)),
      ...sums.map(
        ({ index, value }) => `accumulate(&sum${index}, finite(${this.operand(value)}));`,
      ),
      ...stores.map(({ array, value }) => this.store(array, pair, scope, this.operand(value))),
    ]
    if (scope === 'element')
      return block(`for (var i = start + local; i < end; i += ${this.size}u)`, lines)
    return [
      'let stop = keptBefore(end, piece);',
      ...block(`for (var k = keptBefore(start, piece) + local; k < stop; k += ${this.size}u)`, [
        'let i = piece.phase + k * piece.stride;',
        ...lines,
      ]),
    ]
  }

  /** Where the piece begins in each array that the loops use. */
  private begins(loops: readonly Loop[]): string[] {
    const used = loops.flatMap(({ scope, loads, stores }) => [
      ...loads,
      ...stores.map(({ array }) => ({ array, scope })),
    ])
    const names = new Map(used.map(({ array, scope }) => [array, scope]))
    return [...names].map(([array, scope]) => {
      const begin = array === 'x' ? 'piece.x' : isSecond(array) ? 'piece.g' : undefined
      const field = `at_${this.name(array)}`
      return `let ${field} = ${begin ?? `table.${field} + piece.${scope === 'slice' ? 'kept' : 'state'}`};`
    })
  }

  private place(array: string, pair: number, of: 'element' | 'slice'): string {
    const buffer = array === 'x' ? `x_${pair}` : isSecond(array) ? `g_${pair}` : 'states'
    return `${buffer}[at_${this.name(array)} + ${of === 'slice' ? 'k' : 'i'}]`
  }

  private load(array: string, pair: number, of: 'element' | 'slice'): string {
    const place = this.place(array, pair, of)
    return this.isNarrow(array) ? `f32(${place})` : place
  }

  private store(array: string, pair: number, of: 'element' | 'slice', value: string): string {
    return `${this.place(array, pair, of)} = ${this.isNarrow(array) ? `f16(${value})` : value};`
  }

  private isNarrow(array: string): boolean {
    return this.options.data === 'f16' && (array === 'x' || isSecond(array))
  }

  private partials(count: number): string[] {
    if (!count) return []
    const write = `numbers[table.partials + ${count}u * (piece.partial + segment) + k] = shares[k][0];`
    return [
      ...collectShares(count, this.options.subgroups),
      ...block(`for (var k = local; k < ${count}u; k += ${this.size}u)`, [write]),
    ]
  }

  private statement(node: Node): string {
    const operands = node.args.map((arg) => this.operand(arg))
    return `let ${this.value(node)} = ${expression(node, operands)};`
  }

  private operand(node: Node): string {
    return isConstant(node) ? literal(node.value) : this.value(node)
  }

  private value(node: Node): string {
    return valueName(node, this.name)
  }
}

const usesTensors = (launch: PassLaunch) =>
  [...fromSlots(launch), ...launch.before.flatMap(({ reads }) => reads)].some(
    ({ slot }) => slot.scope === 'tensor',
  )
