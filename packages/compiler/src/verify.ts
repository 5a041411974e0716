/**
 * Checks compiled kernels by walking them in order of execution: everything read is there, and nothing is read after it was overwritten.
 * Not a check of the arithmetic: it finds mistakes of this compiler, never of an algorithm.
 */
import { isConstant, type Node } from './graph.ts'
import type { Kernels, Section, Slot } from './kernels.ts'

/** Throws an Error that names the first violation. `outputs` are the names that have to be stored, each once. */
export function verify({ stages, arrays }: Kernels, outputs: readonly string[]): void {
  /** What each place holds since it was written: arrays by name, slots by themselves. */
  const written = new Map<string | Slot, Node>()
  const held = (node: Node, place: string | Slot) => {
    const name = typeof place === 'string' ? place : place.name
    const original = node.op === 'load' && node.name === name
    const now = written.get(place)
    if (now !== node && (now || !original))
      fail(original ? `${name} is read after it was overwritten` : `${name} does not hold t${node.id}`)
  }
  const write = (place: string | Slot, value: Node) => {
    if (written.has(place)) fail(`${typeof place === 'string' ? place : place.name} is written twice`)
    written.set(place, value)
  }

  for (const stage of stages)
    for (const part of stage.kind === 'pass' ? stage.loops : stage.parts) {
      if ('to' in part) {
        write(part.to, part.sum)
        continue
      }
      const reads =
        'loads' in part
          ? [...part.loads.map(({ node, array }) => [node, array] as const), ...slotsOf(part.scalars)]
          : slotsOf(part.reads)
      for (const [node, place] of reads) held(node, place)
      const takes = inOrder(
        reads.map(([node]) => node),
        part.body,
      )
      if ('loads' in part) for (const { value } of part.sums) takes(value)
      const writes =
        'loads' in part
          ? part.stores.map(({ array, value }) => [array, value] as const)
          : part.writes.map(({ slot, value }) => [slot, value] as const)
      for (const [place, value] of writes) {
        takes(value)
        if ('loads' in part && arrays[place as string] !== part.scope) fail(`${place} is stored in a loop over ${part.scope}s`)
        write(place, value)
      }
    }
  const names = new Set([...written.keys()].map((place) => (typeof place === 'string' ? place : place.name)))
  for (const name of outputs) if (!names.has(name)) fail(`${name} is never written`)
}

const slotsOf = (reads: Section['reads']) => reads.map(({ node, slot }) => [node, slot] as const)

/** Checks that every operand is there before it is used; gives the same check for what uses the results. */
function inOrder(given: readonly Node[], body: readonly Node[]): (value: Node) => void {
  const there = new Set(given)
  const takes = (value: Node) => {
    if (!isConstant(value) && !there.has(value)) fail(`t${value.id} is used before it is computed`)
  }
  for (const node of body) {
    node.args.forEach(takes)
    there.add(node)
  }
  return takes
}

function fail(message: string): never {
  throw new Error(`freestep compiler: ${message}. This is a bug; please report it with the algorithm.`)
}
