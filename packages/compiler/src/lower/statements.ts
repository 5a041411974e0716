/**
 * What both shapes of lowering share: arithmetic on single numbers and the work on an element, as
 * statements. Not loops, and not who does what.
 */
import type { Load, Loop, Reduction, ScalarProgram, Section, Slot } from '../fuse/kernels.ts'
import { isConstant, type Node } from '../trace/graph.ts'
import { type Namer, valueName } from './names.ts'
import type {
  Element,
  Expression,
  Operand,
  Place,
  Precision,
  Simple,
  Statement,
} from './program.ts'

/** The place of a slot. */
export const slotPlace = (slot: Slot): Place => ({ kind: 'slot', slot })

/** Where the caller keeps an array, if it does: the result of `evaluate` is where gradients are. */
export function bufferOf(array: string): Element['buffer'] {
  if (array === 'x') return 'x'
  return array === 'g' || array === 'evaluated' ? 'g' : 'states'
}

/** An array in a loop. */
export const elementOf = (
  { array, scope }: Pick<Load, 'array' | 'scope'>,
  loop: Loop['scope'],
): Element => ({
  kind: 'array',
  array,
  buffer: bufferOf(array),
  scope,
  apart: scope !== loop,
})

/** The arrays of some loops, each once. */
export function arraysOf(loops: readonly Loop[]): Element[] {
  const used = loops.flatMap(({ scope, loads, stores }) =>
    [...loads, ...stores.map(({ array }) => ({ array, scope }))].map((each) =>
      elementOf(each, scope),
    ),
  )
  return [...new Map(used.map((each) => [each.array, each])).values()]
}

/** A node as an operand. */
export const operandOf = (node: Node, name: Namer): Operand =>
  isConstant(node) ? node.value : valueName(node, name)

/** The value of a node, from a place. */
export const letFrom = (
  node: Node,
  from: Place,
  precision: Precision,
  name: Namer,
): Statement<{ let: { name: string; precision: Precision; from: Place } }> => ({
  kind: 'let',
  name: valueName(node, name),
  precision,
  from,
})

/** The values of nodes, by their operations. */
export const lets = (nodes: readonly Node[], precision: Precision, name: Namer): Simple[] =>
  nodes.map((node) => ({
    kind: 'let',
    name: valueName(node, name),
    precision,
    from: expressionOf(node, name),
  }))

function expressionOf({ op, args, id }: Node, name: Namer): Expression {
  if (op === 'load' || op === 'constant' || op === 'sum')
    throw new RangeError(`t${id} is not computed but read`)
  return { op, args: args.map((arg) => operandOf(arg, name)) }
}

/** What a section does. */
export const arithmetic = ({ reads, body, writes }: Section, name: Namer): Simple[] => [
  ...reads.map(({ node, slot }) => letFrom(node, slotPlace(slot), 'number', name)),
  ...lets(body, 'number', name),
  ...writes.map(({ slot, value }): Simple => {
    const to = slotPlace(slot)
    return { kind: 'store', to, value: operandOf(value, name), precision: 'number' }
  }),
]

/** What a loop does with an element. A term of a sum that is not finite counts as zero. */
export function elementwise(
  { scope, loads, body, sums, stores }: Loop,
  name: Namer,
  { random = false, ordered = false } = {},
): Simple[] {
  return [
    ...loads.map((load) => letFrom(load.node, elementOf(load, scope), 'element', name)),
    ...lets(body, 'element', name),
    ...sums.map(({ index, value }): Simple => {
      const term: Expression = { op: 'finite', args: [operandOf(value, name)] }
      return { kind: 'add', to: { kind: 'sum', index, ordered }, term, precision: 'element' }
    }),
    ...stores.map(({ array, value }): Simple => {
      const to = elementOf({ array, scope }, scope)
      return {
        kind: 'store',
        to,
        value: operandOf(value, name),
        precision: 'element',
        random: random && array === 'x',
      }
    }),
  ]
}

/** What is added up together, or arithmetic. */
export type Step = readonly Reduction[] | Section

/** Whether a step adds up. */
export const addsUp = (step: Step): step is readonly Reduction[] => Array.isArray(step)

/** Whether a reduction is over segments, rather than over tensors. */
export const overSegments = ({ from }: Reduction): boolean => 'partial' in from

/** What a reduction adds up. */
export const termOf = ({ from }: Reduction): Place =>
  'partial' in from ? { kind: 'partial', index: from.partial, of: from.of } : slotPlace(from)

/**
 * Reductions that follow each other and run over the same things, segments or tensors, share a
 * loop; sections stand alone.
 */
export function sharingLoops(parts: ScalarProgram['parts']): Step[] {
  const steps: (Reduction[] | Section)[] = []
  for (const part of parts) {
    const last = steps.at(-1)
    if (part.kind === 'section') steps.push(part)
    else if (Array.isArray(last) && overSegments(last[0]) === overSegments(part)) last.push(part)
    else steps.push([part])
  }
  return steps
}
