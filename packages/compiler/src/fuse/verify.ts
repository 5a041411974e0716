/**
 * Checks compiled kernels by walking them in order of execution: everything read is there, and
 * nothing is read after it was overwritten. Not a check of the arithmetic: it finds mistakes of
 * this compiler, never of an algorithm.
 */
import { isConstant, type Node } from '../trace/graph.ts'
import type { Kernels, Loop, Read, Section, Slot } from './kernels.ts'

/**
 * Throws an Error that names the first violation. `outputs` are the names that have to be stored,
 * each once.
 */
export function verify({ stages, arrays }: Kernels, outputs: readonly string[]): void {
  const places = new Places()
  for (const stage of stages)
    for (const part of stage.kind === 'pass' ? stage.loops : stage.parts) {
      if ('to' in part) places.write(part.to, part.sum)
      else checkPart(part, places, arrays)
    }
  for (const name of outputs) if (!places.has(name)) fail(`${name} is never written`)
}

/** Checks that what a part reads is there, and notes what it writes. */
function checkPart(part: Loop | Section, places: Places, arrays: Kernels['arrays']): void {
  const { reads, sums, writes } = placesOf(part)
  for (const [node, place] of reads) places.read(place, node)
  const takes = inOrder(
    reads.map(([node]) => node),
    part.body,
  )
  for (const value of [...sums, ...writes.map(([value]) => value)]) takes(value)
  for (const [value, place] of writes) {
    if (typeof place === 'string' && arrays[place] !== part.scope)
      fail(`${place} is stored in a loop over ${part.scope}s`)
    places.write(place, value)
  }
}

/** What each place holds since it was written: arrays by name, slots by themselves. */
class Places {
  private readonly written = new Map<Place, Node>()

  read(place: Place, node: Node): void {
    const name = nameOf(place)
    const original = node.op === 'load' && node.name === name
    const now = this.written.get(place)
    if (now === node || (!now && original)) return
    fail(
      original ? `${name} is read after it was overwritten` : `${name} does not hold t${node.id}`,
    )
  }

  write(place: Place, value: Node): void {
    if (this.written.has(place)) fail(`${nameOf(place)} is written twice`)
    this.written.set(place, value)
  }

  has(name: string): boolean {
    return [...this.written.keys()].some((place) => nameOf(place) === name)
  }
}

/** An array, by its name, or a slot. */
type Place = string | Slot
const nameOf = (place: Place) => (typeof place === 'string' ? place : place.name)

/** What a loop or section reads from where, adds up, and writes to where. */
function placesOf(part: Loop | Section) {
  const at = ({ node, slot }: Read): [Node, Place] => [node, slot]
  if ('reads' in part)
    return {
      reads: part.reads.map(at),
      sums: [],
      writes: part.writes.map(({ value, slot }): [Node, Place] => [value, slot]),
    }
  return {
    reads: [
      ...part.loads.map(({ node, array }): [Node, Place] => [node, array]),
      ...part.scalars.map(at),
    ],
    sums: part.sums.map(({ value }) => value),
    writes: part.stores.map(({ value, array }): [Node, Place] => [value, array]),
  }
}

/**
 * Checks that every operand is there before it is used; gives the same check for what uses the
 * results.
 */
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
  throw new Error(
    `freestep compiler: ${message}. This is a bug; please report it with the algorithm.`,
  )
}
