/**
 * A graph under construction: nodes are added in order, each output's type and shape is inferred at
 * once, and the same operation on the same values is one node. Not an optimizer: ONNX Runtime fuses
 * and folds by itself.
 */
import {
  type AttributeValue,
  constantOf,
  dataOf,
  elementTypeName,
  type NodeProto,
  type NumberType,
  node,
  type TensorProto,
  tensorProto,
} from '../onnx/index.ts'
import type { Dim } from './dims.ts'
import { infer } from './infer/index.ts'
import type { Graph, Known, Value } from './value.ts'

/** Integer tensors with no more numbers than this are looked into: enough for every shape. */
const small = 64

/** A copy without the entries that are undefined. */
const defined = <T extends object>(given: T | undefined): Partial<T> =>
  Object.fromEntries(
    Object.entries(given ?? {}).filter(([, value]) => value !== undefined),
  ) as Partial<T>

/** The numbers of a small integer tensor of one dimension or none. */
function elementsOf(tensor: TensorProto): readonly Dim[] | undefined {
  const type = elementTypeName(tensor.dataType)
  const dims = tensor.dims ?? []
  if (
    (type !== 'int64' && type !== 'int32' && type !== 'bool') ||
    dims.length > 1 ||
    (dims[0] ?? 1) > small
  )
    return undefined
  return Array.from(dataOf(tensor) as ArrayLike<number | bigint>, Number)
}

/** A graph under construction. */
export class Builder implements Graph {
  /** The version of the operators of ONNX itself. */
  readonly opset: number
  readonly nodes: NodeProto[] = []
  readonly initializers: TensorProto[] = []
  readonly #values = new Map<string, Value>()
  readonly #made = new Map<string, readonly Value[]>()
  readonly #hints = new Map<string, Known>()
  readonly #taken: Set<string>
  #count = 0

  /** @param taken - names that are used elsewhere in the model */
  constructor(opset: number, taken: Iterable<string> = []) {
    this.opset = opset
    this.#taken = new Set(taken)
  }

  /** A name that nothing has yet. */
  fresh(stem: string): string {
    for (;;) {
      const name = `${stem}_${++this.#count}`
      if (this.#taken.has(name) || this.#values.has(name)) continue
      this.#taken.add(name)
      return name
    }
  }

  /** Says what is known of a value that a node makes later, for where it can't be inferred. */
  hint(name: string, known: Known): void {
    this.#hints.set(name, known)
  }

  /** A value by its name. */
  find(name: string): Value | undefined {
    return this.#values.get(name)
  }

  /** Declares a value that no node makes: an input. */
  declare(name: string, known: Known): Value {
    const value = { ...known, name, in: this }
    this.#values.set(name, value)
    return value
  }

  /** Adds an initializer. */
  initializer(tensor: TensorProto): Value {
    this.initializers.push(tensor)
    return this.#constant(tensor)
  }

  /** A constant of the given numbers; the same one for the same numbers. */
  constant(type: NumberType, dims: readonly number[], numbers: readonly number[]): Value {
    const key = `${type}[${dims}](${numbers.map((number) => (Object.is(number, -0) ? '-0' : number))})`
    const [made] = this.#made.get(key) ?? []
    if (made) return made
    const value = this.initializer(tensorProto(this.fresh('constant'), type, dims, numbers))
    this.#made.set(key, [value])
    return value
  }

  /** Adds a node as it is. */
  add(added: NodeProto): readonly Value[] {
    const inputs = (added.input ?? []).map((name) => (name === '' ? undefined : this.#get(name)))
    const known = infer(added, inputs, this)
    this.nodes.push(added)
    const held = added.opType === 'Constant' ? constantOf(added) : undefined
    if (held) return [this.#constant(held)]
    const outputs = (added.output ?? []).map((name, i) =>
      this.declare(name, { ...this.#hints.get(name), ...defined(known[i]) }),
    )
    this.#made.set(keyOf(added), outputs)
    return outputs
  }

  /** Adds a node for an operation, or finds the one that is there, and gives all its outputs. */
  ops(
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes: Readonly<Record<string, AttributeValue | undefined>> = {},
    outputs = 1,
  ): readonly Value[] {
    const names = inputs.map((value) => value?.name ?? '')
    const made = this.#made.get(
      keyOf(node(opType, names, Array<string>(outputs).fill(''), attributes)),
    )
    if (made) return made
    const fresh = Array.from({ length: outputs }, () => this.fresh(opType))
    return this.add(node(opType, names, fresh, attributes))
  }

  /** An output of a node by its place, asked for if the node does not give it yet. */
  output(of: NodeProto, place: number): Value {
    const at = this.nodes.findIndex(({ output }) => output?.[0] === of.output?.[0])
    const given = this.nodes[at]
    const name = given.output?.[place]
    if (name) return this.#get(name)
    const names = Array.from(
      { length: Math.max(place + 1, given.output?.length ?? 0) },
      (_, i) => given.output?.[i] ?? '',
    )
    names[place] = this.fresh(given.opType ?? '')
    const extended = { ...given, output: names }
    this.nodes[at] = extended
    const inputs = (given.input ?? []).map((each) => (each === '' ? undefined : this.#get(each)))
    return this.declare(names[place], infer(extended, inputs, this)[place] ?? {})
  }

  /** What is known of the value that a node takes. */
  #get(name: string): Value {
    return this.#values.get(name) ?? this.declare(name, {})
  }

  #constant(tensor: TensorProto): Value {
    const { name = '', dataType, dims = [] } = tensor
    const value = {
      name,
      in: this,
      constant: tensor,
      type: elementTypeName(dataType),
      shape: dims,
      elements: elementsOf(tensor),
    }
    this.#values.set(name, value)
    return value
  }
}

/**
 * What two nodes have in common that compute the same. Nodes with tensors or graphs in them are
 * taken as different.
 */
function keyOf({ opType, domain, input, output, attribute, name }: NodeProto): string {
  const own = attribute?.some(({ t, g, graphs, tensors }) => t ?? g ?? graphs ?? tensors)
  const random =
    opType?.startsWith('Random') ||
    opType === 'Bernoulli' ||
    opType === 'Multinomial' ||
    opType === 'Dropout'
  const plain = (attribute ?? []).map(({ name, i, f, s, ints, floats, strings }) => [
    name,
    i,
    f,
    s && [...s],
    ints,
    floats,
    strings,
  ])
  const text = JSON.stringify([opType, domain ?? '', input, output?.length, plain], (_, v) =>
    typeof v === 'bigint' ? `${v}` : v,
  )
  return own || random ? `${text} ${name} ${output}` : text
}
