/**
 * From a builder back to a model: with the nodes and constants that the outputs need, and no
 * others.
 */
import type { Builder } from '../graph/builder.ts'
import type { Value } from '../graph/value.ts'
import {
  elementTypes,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type ValueInfoProto,
} from '../onnx/index.ts'

/** The type of a value as a model states it; sizes that nothing is known of stay without a name. */
function statement({ name, type, shape }: Value): ValueInfoProto {
  const dim = shape?.map((size) => {
    if (typeof size === 'number') return { dimValue: size }
    return size.startsWith('?') || size.includes('*') ? {} : { dimParam: size }
  })
  return {
    name,
    type: { tensorType: { elemType: type && elementTypes[type], ...(dim && { shape: { dim } }) } },
  }
}

/** The values that graphs inside of a node take from outside. */
function captured({ attribute }: NodeProto): string[] {
  const graphs = (attribute ?? []).flatMap(({ g, graphs: more }) => [
    ...(g ? [g] : []),
    ...(more ?? []),
  ])
  return graphs.flatMap((graph: GraphProto) => [
    ...(graph.node ?? []).flatMap((node) => [...(node.input ?? []), ...captured(node)]),
    ...(graph.output ?? []).map(({ name = '' }) => name),
  ])
}

/**
 * What some values are computed from: the nodes, in order, and the names of all that these take.
 */
export function neededBy(
  builder: Builder,
  names: Iterable<string>,
): { readonly node: readonly NodeProto[]; readonly needed: Set<string> } {
  const needed = new Set(names)
  const node = [...builder.nodes]
    .reverse()
    .filter((each) => {
      if (!each.output?.some((output) => needed.has(output))) return false
      for (const input of [...(each.input ?? []), ...captured(each)]) needed.add(input)
      return true
    })
    .reverse()
  return { node, needed }
}

/** The graph of what the outputs need. All inputs stay, needed or not. */
export function close(
  builder: Builder,
  name: string,
  inputs: readonly Value[],
  outputs: readonly Value[],
): GraphProto {
  const { node, needed } = neededBy(
    builder,
    outputs.map((value) => value.name),
  )
  const initializer = builder.initializers.filter((tensor) => needed.has(tensor.name ?? ''))
  return { name, node, initializer, input: inputs.map(statement), output: outputs.map(statement) }
}

/** A model of another graph, in the words of the one it came from. */
export function modelOf(
  source: ModelProto,
  opsetImport: ModelProto['opsetImport'],
  graph: GraphProto,
): ModelProto {
  const { irVersion = 8, functions } = source
  return {
    irVersion: Math.max(irVersion, 8),
    producerName: 'freestep',
    opsetImport,
    graph,
    ...(functions && { functions }),
  }
}
