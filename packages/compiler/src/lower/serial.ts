/**
 * Lowers kernels to functions in which a worker takes segments one after the other, for a CPU. A
 * pass is a function of the first segment and the one after the last; a scalar program is one of
 * how many segments there are, and how many tensors. Not threads: who takes which segments is the
 * caller's business.
 */
import type { Kernels, Loop, Pass, Reduction, ScalarProgram } from '../fuse/kernels.ts'
import { type ElementType, type SegmentField, segmentFields, sumOrder } from './layout.ts'
import { type Namer, valueName } from './names.ts'
import type { Each, LanedSum, SerialStatements, Simple, Statement } from './program.ts'
import {
  addsUp,
  arithmetic,
  arraysOf,
  elementwise,
  sharingLoops,
  slotPlace,
  termOf,
} from './statements.ts'

/** A statement of the serial shape. */
export type Serial = Statement<SerialStatements>

/** One function. */
export interface SerialFunction {
  readonly name: string
  readonly parameters: readonly [string, string]
  readonly body: readonly Serial[]
}

/** What kernels are, lowered. */
export interface SerialProgram {
  readonly functions: readonly SerialFunction[]
  /** The arrays that they use. */
  readonly arrays: readonly string[]
  /** The most sums that one of them has. */
  readonly sums: number
}

/** How to lower. */
export interface SerialOptions {
  readonly type: ElementType
  /** Identifiers for values. */
  readonly name: Namer
  /** Whether several elements are taken at once, as many as sums have lanes. */
  readonly vectors: boolean
}

/** The functions of kernels, `stage0`, `stage1`, … */
export function serial({ stages }: Kernels, options: SerialOptions): SerialProgram {
  const passes = stages.flatMap((stage) => (stage.kind === 'pass' ? [stage] : []))
  return {
    functions: stages.map((stage, i) => functionOf(stage, `stage${i}`, options)),
    arrays: arraysOf(passes.flatMap(({ loops }) => loops)).map(({ array }) => array),
    sums: Math.max(0, ...passes.map(({ sums }) => sums)),
  }
}

const functionOf = (
  stage: Pass | ScalarProgram,
  name: string,
  options: SerialOptions,
): SerialFunction =>
  stage.kind === 'pass'
    ? { name, parameters: ['from', 'to'], body: [passOf(stage, options)] }
    : {
        name,
        parameters: ['segmentCount', 'tensorCount'],
        body: between(stage, options.name),
      }

function passOf({ loops, sums: count }: Pass, options: SerialOptions): Serial {
  const isLaned = (index: number) =>
    loops.some(({ scope, sums }) => scope === 'element' && sums.some((sum) => sum.index === index))
  const sums = Array.from(
    { length: count },
    (_, index): LanedSum => ({ index, lanes: isLaned(index) }),
  )
  const work = loops.map((loop) => loopOf(loop, options))
  return {
    kind: 'segments',
    from: 'from',
    to: 'to',
    fields: fieldsOf(loops),
    partials: count,
    body: [
      ...(count ? [{ kind: 'zero', sums } as const] : []),
      ...(work.length > 1 ? work.map((body): Serial => ({ kind: 'block', body })) : work.flat()),
      ...(count ? [{ kind: 'partials', sums } as const] : []),
    ],
  }
}

/** The fields of a segment that loops need. */
function fieldsOf(loops: readonly Loop[]): SegmentField[] {
  const arrays = arraysOf(loops)
  const needed: Partial<Record<SegmentField, boolean>> = {
    start: true,
    length: true,
    tensor: loops.some(({ scalars }) => scalars.some(({ slot }) => slot.scope === 'tensor')),
    xShift: arrays.some(({ buffer }) => buffer === 'x'),
    gShift: arrays.some(({ buffer }) => buffer === 'g'),
  }
  const slices = loops.some(({ scope }) => scope === 'slice')
  return segmentFields.filter((field) => needed[field] ?? slices)
}

function loopOf(loop: Loop, { type, name, vectors }: SerialOptions): Serial[] {
  const { scope, scalars, sums } = loop
  const order = sumOrder[type]
  const several = vectors && scope === 'element'
  const ordered = !vectors && scope === 'element' && sums.length > 0
  const each = { kind: 'each', scope, body: elementwise(loop, name, { ordered }) } as const
  const single = { lanes: 1, times: 1 } as const
  const rounds = { lanes: order.lanes, times: order.round / order.lanes } as const
  const numbers = scalars.map(({ node, slot }): Serial => {
    const from = slotPlace(slot)
    return {
      kind: 'let',
      name: valueName(node, name),
      precision: 'element',
      from,
      broadcast: several,
    }
  })
  const loops: Statement<{ each: Each }>[] = several
    ? [
        { ...each, ...rounds, range: 'whole' },
        { ...each, ...single, range: 'rest' },
      ]
    : [{ ...each, ...single, range: 'all', order: ordered ? order : undefined }]
  return [{ kind: 'begin', scope, arrays: arraysOf([loop]) }, ...numbers, ...loops]
}

function between({ parts }: ScalarProgram, name: Namer): Serial[] {
  return sharingLoops(parts).flatMap((step): Serial[] => {
    if (addsUp(step)) return addUp(step)
    const body = arithmetic(step, name)
    return [step.scope === 'tensor' ? { kind: 'tensors', body } : { kind: 'block', body }]
  })
}

/** Several totals, from one loop over partial sums or over tensors. */
function addUp(reductions: readonly Reduction[]): Serial[] {
  const zeros = (scope: 'global' | 'tensor') =>
    reductions
      .filter(({ to }) => to.scope === scope)
      .map(({ to }): Simple => {
        return { kind: 'store', to: slotPlace(to), value: 0, precision: 'number' }
      })
  const body = reductions.map((reduction): Simple => {
    const to = slotPlace(reduction.to)
    return { kind: 'add', to, term: termOf(reduction), precision: 'number' }
  })
  const [{ from }] = reductions
  if (!('partial' in from)) return [...zeros('global'), { kind: 'tensors', body }]
  const ofTensors = zeros('tensor')
  return [
    ...zeros('global'),
    ...(ofTensors.length ? [{ kind: 'tensors', body: ofTensors } as const] : []),
    {
      kind: 'segments',
      from: 0,
      to: 'segmentCount',
      fields: ofTensors.length ? ['tensor'] : [],
      partials: from.of,
      body,
    },
  ]
}
