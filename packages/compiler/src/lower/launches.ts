/**
 * Compiled stages in the order in which a device launches them. Where every stage costs a launch,
 * single numbers that need no sum are computed by the pass that uses them, and once more by the
 * scalar program after it, which is there anyway to carry the states over. For languages of devices
 * (WGSL, PTX); a CPU calls its stages as they are.
 */
import type { Kernels, Pass, Reduction, Section, Slot } from '../fuse/kernels.ts'
import { isConstant, type Node } from '../trace/graph.ts'

/** One launch. */
export type Launch =
  /**
   * A pass over memory, every stretch of which first computes what it needs of the single numbers.
   */
  | { readonly kind: 'pass'; readonly pass: Pass; readonly before: readonly Section[] }
  /** The sums of each tensor's partial sums, one group of threads for each tensor. */
  | { readonly kind: 'reduce'; readonly reductions: readonly Reduction[] }
  /** A scalar program, for a single group of threads. */
  | { readonly kind: 'scalar'; readonly parts: readonly (Reduction | Section)[] }

/**
 * The launches of a compiled function. Prodigy and Adam have two: a pass, and the scalar program
 * after it.
 */
export function launches({ stages }: Kernels): Launch[] {
  const all: Launch[] = []
  let waiting: (Reduction | Section)[] = []
  const flush = () => {
    const reductions = waiting.filter(isOfTensors)
    const rest = waiting.filter((part) => !isOfTensors(part))
    const parts = [...rest.filter(isPartial), ...rest.filter((part) => !isPartial(part))]
    if (reductions.length) all.push({ kind: 'reduce', reductions })
    if (parts.length) all.push({ kind: 'scalar', parts })
    waiting = []
  }
  for (const stage of stages) {
    if (stage.kind === 'scalar') {
      waiting.push(...stage.parts)
      continue
    }
    if (waiting.some(({ kind }) => kind === 'reduction')) flush()
    all.push({ kind: 'pass', pass: stage, before: needed(waiting as Section[], stage) })
  }
  flush()
  return all
}

/** Whether a part adds up partial sums: these depend on nothing else, so they come first. */
const isPartial = (part: Reduction | Section) => part.kind === 'reduction' && 'partial' in part.from
/** Whether it does so for each tensor. */
const isOfTensors = (part: Reduction | Section): part is Reduction =>
  isPartial(part) && (part as Reduction).to.scope === 'tensor'

/**
 * As much of the sections as a pass uses, without what they write. Every number is read or computed
 * once.
 */
function needed(sections: readonly Section[], { loops }: Pass): Section[] {
  const wanted = new Set<Node>(loops.flatMap(({ scalars }) => scalars.map(({ node }) => node)))
  for (const { body } of [...sections].reverse())
    for (const node of [...body].reverse())
      if (wanted.has(node)) for (const arg of node.args) if (!isConstant(arg)) wanted.add(arg)
  const there = new Set<Node>()
  const fresh = (node: Node) =>
    wanted.has(node) && !there.has(node) && there.add(node) !== undefined
  return sections.map(({ kind, scope, reads, body }) => ({
    kind,
    scope,
    writes: [],
    reads: reads.filter(({ node }) => fresh(node)),
    body: body.filter(fresh),
  }))
}

/**
 * The single numbers that a pass takes from slots, because nothing before it in the same launch
 * computes or reads them.
 */
export function fromSlots(
  launch: Extract<Launch, { kind: 'pass' }>,
): { readonly node: Node; readonly slot: Slot }[] {
  const there = new Set(
    launch.before.flatMap(({ reads, body }) => [...reads.map(({ node }) => node), ...body]),
  )
  const slots = new Map<Node, Slot>()
  for (const { scalars } of launch.pass.loops)
    for (const { node, slot } of scalars) if (!there.has(node)) slots.set(node, slot)
  return [...slots].map(([node, slot]) => ({ node, slot }))
}
