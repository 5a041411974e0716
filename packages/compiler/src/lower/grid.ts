/**
 * Lowers kernels to those of a device, on which a block of workers takes a segment, its workers one
 * element after the other or several at once. Sums go worker by worker, then over the block, to one
 * row of partial sums for each segment; what comes after a pass adds up the rows. Not launches: see
 * launches.ts.
 */
import type { Kernels, Loop, Reduction } from '../fuse/kernels.ts'
import type { Node } from '../trace/graph.ts'
import { fromSlots, type Launch, launches } from './launches.ts'
import type { Namer } from './names.ts'
import type { Each, Element, GridStatements, Simple, Statement, Way } from './program.ts'
import {
  addsUp,
  arithmetic,
  arraysOf,
  elementOf,
  elementwise,
  letFrom,
  operandOf,
  overSegments,
  type Step,
  sharingLoops,
  slotPlace,
  termOf,
} from './statements.ts'

/** A statement of the grid shape. */
export type Grid = Statement<GridStatements>

/** One kernel. */
export interface GridKernel {
  /** What it is launched for: the segments of a pass, all tensors, or one single block. */
  readonly kind: Launch['kind']
  readonly body: readonly Grid[]
  /** The arrays that it reads and those that it writes. */
  readonly reads: readonly Element[]
  readonly writes: readonly Element[]
  /** The most sums that are added up at a time. */
  readonly sums: number
  /** What gave its values their identifiers. */
  readonly name: Namer
}

/** How to lower. */
export interface GridOptions {
  /** Identifiers for the values of a kernel. */
  readonly names: () => Namer
  /** The ways in which the caller's memory may be. */
  readonly ways: readonly Way[]
  /**
   * Whether the first worker of a block computes single numbers for all of it, and each way has
   * places of its own where segments begin; else every worker computes both, once.
   */
  readonly shared: boolean
  /** Whether the block of a pass that finishes last does what comes after, which is no launch. */
  readonly finishes: boolean
  /** Whether parameters are rounded at random. */
  readonly random: boolean
}

type PassLaunch = Extract<Launch, { kind: 'pass' }>
type AddingUp = Exclude<Launch, PassLaunch>

/** The kernels in the order of their launches. */
export function grid(kernels: Kernels, options: GridOptions): GridKernel[] {
  return gathered(launches(kernels), options.finishes).map(([first, ...after]) =>
    kernelOf(first, after, options),
  )
}

/** Launches, each with those that the kernel goes on with. */
function gathered(all: readonly Launch[], finishes: boolean): (readonly [Launch, ...AddingUp[]])[] {
  const kernels: [Launch, ...AddingUp[]][] = []
  for (const launch of all) {
    const last = kernels.at(-1)
    if (last && finishes && launch.kind !== 'pass') last.push(launch)
    else kernels.push([launch])
  }
  return kernels
}

function kernelOf(first: Launch, after: readonly AddingUp[], options: GridOptions): GridKernel {
  const name = options.names()
  const steps = stepsOf(first.kind === 'pass' ? after : [first, ...after])
  const counts = steps.map(({ step }) => (addsUp(step) ? step.length : 0))
  const added = stepsCode(steps, name)
  if (first.kind !== 'pass')
    return {
      kind: first.kind,
      body: added,
      reads: [],
      writes: [],
      sums: Math.max(0, ...counts),
      name,
    }
  const { loops, sums } = first.pass
  const random = options.random && movesParameters(loops)
  const last: Grid[] = added.length || random ? [{ kind: 'last' }] : []
  const count: Grid[] = random ? [{ kind: 'first', body: [{ kind: 'count' }] }] : []
  return {
    kind: 'pass',
    body: [...passCode(first, name, { ...options, random }), ...last, ...count, ...added],
    reads: loops.flatMap(({ loads, scope }) => loads.map((load) => elementOf(load, scope))),
    writes: loops.flatMap(({ stores, scope }) =>
      stores.map(({ array }) => elementOf({ array, scope }, scope)),
    ),
    sums: Math.max(sums, ...counts),
    name,
  }
}

const movesParameters = (loops: readonly Loop[]) =>
  loops.some(({ stores }) => stores.some(({ array }) => array === 'x'))

function passCode(launch: PassLaunch, name: Namer, options: GridOptions): Grid[] {
  const { ways, shared, random } = options
  const { loops, sums } = launch.pass
  const { tensor, code } = numbersOf(launch, name)
  const slices = loops.some(({ scope }) => scope === 'slice')
  const used = new Set(loops.flatMap(({ scalars }) => scalars.map(({ node }) => node)))
  const places = new Map([...used].map((node, index) => [node, index]))
  const numbers = shared ? sharedNumbers(code, places, name) : code
  const cases = ways.map((way) => ({
    way,
    body: loops.flatMap((loop, i): Grid[] => [
      overElements(loop, ways.length > 1 ? `, in ${way.name}` : ''),
      // The second loop overwrites what other workers read in the first.
      ...(i ? [{ kind: 'barrier', between: 'loops' } as const] : []),
      ...(shared ? beginning(loop, places, name) : []),
      ...eachOf(loop, elementwise(loop, name, { random }), way.lanes),
    ]),
  }))
  return [
    { kind: 'segment', tensor, slices, random },
    ...numbers,
    ...(shared ? [] : [{ kind: 'begin', scope: 'element', arrays: arraysOf(loops) } as const]),
    ...(sums ? [zero(sums)] : []),
    { kind: 'choose', cases },
    ...(sums ? collectRow(sums) : []),
  ]
}

/** The single numbers that a pass needs, and whether any belong to a tensor. */
function numbersOf(launch: PassLaunch, name: Namer): { tensor: boolean; code: Simple[] } {
  const own = fromSlots(launch)
  const reads = [...own, ...launch.before.flatMap((section) => section.reads)]
  return {
    tensor: reads.some(({ slot }) => slot.scope === 'tensor'),
    code: [
      ...own.map(({ node, slot }) => letFrom(node, slotPlace(slot), 'number', name)),
      ...launch.before.flatMap((section) => arithmetic(section, name)),
    ],
  }
}

/** Has the first worker compute numbers for all of its block. */
function sharedNumbers(
  code: readonly Simple[],
  places: ReadonlyMap<Node, number>,
  name: Namer,
): Grid[] {
  if (!places.size) return []
  const stores = [...places].map(([node, index]): Simple => {
    const to = { kind: 'shared', index } as const
    return { kind: 'store', to, value: operandOf(node, name), precision: 'number' }
  })
  return [
    note('The single numbers that its elements meet.'),
    { kind: 'first', body: [...code, ...stores] },
    { kind: 'barrier', between: 'loops' },
  ]
}

/** Where a loop begins, and the shared numbers that it needs. */
const beginning = (loop: Loop, places: ReadonlyMap<Node, number>, name: Namer): Grid[] => [
  { kind: 'begin', scope: loop.scope, arrays: arraysOf([loop]) },
  ...loop.scalars.map(({ node }) =>
    letFrom(node, { kind: 'shared', index: places.get(node) ?? 0 }, 'element', name),
  ),
]

/** A loop, several elements at a time and one by one what is left over; slices are apart. */
function eachOf(
  { scope }: Loop,
  body: readonly Simple[],
  lanes: number,
): Statement<{ each: Each }>[] {
  const each = { kind: 'each', scope, lanes: 1, times: 1, body } as const
  if (lanes === 1 || scope === 'slice') return [{ ...each, range: 'all' }]
  return [
    { ...each, lanes, range: 'whole' },
    { ...each, range: 'rest' },
  ]
}

const overElements = ({ scope }: Loop, how: string): Grid =>
  note(`Over its ${scope === 'slice' ? 'kept ' : ''}elements${how}.`)
const note = (text: string): Grid => ({ kind: 'note', text })
const sumsOf = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ index, lanes: false }))
const zero = (count: number): Grid => ({ kind: 'zero', sums: sumsOf(count) })
const collectRow = (sums: number): Grid[] => [
  note('Its row of partial sums.'),
  { kind: 'collect', over: 'block', sums, body: [{ kind: 'partials', sums: sumsOf(sums) }] },
]

/** A step, and by whom: a group of workers for each tensor, or the block. */
interface Shared {
  readonly over: 'group' | 'block'
  readonly step: Step
}

const stepsOf = (all: readonly AddingUp[]): Shared[] =>
  all.flatMap((launch): Shared[] =>
    launch.kind === 'reduce'
      ? [{ over: 'group', step: launch.reductions }]
      : sharingLoops(launch.parts).map((step) => ({ over: 'block', step })),
  )

/**
 * Whether a step is the work of the first worker alone, which needs no barrier to see what it
 * wrote.
 */
const byFirst = ({ step }: Shared) => !addsUp(step) && step.scope === 'global'

/** The steps one after the other, with a barrier in between. */
const stepsCode = (steps: readonly Shared[], name: Namer): Grid[] =>
  steps.flatMap((each, i): Grid[] => [
    ...(i && !(byFirst(each) && byFirst(steps[i - 1]))
      ? [{ kind: 'barrier', between: 'steps' } as const]
      : []),
    ...stepCode(each, name),
  ])

function stepCode({ over, step }: Shared, name: Namer): Grid[] {
  if (addsUp(step)) {
    const body = totals(step, over)
    return over === 'group'
      ? [note('The sums of each tensor.'), { kind: 'groups', body }]
      : [note('The sums of all tensors.'), { kind: 'block', body }]
  }
  const body = arithmetic(step, name)
  return step.scope === 'global'
    ? [note('Numbers of all tensors.'), { kind: 'first', body }]
    : [note('Numbers of each tensor.'), { kind: 'tensors', body }]
}

/** Adds up over segments, or over tensors. */
function totals(reductions: readonly Reduction[], over: Shared['over']): Grid[] {
  const partials = reductions.flatMap(({ from }) =>
    'partial' in from ? [{ index: from.partial, of: from.of }] : [],
  )
  const body = reductions.map((each, index): Simple => {
    const to = { kind: 'sum', index } as const
    return { kind: 'add', to, term: termOf(each), precision: 'number' }
  })
  const stores = reductions.map(({ to }, index): Simple => {
    const value = { kind: 'total', index } as const
    return { kind: 'store', to: slotPlace(to), value, precision: 'number' }
  })
  const sums = reductions.length
  return [
    zero(sums),
    overSegments(reductions[0]) ? { kind: 'rows', over, partials } : { kind: 'tensors', body },
    { kind: 'collect', over, sums, body: [{ kind: 'first', body: stores }] },
  ]
}
