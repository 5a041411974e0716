/**
 * Cuts a trace into passes over memory: which pass adds up and which stores what. Two rules keep a
 * later pass right:
 *
 * 1. What an earlier pass stored is loaded, never recomputed: its inputs may be overwritten by now.
 * 2. A store waits for the last pass that still reads the old value.
 *
 * Within the rules, sums and stores are moved to where the fewest bytes are moved. Not the
 * arithmetic on single numbers: see scalars.ts.
 */
import { changes, type Graph, isConstant, isVector, type Node, reachable } from '../trace/graph.ts'

/** What one loop of a pass has to do. */
export interface Work {
  readonly scope: 'element' | 'slice'
  /** The nodes that are read from memory, and from which array. */
  readonly loads: ReadonlyMap<Node, string>
  readonly scalars: readonly Node[]
  readonly body: readonly Node[]
  readonly stores: readonly { readonly array: string; readonly value: Node }[]
  /** The vectors to add up. */
  readonly terms: readonly Node[]
}

/** A trace cut into passes. */
export interface Cut {
  /** For each pass its loops, the slice loop first. */
  readonly passes: readonly (readonly Work[])[]
  /** After how many passes a node can be computed. */
  readonly phase: (node: Node) => number
}

/** The scope of every array that a program may store. */
export type Arrays = Readonly<Record<string, 'element' | 'slice'>>

/** A rule left out, so that tests can show that they notice. */
export type Broken = 'read-back' | 'delay'

/** A sum over a vector, which ends a pass; a sum over tensors does not. */
export const isPassSum = (node: Node): boolean => node.op === 'sum' && isVector(node.args[0])

/** What is placed in a pass: the store of an array by name, the adding up of a vector. */
type Item = string | Node
type Stores = readonly (readonly [string, Node])[]
/** The pass before which something does not happen, where it could. */
type Delays = ReadonlyMap<Item, number>

/** Cuts a graph into as few passes as its sums allow. */
export function cut(graph: Graph, arrays: Arrays, broken?: Broken): Cut {
  const stores = changes(graph).filter(([name]) => Object.hasOwn(arrays, name))
  const terms = [
    ...new Set([...reachable(graph.outputs.values())].filter(isPassSum).map(({ args }) => args[0])),
  ]

  const place = (delays: Delays, broken?: Broken): Placed => {
    const phase = phases(delays)
    const earliest = (item: Item, value: Node) => Math.max(phase(value), delays.get(item) ?? 0)
    const at = new Map<Item, number>(stores.map(([name, value]) => [name, earliest(name, value)]))
    for (const term of terms) at.set(term, earliest(term, term))
    const count = 1 + Math.max(-1, ...at.values())
    const passes = (readBack: boolean) =>
      Array.from({ length: count }, (_, pass) =>
        workOf(pass, { stores, terms, at, arrays, readBack }),
      )
    while (broken !== 'delay' && delay(passes(true), at)) {}
    const placed = passes(broken !== 'read-back')
    return {
      passes: placed,
      phase,
      at,
      cost: placed.flat().reduce((total, work) => total + cost(work), 0),
    }
  }
  return place(cheapest(place, [...stores.map(([name]) => name), ...terms]), broken)
}

/**
 * Rule 2: moves every store that comes before a pass which reads the old value there; whether there
 * was one.
 */
function delay(passes: readonly (readonly Work[])[], at: Map<Item, number>): boolean {
  let moved = false
  for (const [pass, works] of passes.entries())
    for (const [node, array] of works.flatMap(({ loads }) => [...loads])) {
      const old = node.op === 'load' && node.name === array
      if (!old || (at.get(array) ?? pass) >= pass) continue
      at.set(array, pass)
      moved = true
    }
  return moved
}

interface Placed extends Cut {
  readonly at: ReadonlyMap<Item, number>
  readonly cost: number
}

/** Values moved per coordinate; a kept coordinate of a slice counts for a tenth. */
const cost = ({ scope, loads, stores }: Work) =>
  (loads.size + stores.length) * (scope === 'slice' ? 0.1 : 1)

/**
 * Moves one thing after the other to a later pass of those there are, as long as that costs no
 * more.
 */
function cheapest(place: (delays: Delays) => Placed, items: readonly Item[]): Delays {
  let delays: Delays = new Map()
  let best = place(delays)
  const last = best.passes.length - 1
  for (let better = last > 0; better; ) {
    const before = best.cost
    for (const item of items)
      for (let pass = (best.at.get(item) ?? 0) + 1; pass <= last; pass++) {
        const tried = new Map([...delays, [item, pass] as const])
        const placed = place(tried)
        if (placed.passes.length - 1 > last || placed.cost > best.cost) continue
        best = placed
        delays = tried
      }
    better = best.cost < before
  }
  return delays
}

/** The phase of every node: how many sums it waits for, one after the other. */
function phases(delays: Delays): (node: Node) => number {
  const known = new Map<Node, number>()
  const phase = (node: Node): number => {
    const found = known.get(node)
    if (found !== undefined) return found
    const ready = Math.max(0, ...node.args.map(phase))
    const result = isPassSum(node) ? 1 + Math.max(ready, delays.get(node.args[0]) ?? 0) : ready
    known.set(node, result)
    return result
  }
  return phase
}

interface Placing {
  readonly stores: Stores
  readonly terms: readonly Node[]
  readonly at: ReadonlyMap<Item, number>
  readonly arrays: Arrays
  /** Whether rule 1 holds. */
  readonly readBack: boolean
}

/** What the loops of a pass do, given where everything is placed. */
function workOf(pass: number, { stores, terms, at, arrays, readBack }: Placing): Work[] {
  const before = stores.filter(
    ([name, value]) => readBack && (at.get(name) ?? 0) < pass && !isConstant(value),
  )
  const stored = new Map(before.map(([name, value]) => [value, name]))
  const loop = (scope: 'element' | 'slice'): Work => {
    const own = stores.filter(([name]) => at.get(name) === pass && arrays[name] === scope)
    const added = terms.filter((term) => at.get(term) === pass && term.scope === scope)
    const roots = [...own.map(([, value]) => value), ...added]
    return {
      scope,
      ...collect(roots, stored),
      stores: own.map(([array, value]) => ({ array, value })),
      terms: added,
    }
  }
  return [loop('slice'), loop('element')].filter(
    (each) => each.stores.length > 0 || each.terms.length > 0,
  )
}

/**
 * Everything between memory and the given nodes: what is loaded, what is computed, which single
 * numbers come in.
 */
function collect(
  roots: readonly Node[],
  stored: ReadonlyMap<Node, string>,
): Pick<Work, 'loads' | 'scalars' | 'body'> {
  const loads = new Map<Node, string>()
  const scalars = new Set<Node>()
  const body = new Set<Node>()
  const visit = (node: Node) => {
    if (loads.has(node) || body.has(node) || isConstant(node)) return
    const array = stored.get(node) ?? (node.op === 'load' ? node.name : undefined)
    if (!isVector(node)) scalars.add(node)
    else if (array !== undefined) loads.set(node, array)
    else {
      node.args.forEach(visit)
      body.add(node)
    }
  }
  roots.forEach(visit)
  const inOrder = (nodes: Iterable<Node>) => [...nodes].sort((a, b) => a.id - b.id)
  return {
    loads: new Map(inOrder(loads.keys()).map((node) => [node, loads.get(node) as string])),
    scalars: inOrder(scalars),
    body: inOrder(body),
  }
}
