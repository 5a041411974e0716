/**
 * A forward model, opened for differentiation: its nodes in a builder, operators that only exist
 * for inference made of simpler ones, and its parameters taken out of the initializers, as inputs.
 * What can't be trained is refused here.
 */
import { type Declared, FreestepError, given, having, suggest } from '@freestep/core'
import { Builder } from '../graph/builder.ts'
import type { Dim } from '../graph/dims.ts'
import type { Known, Value } from '../graph/value.ts'
import {
  decodeModel,
  elementTypeName,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  nodeTitle,
  type TensorProto,
  type ValueInfoProto,
} from '../onnx/index.ts'
import { lowerings } from './lower.ts'
import { rules } from './rules/index.ts'

/** Which initializers are parameters: names, or a predicate over name and shape. */
export type ParameterChoice =
  | readonly string[]
  | ((name: string, shape: readonly number[]) => boolean)

/** How a model is opened. */
export interface OpenOptions {
  /**
   * Which initializers to train. By default all of floating point with at least one dimension, but
   * running statistics.
   */
  readonly parameters?: ParameterChoice | undefined
  /** Which of them to leave as they are. */
  readonly frozen?: ParameterChoice | undefined
  /** Numbers for sizes that the model has names for, as far as gradients need them. */
  readonly dimensions?: Readonly<Record<string, number>> | undefined
}

const isChoice = (value: unknown) => typeof value === 'function' || Array.isArray(value)
const choice = given<ParameterChoice | undefined>(
  'a list of names, or a function of name and shape',
  isChoice,
  undefined,
)

/** What these options may be. */
export const openOptions: Declared<OpenOptions> = {
  parameters: choice,
  frozen: choice,
  dimensions: given<OpenOptions['dimensions']>(
    'sizes by name, such as { batch: 32 }',
    having(),
    undefined,
  ),
}

/** A model whose nodes are in a builder. */
export interface Forward {
  readonly model: ModelProto
  readonly builder: Builder
  /** What is fed, the parameters apart. */
  readonly inputs: readonly Value[]
  readonly outputs: readonly Value[]
  /** The parameters, as initializers of the model and as values. */
  readonly parameters: ReadonlyMap<string, { readonly tensor: TensorProto; readonly value: Value }>
  /** The nodes to differentiate, in order. */
  readonly sites: readonly NodeProto[]
}

const refuse = (message: string) => new FreestepError('onnxruntime', 'bad-model', message)

/**
 * Operators are used as of this version at least: nothing in between changes what a model of opset
 * 13 computes.
 */
const opset = { oldest: 13, least: 17 }

/** The version of ONNX's own operators that a model uses. */
function opsetOf({ opsetImport = [] }: ModelProto): number {
  const version = opsetImport.find(({ domain }) => !domain || domain === 'ai.onnx')?.version
  if (version === undefined)
    throw refuse(
      'The model does not say which version of the ONNX operators it uses (opset_import).',
    )
  if (version < opset.oldest)
    throw refuse(
      `The model uses opset ${version}, and gradients are there for opset ${opset.oldest} and later. Convert it: ` +
        `onnx.version_converter.convert_version(model, ${opset.least}).`,
    )
  return Math.max(version, opset.least)
}

/** The model's statement of an opset that the gradients' operators are in. */
export function importsOf(model: ModelProto): ModelProto['opsetImport'] {
  const others = model.opsetImport?.filter(({ domain }) => domain && domain !== 'ai.onnx') ?? []
  return [{ domain: '', version: opsetOf(model) }, ...others]
}

/** What a graph says of a value, with numbers for the sizes that are given. */
function declared(
  { type }: ValueInfoProto,
  dimensions: Readonly<Record<string, number>> = {},
  fresh?: () => Dim,
): Known {
  const tensor = type?.tensorType
  const shape = tensor?.shape?.dim?.map(({ dimValue, dimParam }): Dim | undefined => {
    if (dimParam) return Object.hasOwn(dimensions, dimParam) ? dimensions[dimParam] : dimParam
    return dimValue ?? fresh?.()
  })
  const known = tensor?.shape ? (shape ?? []) : undefined
  return {
    type: elementTypeName(tensor?.elemType),
    shape: known?.every((size) => size !== undefined) ? (known as Dim[]) : undefined,
  }
}

const isFloat = ({ dataType }: TensorProto) => dataType === 1 || dataType === 11

/** Running statistics of normalizations: changed by training, but not by gradients. */
function statisticsOf(nodes: readonly NodeProto[]): ReadonlySet<string> {
  return new Set(
    nodes.flatMap(({ opType, input }) =>
      opType === 'BatchNormalization' ? (input?.slice(3) ?? []) : [],
    ),
  )
}

function isChosen(choice: ParameterChoice | undefined, nodes: readonly NodeProto[]) {
  const statistics = statisticsOf(nodes)
  if (choice === undefined)
    return ({ name = '', dims = [], ...rest }: TensorProto) =>
      isFloat(rest) && dims.length > 0 && !statistics.has(name)
  if (typeof choice === 'function')
    return ({ name = '', dims = [], ...rest }: TensorProto) =>
      isFloat(rest) && !statistics.has(name) && choice(name, dims)
  return ({ name = '' }: TensorProto) => choice.includes(name)
}

/** Refuses a choice that says something twice, or in two ways. */
function checkOnce({ parameters, frozen }: OpenOptions): void {
  const twice = (names: readonly string[]) => names.find((name, i) => names.indexOf(name) < i)
  for (const [option, choice] of Object.entries({ parameters, frozen })) {
    const name = Array.isArray(choice) ? twice(choice) : undefined
    if (name === undefined) continue
    const message = `\`${option}\` has "${name}" twice. Give each name once.`
    throw new FreestepError('onnxruntime', 'bad-option', message)
  }
  const both =
    Array.isArray(parameters) && Array.isArray(frozen)
      ? twice([...parameters, ...frozen])
      : undefined
  if (both === undefined) return
  const message = `"${both}" is in \`parameters\` and in \`frozen\`. Leave it out of one of them.`
  throw new FreestepError('onnxruntime', 'bad-option', message)
}

/** Refuses a model that has two tensors of one name. */
function checkDistinct(initializers: readonly TensorProto[]): void {
  const names = new Set<string>()
  for (const { name = '' } of initializers) {
    if (names.has(name))
      throw refuse(`The model has two initializers "${name}". It is damaged; export it again.`)
    names.add(name)
  }
}

/** Refuses a name that no initializer has. */
function checkKnown(
  choice: ParameterChoice,
  initializers: readonly TensorProto[],
): ParameterChoice {
  if (typeof choice === 'function') return choice
  const names = new Set(initializers.map(({ name = '' }) => name))
  const unknown = choice.find((name) => !names.has(name))
  if (unknown === undefined) return choice
  const message = `The model has no initializer "${unknown}".${suggest(unknown, [...names])}`
  throw new FreestepError('onnxruntime', 'unknown-parameter', message)
}

/** Refuses to train what is not of floating point. */
function checkTypes(
  choice: ParameterChoice | undefined,
  initializers: readonly TensorProto[],
): void {
  if (typeof choice === 'function' || choice === undefined) return
  checkKnown(choice, initializers)
  for (const tensor of initializers) {
    const { name = '' } = tensor
    if (!choice.includes(name) || isFloat(tensor)) continue
    const type = elementTypeName(tensor.dataType) ?? `number ${tensor.dataType}`
    throw new FreestepError(
      'onnxruntime',
      'bad-dtype',
      `The parameter "${name}" is of type ${type}. Only float32 and float64 can be trained; leave it out.`,
    )
  }
}

/** Every name of a graph, those of graphs inside of nodes included. */
function namesOf(graph: GraphProto): string[] {
  const inner = (graph.node ?? []).flatMap(({ attribute }) =>
    (attribute ?? []).flatMap(({ g, graphs }) => [...(g ? [g] : []), ...(graphs ?? [])]),
  )
  return [
    ...[...(graph.input ?? []), ...(graph.output ?? []), ...(graph.initializer ?? [])].map(
      ({ name = '' }) => name,
    ),
    ...(graph.node ?? []).flatMap(({ input, output }) => [...(input ?? []), ...(output ?? [])]),
    ...inner.flatMap(namesOf),
  ]
}

/** A parameter: an input whose numbers change. */
const trained = (builder: Builder, { name = '', dims = [], dataType }: TensorProto): Value =>
  builder.declare(name, { type: elementTypeName(dataType), shape: dims })

/** Adds a node, or what it is made of, and gives the nodes to differentiate. */
function addNode(builder: Builder, node: NodeProto): readonly NodeProto[] {
  const missing = node.input?.find((name) => name !== '' && !builder.find(name))
  if (missing !== undefined)
    throw refuse(
      `${nodeTitle(node)} takes "${missing}", which no node before it gives. The model is damaged, or its nodes are not in order.`,
    )
  const lowering =
    node.domain || !Object.hasOwn(lowerings, node.opType ?? '')
      ? undefined
      : lowerings[node.opType ?? '']
  const values = (node.input ?? []).map((name) => (name === '' ? undefined : builder.find(name)))
  const before = builder.nodes.length
  const outputs = lowering?.(node, values as Value[])
  if (!outputs) {
    builder.add(node)
    return [node]
  }
  // Names of the model stay: what a node gave is given by an Identity, which the runtime removes.
  for (const [i, name] of (node.output ?? []).entries())
    if (name) builder.add({ opType: 'Identity', input: [outputs[i].name], output: [name] })
  return Object.hasOwn(rules, node.opType ?? '') ? [node] : builder.nodes.slice(before)
}

/** Opens a model, given as the bytes of a file or read from them. */
export function openModel(
  source: ModelProto | Uint8Array,
  { parameters, frozen = [], dimensions = {} }: OpenOptions = {},
): Forward {
  const model = source instanceof Uint8Array ? decodeModel(source) : source
  const graph = model.graph ?? {}
  const nodes = graph.node ?? []
  const builder = new Builder(opsetOf(model), namesOf(graph))
  const initializers = graph.initializer ?? []
  checkDistinct(initializers)
  checkOnce({ parameters, frozen })
  checkTypes(parameters, initializers)
  const isTrained = isChosen(parameters, nodes)
  const isFrozen = isChosen(checkKnown(frozen, initializers), nodes)
  const chosen = (tensor: TensorProto) => isTrained(tensor) && !isFrozen(tensor)

  const fresh = () => builder.fresh('?')
  for (const info of [...(graph.valueInfo ?? []), ...(graph.output ?? [])])
    builder.hint(info.name ?? '', declared(info, dimensions, fresh))
  const found = new Map<string, { tensor: TensorProto; value: Value }>()
  for (const tensor of initializers)
    if (chosen(tensor)) found.set(tensor.name ?? '', { tensor, value: trained(builder, tensor) })
    else builder.initializer(tensor)
  const fed = (graph.input ?? []).filter(({ name = '' }) => !builder.find(name))
  const inputs = fed.map((info) =>
    builder.declare(info.name ?? '', declared(info, dimensions, fresh)),
  )

  const sites = nodes.flatMap((node) => addNode(builder, node))
  const outputs = (graph.output ?? []).map(({ name = '' }) => {
    const value = builder.find(name)
    if (!value) throw refuse(`No node gives the output "${name}". The model is damaged.`)
    return value
  })
  return { model, builder, inputs, outputs, parameters: found, sites }
}
