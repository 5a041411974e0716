/**
 * A graph of ONNX operators as plain data, as far as steps need them: static shapes, attributes
 * that are whole numbers. Not a model and not bytes: those are made of it in packages/onnxruntime.
 * Operators are those of opset 17 (and later, whose versions of them agree).
 */

/** Element types, with their numbers in the schema of ONNX. */
export const onnxTypes = { float32: 1, int64: 7, bool: 9, float16: 10, float64: 11 } as const

/** The name of an element type. */
export type OnnxType = keyof typeof onnxTypes

/** A value that goes in or comes out. */
export interface OnnxValue {
  readonly name: string
  readonly type: OnnxType
  readonly dims: readonly number[]
}

/** A value that is known beforehand; a single number fills it. */
export interface OnnxConstant extends OnnxValue {
  readonly numbers: readonly number[]
}

/** An operator at work: the names of what it takes and gives. */
export interface OnnxNode {
  readonly op: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes?: Readonly<Record<string, number>>
}

/** Operators in an order in which they can be executed. */
export interface OnnxGraph {
  readonly inputs: readonly OnnxValue[]
  readonly outputs: readonly OnnxValue[]
  readonly constants: readonly OnnxConstant[]
  readonly nodes: readonly OnnxNode[]
}

/** A graph in the making. */
export class Sheet {
  readonly constants: OnnxConstant[] = []
  readonly nodes: OnnxNode[] = []
  private readonly prefix: string
  private readonly known = new Map<string, string>()
  private count = 0

  /** All names that it makes begin with `prefix`. */
  constructor(prefix: string) {
    this.prefix = prefix
  }

  /**
   * An operator, whose result is called as given, or else by a number; the same one twice is one
   * node.
   */
  node(
    op: string,
    inputs: readonly string[],
    attributes: OnnxNode['attributes'] = {},
    name?: string,
  ): string {
    const key = JSON.stringify([op, inputs, attributes])
    const found = this.known.get(key)
    if (found !== undefined && name === undefined) return found
    const output = name ?? `${this.prefix}${this.count++}`
    this.nodes.push({
      op,
      inputs,
      outputs: [output],
      ...(Object.keys(attributes).length > 0 && { attributes }),
    })
    this.known.set(key, output)
    return output
  }

  /** A number, or a list of whole ones. */
  constant(type: OnnxType, numbers: number | readonly number[]): string {
    const [dims, list] = typeof numbers === 'number' ? [[], [numbers]] : [[numbers.length], numbers]
    const key = `${type} ${dims} ${list.map((each) => (Object.is(each, -0) ? '-0' : each))}`
    const found = this.known.get(key)
    if (found !== undefined) return found
    const name = `${this.prefix}${type === 'int64' ? `[${list.join(',')}]` : `${list[0]}:${type}`}`
    this.constants.push({ name, type, dims, numbers: list })
    this.known.set(key, name)
    return name
  }
}

/** How to write a graph. */
export interface OnnxOptions {
  /**
   * The precision of single numbers (global and per tensor). In double precision sums are exact to
   * the last digits of a single; some devices do not have it.
   */
  readonly scalars: 'float32' | 'float64'
  /** The tensors that take part, by their numbers in the program. Default: all. */
  readonly active?: readonly number[]
  /** What is wanted of all that the function returns, by name. Default: everything. */
  readonly wanted?: (what: string) => boolean
  /**
   * What an input is called: `what` is `x`, `g`, `loss`, a state or a uniform, `tensor` the name of
   * the parameter unless there is one for all. Default: `what/tensor`, as in checkpoints.
   */
  readonly input?: (what: string, tensor?: string) => string
  /** What an output is called. Default: as an input; of a step `next/` before that. */
  readonly output?: (what: string, tensor?: string) => string
  /** What all other names begin with. Default: `step/`. */
  readonly prefix?: string
}
