/**
 * The arithmetic on single numbers before, between and after the passes: what is computed when, and
 * what is kept in slots meanwhile. A state is overwritten where its next value is computed, unless
 * something later reads the old one: then at the very end. Not vectors: see passes.ts.
 */
import { isConstant, isVector, type Node } from '../trace/graph.ts'
import type { Reduction, ScalarProgram, Section, Slot, Write } from './kernels.ts'
import { isPassSum } from './passes.ts'

/** Where the single numbers are that outlive a section. */
export interface Slots {
  readonly all: readonly Slot[]
  /** The slot of a node, made at its first use. */
  of(node: Node): Slot
}

/** Slots for the given names first, then for whatever is asked for. */
export function slotTable(
  named: Readonly<Record<string, Slot['scope']>>,
): Slots & { named(name: string): Slot } {
  const all: Slot[] = []
  const add = (name: string, scope: Slot['scope']): Slot => {
    const slot = { name, scope, index: all.filter((each) => each.scope === scope).length }
    all.push(slot)
    return slot
  }
  const byName = new Map(Object.entries(named).map(([name, scope]) => [name, add(name, scope)]))
  const byNode = new Map<Node, Slot>()
  const get = (name: string): Slot => {
    const slot = byName.get(name)
    if (!slot) throw new RangeError(`there is no slot ${name}`)
    return slot
  }
  return {
    all,
    named: get,
    of(node) {
      if (node.op === 'load') return get(node.name)
      const slot = byNode.get(node) ?? add(`t${node.id}`, node.scope as Slot['scope'])
      byNode.set(node, slot)
      return slot
    },
  }
}

/** What there is to compute. */
export interface ScalarWork {
  /** Every node of the program, arguments first. */
  readonly nodes: readonly Node[]
  /** The states to overwrite. */
  readonly outputs: readonly Write[]
  /** For each pass, the single numbers that it uses, and the vectors that it adds up. */
  readonly passes: readonly { readonly scalars: readonly Node[]; readonly terms: readonly Node[] }[]
  readonly phase: (node: Node) => number
}

/** One program before each pass and one after the last; some may be empty. */
export function scalarPrograms(work: ScalarWork, slots: Slots): ScalarProgram[] {
  const { passes, phase } = work
  const computed = work.nodes.filter(
    (node) => !isVector(node) && !isConstant(node) && node.op !== 'load',
  )
  const position = positions(phase)
  const commits = commitsOf(work, computed, position)
  const stages = [...passes, undefined].map((_, stage) =>
    sections(
      computed.filter((node) => phase(node) === stage),
      position,
      commits.filter((commit) => commit.stage === stage),
    ),
  )
  const outside = stages
    .flat()
    .flatMap(({ reads, reductions }) => [...reads, ...reductions.flatMap(({ args }) => args)])
  const kept = new Set([...outside, ...passes.flatMap(({ scalars }) => scalars)])
  return stages.map((parts, stage) => ({
    kind: 'scalar',
    parts: parts.flatMap(({ scope, reductions, reads, body, commits }): (Reduction | Section)[] => [
      ...reductions.map((sum) => reduction(sum, passes[stage - 1]?.terms, slots)),
      ...(body.length || commits.length ? [section(scope, reads, body, commits)] : []),
    ]),
  }))

  function section(
    scope: Slot['scope'],
    reads: readonly Node[],
    body: readonly Node[],
    commits: readonly Write[],
  ): Section {
    const own = body
      .filter((node) => kept.has(node))
      .map((value) => ({ slot: slots.of(value), value }))
    const written = commits.map(({ slot, value }) => ({ slot, value }))
    return {
      kind: 'section',
      scope,
      reads: reads.map((node) => ({ node, slot: slots.of(node) })),
      body,
      writes: [...own, ...written],
    }
  }
}

/** Even positions are global, odd ones per tensor. */
const parity = (scope: Node['scope']) => (scope === 'tensor' ? 1 : 0)
const firstFrom = (position: number, scope: Node['scope']) =>
  position + ((position + parity(scope)) % 2)

/**
 * Where in its stage a node is computed: a stage goes through positions 0, 1, 2, ..., global and
 * per tensor in turn.
 */
function positions(phase: (node: Node) => number): (node: Node) => number {
  const known = new Map<Node, number>()
  const position = (node: Node): number => {
    const found = known.get(node)
    if (found !== undefined) return found
    const before = node.args
      .filter((arg) => !isVector(arg) && phase(arg) === phase(node))
      .map(position)
    const result =
      node.op === 'load' || isConstant(node) ? 0 : firstFrom(Math.max(0, ...before), node.scope)
    known.set(node, result)
    return result
  }
  return position
}

/** What a position holds, before it is known what has to be kept. */
interface Draft {
  readonly scope: Slot['scope']
  readonly reductions: readonly Node[]
  readonly body: readonly Node[]
  /** The nodes that come from slots. */
  readonly reads: readonly Node[]
  readonly commits: readonly Write[]
}

/** The positions of one stage. */
function sections(
  nodes: readonly Node[],
  position: (node: Node) => number,
  commits: readonly Commit[],
): Draft[] {
  const count = 1 + Math.max(0, ...nodes.map(position), ...commits.map((commit) => commit.position))
  return Array.from({ length: count }, (_, at) => {
    const own = nodes.filter((node) => position(node) === at)
    const body = own.filter((node) => node.op !== 'sum')
    const written = commits.filter((commit) => commit.position === at)
    const used = [...body.flatMap(({ args }) => args), ...written.map(({ value }) => value)]
    const reads = new Set(used.filter((node) => !isConstant(node) && !body.includes(node)))
    const scope = at % 2 ? 'tensor' : 'global'
    return {
      scope,
      reductions: own.filter((node) => node.op === 'sum'),
      body,
      reads: [...reads],
      commits: written,
    }
  })
}

/** When a state is overwritten. */
type Commit = Write & { readonly stage: number; readonly position: number }

function commitsOf(
  { outputs, passes, phase }: ScalarWork,
  computed: readonly Node[],
  position: (node: Node) => number,
): Commit[] {
  const last = passes.length
  const end = Math.max(0, ...computed.filter((node) => phase(node) === last).map(position))
  const endOf = { tensor: firstFrom(end, 'tensor'), global: 0 }
  endOf.global = firstFrom(
    outputs.some(({ slot }) => slot.scope === 'tensor') ? endOf.tensor : end,
    'global',
  )

  const isLater = (a: Node, b: Node) =>
    phase(a) > phase(b) || (phase(a) === phase(b) && position(a) > position(b))
  const readsOld = ({ args }: { readonly args: readonly Node[] }, { name }: Slot) =>
    args.some((arg) => arg.op === 'load' && arg.name === name)
  const isFree = ({ slot, value }: Write) =>
    computed.includes(value) &&
    value.op !== 'sum' &&
    !computed.some((node) => readsOld(node, slot) && isLater(node, value)) &&
    !passes.some(
      ({ scalars }, pass) => pass >= phase(value) && readsOld({ args: scalars }, slot),
    ) &&
    !outputs.some((other) => readsOld({ args: [other.value] }, slot))
  return outputs.map((output) => {
    const { slot, value } = output
    return isFree(output)
      ? { ...output, stage: phase(value), position: position(value) }
      : { ...output, stage: last, position: endOf[slot.scope] }
  })
}

function reduction(sum: Node, terms: readonly Node[] | undefined, slots: Slots): Reduction {
  const [arg] = sum.args
  const from = isPassSum(sum)
    ? { partial: terms?.indexOf(arg) ?? -1, of: terms?.length ?? 0 }
    : slots.of(arg)
  return { kind: 'reduction', sum, to: slots.of(sum), from }
}
