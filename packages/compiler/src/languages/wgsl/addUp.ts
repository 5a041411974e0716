/**
 * The launches between passes as WGSL modules: the sums of each tensor, by one group of threads per
 * tensor, and scalar programs, by a single group. Parts of a scalar program follow each other with
 * a barrier in between.
 */

import { type Reduction, type Section, type Slot, sharingLoops } from '../../fuse/kernels.ts'
import type { Launch } from '../../lower/launches.ts'
import { namer, valueName } from '../../lower/names.ts'
import { isConstant, type Node } from '../../trace/graph.ts'
import type { WgslKernel, WgslOptions } from './emit.ts'
import { block, expression, helpersOf, indent, literal, slotAt, struct, taken } from './language.ts'
import { rangeFields, totalsFields } from './layout.ts'
import { collectShares, declareShares, subgroupParameters } from './shares.ts'

type AddingUp = Exclude<Launch, { kind: 'pass' }>

/** A part of the code of a group: what is added up together, or arithmetic. */
type Step = readonly Reduction[] | Section

/** The module of a launch that adds up. */
export function addingUp(launch: AddingUp, options: WgslOptions): WgslKernel {
  const steps = launch.kind === 'reduce' ? [launch.reductions] : sharingLoops(launch.parts)
  const sums = Math.max(0, ...steps.map((step) => (isSums(step) ? step.length : 0)))
  const writer = new Writer(options, launch.kind)
  const subgroups = options.subgroups && sums > 0
  const parameters = [
    '@builtin(local_invocation_index) local: u32',
    ...(launch.kind === 'reduce'
      ? ['@builtin(workgroup_id) id: vec3<u32>', '@builtin(num_workgroups) grid: vec3<u32>']
      : []),
    ...(subgroups ? subgroupParameters : []),
  ]
  const body = [
    ...(launch.kind === 'reduce' ? ofOneTensor : []),
    ...steps.flatMap((step, i) => [
      ...(i && !byOneThread(steps[i - 1], step) ? barrier : []),
      ...(isSums(step) ? writer.sums(step) : writer.section(step)),
    ]),
  ]
  const main = [
    `@compute @workgroup_size(${options.workgroupSize.scalar})`,
    ...['fn main(', ...indent(parameters.map((each) => `${each},`)), ') {'],
    ...indent(body),
    '}',
  ]
  const lines = [
    ...(subgroups ? ['enable subgroups;', ''] : []),
    ...struct('Totals', totalsFields),
    ...struct('Range', rangeFields),
    '@group(0) @binding(0) var<uniform> totals: Totals;',
    '@group(0) @binding(1) var<storage, read> ranges: array<Range>;',
    '@group(0) @binding(2) var<storage, read_write> numbers: array<f32>;',
    '',
    ...helpersOf(main),
    ...declareShares(sums, options.workgroupSize.scalar, subgroups),
    ...main,
    '',
  ]
  const bindings = [
    { buffer: 'totals', access: 'uniform', pair: 0 },
    { buffer: 'ranges', access: 'read', pair: 0 },
    { buffer: 'numbers', access: 'read_write', pair: 0 },
  ] as const
  return { kind: launch.kind, bindings, code: lines.join('\n') }
}

const barrier = ['storageBarrier();', 'workgroupBarrier();']
const ofOneTensor = [
  'let tensor = id.x + id.y * grid.x;',
  'if (tensor >= totals.tensors) { return; }',
]

const isSums = (step: Step): step is readonly Reduction[] => Array.isArray(step)
/**
 * Whether two steps are the work of the same single thread, which needs no barrier to see what it
 * wrote.
 */
const byOneThread = (...steps: Step[]) =>
  steps.every((step) => !isSums(step) && step.scope === 'global')
const isPartial = ({ from }: Reduction) => 'partial' in from

/** Prints the steps. */
class Writer {
  private readonly name = namer([
    ...taken,
    ...[...Array(64).keys()].flatMap((k) => [`sum${k}`, `part${k}`]),
  ])
  private readonly size: number
  private readonly subgroups: boolean
  private readonly kind: AddingUp['kind']

  constructor({ workgroupSize, subgroups }: WgslOptions, kind: AddingUp['kind']) {
    this.size = workgroupSize.scalar
    this.subgroups = subgroups
    this.kind = kind
  }

  sums(reductions: readonly Reduction[]): string[] {
    const loop = (i: string, from: string, end: string, lines: readonly string[]) =>
      block(`for (var ${i} = ${from}local; ${i} < ${end}; ${i} += ${this.size}u)`, lines)
    const rows = reductions.map(({ from }, k) =>
      'partial' in from
        ? `accumulate(&sum${k}, numbers[totals.partials + ${from.of}u * i + ${from.partial}u]);`
        : `accumulate(&sum${k}, ${slotOf(from)});`,
    )
    const adding = isPartial(reductions[0])
      ? this.kind === 'reduce'
        ? loop('i', 'ranges[tensor].row + ', 'ranges[tensor].row + ranges[tensor].rows', rows)
        : loop('i', '', 'totals.rows', rows)
      : loop('tensor', '', 'totals.tensors', rows)
    const write = reductions.map(({ to }, k) => `${slotOf(to)} = shares[${k}][0];`)
    const lines = [
      ...reductions.map((_, k) => `var sum${k} = vec2<f32>();`),
      ...adding,
      ...collectShares(reductions.length, this.subgroups),
      ...block('if (local == 0u)', write),
    ]
    return this.kind === 'reduce' ? lines : ['{', ...indent(lines), '}']
  }

  section({ scope, reads, body, writes }: Section): string[] {
    const lines = [
      ...reads.map(({ node, slot }) => `let ${this.value(node)} = ${slotOf(slot)};`),
      ...body.map(
        (node) =>
          `let ${this.value(node)} = ${expression(
            node,
            node.args.map((arg) => this.operand(arg)),
          )};`,
      ),
      ...writes.map(({ slot, value }) => `${slotOf(slot)} = ${this.operand(value)};`),
    ]
    if (scope === 'global') return block('if (local == 0u)', lines)
    return block(
      `for (var tensor = local; tensor < totals.tensors; tensor += ${this.size}u)`,
      lines,
    )
  }

  private operand(node: Node): string {
    return isConstant(node) ? literal(node.value) : this.value(node)
  }

  private value(node: Node): string {
    return valueName(node, this.name)
  }
}

const slotOf = (slot: Slot) => slotAt(slot, 'totals')
