/**
 * The two forms of a model: for inference, as it is exported, and for training, in which
 * normalizations use the numbers of the batch. Not the gradient: both are forward models.
 */
import {
  type AttributeProto,
  attribute,
  type GraphProto,
  intOf,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from '../onnx/index.ts'

const nodesOf = (model: ModelProto, change: (node: NodeProto) => NodeProto): ModelProto => ({
  ...model,
  graph: { ...model.graph, node: model.graph?.node?.map(change) },
})

const withAttribute = (
  { attribute: given = [], ...node }: NodeProto,
  changed: AttributeProto,
): NodeProto => ({
  ...node,
  attribute: [...given.filter(({ name }) => name !== changed.name), changed],
})

/**
 * Without what some exporters leave from training: dropout that drops, and statistics of the batch.
 */
export function inferenceForm(model: ModelProto): ModelProto {
  return nodesOf(model, (node) => {
    if (node.opType === 'Dropout') return { ...node, input: node.input?.slice(0, 2) }
    if (node.opType !== 'BatchNormalization' || !intOf(node, 'training_mode')) return node
    return {
      ...withAttribute(node, attribute('training_mode', 0)),
      output: node.output?.slice(0, 1),
    }
  })
}

/**
 * The running statistics of a normalization, and the outputs that have their successors in the
 * training form.
 */
export interface Statistic {
  readonly name: string
  readonly successor: string
}

/**
 * With every BatchNormalization whose scale or bias is trained using the statistics of the batch.
 * One that is frozen goes on with its running statistics, as in inference.
 */
export function trainingForm(model: ModelProto, isTrained: (name: string) => boolean) {
  const constants = new Set(model.graph?.initializer?.map(({ name }) => name))
  const statistics: Statistic[] = []
  const form = nodesOf(model, (node) => {
    const [, scale = '', bias = '', mean = '', variance = ''] = node.input ?? []
    if (node.opType !== 'BatchNormalization' || !(isTrained(scale) || isTrained(bias))) return node
    const successors = [mean, variance].map((name) => ({
      name,
      successor: `next/${name}/${statistics.length}`,
    }))
    // Of two nodes that share their statistics the first one's count.
    statistics.push(
      ...successors.filter(
        ({ name }) => constants.has(name) && !statistics.some((other) => other.name === name),
      ),
    )
    const output = [node.output?.[0] ?? '', ...successors.map(({ successor }) => successor)]
    return { ...withAttribute(node, attribute('training_mode', 1)), output }
  })
  return { form, statistics }
}

/** With other numbers in some initializers. */
export function withWeights(
  model: ModelProto,
  weights: ReadonlyMap<string, Uint8Array>,
): ModelProto {
  const changed = (tensor: TensorProto): TensorProto => {
    const rawData = weights.get(tensor.name ?? '')
    if (!rawData) return tensor
    const { name, dims, dataType, docString, metadataProps } = tensor
    return {
      name,
      dims,
      dataType,
      rawData,
      ...(docString !== undefined && { docString }),
      ...(metadataProps && { metadataProps }),
    }
  }
  const graph: GraphProto = { ...model.graph, initializer: model.graph?.initializer?.map(changed) }
  return { ...model, graph }
}
