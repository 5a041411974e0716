/** From a builder back to a model: with the nodes and constants that the outputs need, and no others. */
import type { Builder } from '../graph/builder.ts'
import type { Value } from '../graph/value.ts'
import { elementTypes, type GraphProto, type ModelProto, type NodeProto, type ValueInfoProto } from '../onnx/index.ts'

/** The type of a value as a model states it; sizes that nothing is known of stay without a name. */
export function statement({ name, type, shape }: Value): ValueInfoProto {
  const dim = shape?.map((size) =>
    typeof size === 'number' ? { dimValue: size } : size.startsWith('?') || size.includes('*') ? {} : { dimParam: size },
  )
  return { name, type: { tensorType: { elemType: type && elementTypes[type], ...(dim && { shape: { dim } }) } } }
}

/** The values that graphs inside of a node take from outside. */
function captured({ attribute }: NodeProto): string[] {
  const graphs = (attribute ?? []).flatMap(({ g, graphs: more }) => [...(g ? [g] : []), ...(more ?? [])])
  return graphs.flatMap((graph: GraphProto) => [
    ...(graph.node ?? []).flatMap((node) => [...(node.input ?? []), ...captured(node)]),
    ...(graph.output ?? []).map(({ name = '' }) => name),
  ])
}

/** The graph of what the outputs need. All inputs stay, needed or not. */
export function close(builder: Builder, name: string, inputs: readonly Value[], outputs: readonly Value[]): GraphProto {
  const needed = new Set(outputs.map((value) => value.name))
  const node = [...builder.nodes]
    .reverse()
    .filter((each) => {
      if (!each.output?.some((output) => needed.has(output))) return false
      for (const input of [...(each.input ?? []), ...captured(each)]) needed.add(input)
      return true
    })
    .reverse()
  const initializer = builder.initializers.filter((tensor) => needed.has(tensor.name ?? ''))
  return { name, node, initializer, input: inputs.map(statement), output: outputs.map(statement) }
}

/** A model of another graph, in the words of the one it came from. */
export function modelOf(source: ModelProto, opsetImport: ModelProto['opsetImport'], graph: GraphProto): ModelProto {
  const { irVersion = 8, functions } = source
  return { irVersion: Math.max(irVersion, 8), producerName: 'freestep', opsetImport, graph, ...(functions && { functions }) }
}
