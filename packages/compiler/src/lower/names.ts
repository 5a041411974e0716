/**
 * Identifiers for printed kernels: values keep the names of the algorithm wherever the language
 * allows it.
 */
import type { Node } from '../trace/graph.ts'

/** Gives a name its identifier. */
export type Namer = (name: string) => string

/**
 * Gives every name of a program an identifier of its own that is none of the reserved ones, nor of
 * the form t<id>.
 */
export function namer(reserved: Iterable<string>): Namer {
  const taken = new Set(reserved)
  const given = new Map<string, string>()
  return (name) => {
    const known = given.get(name)
    if (known !== undefined) return known
    let identifier = name.replace(/\W/g, '_').replace(/^(?=\d|$)/, '_')
    while (taken.has(identifier) || /^t\d+$/.test(identifier)) identifier += '_'
    taken.add(identifier)
    given.set(name, identifier)
    return identifier
  }
}

/** The name of a value: that of what is loaded, else t<id>. */
export const valueName = (node: Node, name: Namer): string =>
  node.op === 'load' ? name(node.name) : `t${node.id}`
