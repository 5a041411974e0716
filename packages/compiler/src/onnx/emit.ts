/**
 * A program as a graph of ONNX operators: one per operation and tensor, in the tensors' own shapes,
 * with scalars of no dimension. What the runtime makes of it (memory, threads, a GPU) is its own
 * affair. Not cut into passes: ONNX has no operator that could take one whole.
 */
import type { Elementwise, Program, Scope } from '@freestep/core'
import { changes, isConstant, isVector, type Node } from '../trace/graph.ts'
import { inputScopes, type Part, traceProgram } from '../trace/program.ts'
import {
  type OnnxGraph,
  type OnnxOptions,
  type OnnxType,
  type OnnxValue,
  onnxTypes,
  Sheet,
} from './graph.ts'
import { finite, total } from './sums.ts'

/** The name of an array in checkpoints. */
const inCheckpoints = (what: string, tensor?: string) =>
  tensor === undefined ? what : `${what}/${tensor}`

/**
 * Writes one function of a program as a graph.
 *
 * - `step` goes from `x`, `g`, states, uniforms (and `loss`) to the next `x` and the next of every
 *   state that changes.
 * - `init` goes from `x` to every state.
 * - `evaluate` goes from `x` and states to `evaluated`.
 *
 * Inputs are only what is used. Parameters and gradients have the tensors' own precision, float16
 * included; states are float32 or, for parameters of float64, float64; scalars are as the options
 * say.
 */
export function emitOnnx(program: Program, part: Part, options: OnnxOptions): OnnxGraph {
  return new Emitter(program, part, options).graph
}

/** The operations that are one operator. */
const operators: Readonly<Record<Exclude<Elementwise, 'where'>, string>> = {
  add: 'Add',
  sub: 'Sub',
  mul: 'Mul',
  div: 'Div',
  max: 'Max',
  min: 'Min',
  neg: 'Neg',
  abs: 'Abs',
  sqrt: 'Sqrt',
  pow: 'Pow',
  sign: 'Sign',
}

/**
 * Values that can be called as the outputs they are: what is computed, each by the first of its
 * names.
 */
function directOf(returned: readonly (readonly [string, Node])[]): Map<Node, string> {
  const direct = new Map<Node, string>()
  for (const [what, node] of returned)
    if (!isConstant(node) && node.op !== 'load' && !direct.has(node)) direct.set(node, what)
  return direct
}

class Emitter {
  readonly graph: OnnxGraph
  private readonly program: Program
  private readonly options: OnnxOptions
  private readonly sheet: Sheet
  private readonly active: readonly number[]
  private readonly successor: (what: string, tensor?: string) => string
  private readonly inputs: OnnxValue[] = []
  /** What each value is called: for every tensor that has it, or once. */
  private readonly names = new Map<Node, string[]>()
  /** Values that can be called as the outputs they are, without a copy. */
  private readonly direct: ReadonlyMap<Node, string>

  constructor(program: Program, part: Part, options: OnnxOptions) {
    this.program = program
    this.options = options
    this.sheet = new Sheet(options.prefix ?? 'step/')
    this.active = options.active ?? [...program.tensors.keys()]
    this.successor =
      part === 'step' ? (what, tensor) => `next/${inCheckpoints(what, tensor)}` : inCheckpoints
    const traced = traceProgram(program, part, this.active.length === program.tensors.length)
    const { wanted = () => true } = options
    const returned = (part === 'step' ? changes(traced) : [...traced.outputs]).filter(([what]) =>
      wanted(what),
    )
    this.direct = directOf(returned)
    const scopes: Record<string, Scope> = { ...inputScopes(program), evaluated: 'element' }
    const outputs = returned.flatMap(([what, value]) =>
      this.over({ scope: scopes[what] }, (i) =>
        this.waits(what, value, i) ? [] : this.output(what, scopes[what], value, i),
      ).flat(),
    )
    const { nodes, constants } = this.sheet
    this.graph = { inputs: this.inputs, outputs, nodes, constants }
  }

  /**
   * Calls f for every tensor that has a value of the scope, or once: of vectors, only those that
   * take part.
   */
  private over<T>({ scope }: { readonly scope: Scope }, f: (i: number) => T): T[] {
    if (scope === 'global') return [f(0)]
    return (scope === 'tensor' ? [...this.program.tensors.keys()] : this.active).map(f)
  }

  /** What a value is called, which is written down when it is first asked for. */
  private nameOf(node: Node, i: number): string {
    const own = node.scope === 'global' ? 0 : i
    const names = this.names.get(node) ?? []
    this.names.set(node, names)
    names[own] ??= this.compute(node, own, this.direct.get(node))
    return names[own]
  }

  /** Whether a tensor that sits the step out keeps its number as it is. */
  private waits(what: string, { op, args }: Node, i: number): boolean {
    const [condition, , old] = args
    return (
      op === 'where' &&
      this.isPresence(condition) &&
      !this.active.includes(i) &&
      old.op === 'load' &&
      old.name === what
    )
  }

  private called(kind: 'input' | 'output', what: string, scope: Scope, i: number): string {
    const { input = inCheckpoints, output = this.successor } = this.options
    return (kind === 'input' ? input : output)(
      what,
      scope === 'global' ? undefined : this.program.tensors[i].name,
    )
  }

  /** The precision that a value is computed in. */
  private typeOf(value: { readonly scope: Scope }, i: number): 'float32' | 'float64' {
    if (!isVector(value)) return this.options.scalars
    return this.program.tensors[i].dtype === 'float64' ? 'float64' : 'float32'
  }

  /** The type of what goes in or comes out. */
  private outside(what: string, scope: Scope, i: number): Omit<OnnxValue, 'name'> {
    const { tensors, strides } = this.program
    const own = what === 'x' || what === 'g' || what === 'evaluated'
    const type = own ? (tensors[i].dtype as OnnxType) : this.typeOf({ scope }, i)
    if (scope === 'slice') return { type, dims: [Math.ceil(tensors[i].size / (strides?.[i] ?? 1))] }
    return { type, dims: scope === 'element' ? tensors[i].shape : [] }
  }

  private cast(name: string, from: OnnxType, to: OnnxType, as?: string): string {
    return from === to ? name : this.sheet.node('Cast', [name], { to: onnxTypes[to] }, as)
  }

  /** A value as an operand of the given precision. */
  private operand(node: Node, i: number, type: 'float32' | 'float64'): string {
    if (isConstant(node)) return this.sheet.constant(type, node.value)
    return this.cast(this.nameOf(node, i), this.typeOf(node, i), type)
  }

  /** Writes a value down; `what` is the output it is. */
  private compute(node: Node, i: number, what: string | undefined): string {
    const { op } = node
    const type = this.typeOf(node, i)
    if (this.isPresence(node)) return this.sheet.constant(type, this.active.includes(i) ? 1 : 0)
    if (op === 'load') {
      const value = {
        name: this.called('input', node.name, node.scope, i),
        ...this.outside(node.name, node.scope, i),
      }
      this.inputs.push(value)
      return this.cast(value.name, value.type, type)
    }
    const fits = what !== undefined && this.outside(what, node.scope, i).type === type
    const name = fits ? this.called('output', what, node.scope, i) : undefined
    if (op === 'sum') return this.sum(node, i, name)
    if (op === 'slice') return this.slice(node, i, name)
    return this.elementwise(node as Node & { op: Elementwise }, i, name)
  }

  private elementwise(
    { op, args, ...value }: Node & { op: Elementwise },
    i: number,
    name: string | undefined,
  ): string {
    const { sheet } = this
    const type = this.typeOf(value, i)
    if (op === 'where' && this.isPresence(args[0])) {
      const chosen = this.operand(args[this.active.includes(i) ? 1 : 2], i, type)
      return name === undefined ? chosen : sheet.node('Identity', [chosen], {}, name)
    }
    const operands = args.map((arg) => this.operand(arg, i, type))
    if (op === 'where') {
      const [condition] = args
      const own = isConstant(condition) ? type : this.typeOf(condition, i)
      const positive = sheet.node('Greater', [
        this.operand(condition, i, own),
        sheet.constant(own, 0),
      ])
      return sheet.node('Where', [positive, operands[1], operands[2]], {}, name)
    }
    if (op !== 'pow' || this.options.scalars === 'float64')
      return sheet.node(operators[op], operands, {}, name)
    // Where there is nothing but single precision, powers may be made of logarithms: that of 0 is
    // 7e-10 on WebGPU.
    const isZero = sheet.node('Equal', [operands[0], sheet.constant(type, 0)])
    return sheet.node('Where', [isZero, operands[0], sheet.node('Pow', operands)], {}, name)
  }

  /**
   * Whether a value says which tensors take part: a model is of a step over certain ones, so that
   * is known.
   */
  private isPresence({ op, name }: Node): boolean {
    return op === 'load' && name === 'active'
  }

  private sum({ args: [arg], scope }: Node, i: number, name: string | undefined): string {
    const { sheet } = this
    const isThere = scope === 'global' || this.active.includes(i)
    if (scope === 'tensor')
      return sheet.node('Squeeze', [(isThere && this.total(arg, i)) || this.zero()], {}, name)
    const totals = this.over(arg, (tensor) => this.total(arg, tensor) ?? []).flat()
    if (totals.length < 2) return sheet.node('Squeeze', [totals[0] ?? this.zero()], {}, name)
    const all = {
      name: sheet.node('Concat', totals, { axis: 0 }),
      type: this.options.scalars,
      size: totals.length,
    }
    return sheet.node('Squeeze', [total(sheet, all, this.options.scalars)], {}, name)
  }

  private zero(): string {
    return this.sheet.node('Reshape', [
      this.sheet.constant(this.options.scalars, 0),
      this.sheet.constant('int64', [1]),
    ])
  }

  /** The sum over a tensor, as a vector of one number; undefined where it is empty. */
  private total(arg: Node, i: number): string | undefined {
    const { sheet, options } = this
    if (!isVector(arg))
      return sheet.node('Reshape', [this.nameOf(arg, i), sheet.constant('int64', [1])])
    const { size } = this.program.tensors[i]
    if (size === 0) return undefined
    const length = arg.scope === 'slice' ? Math.ceil(size / (this.program.strides?.[i] ?? 1)) : size
    const type = this.typeOf(arg, i)
    return total(
      sheet,
      { name: finite(sheet, this.flat(arg, i), type), type, size: length },
      options.scalars,
    )
  }

  /** A vector as one of a single dimension. */
  private flat(node: Node, i: number): string {
    const { shape, size } = this.program.tensors[i]
    const name = this.nameOf(node, i)
    if (node.scope === 'slice' || shape.length === 1) return name
    return this.sheet.node('Reshape', [name, this.sheet.constant('int64', [size])])
  }

  private slice({ args: [arg] }: Node, i: number, name: string | undefined): string {
    const { sheet, program } = this
    const list = (number: number) => sheet.constant('int64', [number])
    const bounds = [
      list(0),
      list(program.tensors[i].size),
      list(0),
      list(program.strides?.[i] ?? 1),
    ]
    return sheet.node('Slice', [this.flat(arg, i), ...bounds], {}, name)
  }

  /** Declares an output, and makes it of its value where that has another name. */
  private output(what: string, scope: Scope, value: Node, i: number): OnnxValue {
    const { sheet } = this
    const declared = {
      name: this.called('output', what, scope, i),
      ...this.outside(what, scope, i),
    }
    if (isConstant(value)) {
      const number = sheet.constant(declared.type, value.value)
      if (declared.dims.length === 0) sheet.node('Identity', [number], {}, declared.name)
      else sheet.node('Expand', [number, sheet.constant('int64', declared.dims)], {}, declared.name)
      return declared
    }
    const name = this.nameOf(value, i)
    const type = this.typeOf(value, i)
    if (name === declared.name) return declared
    if (type === declared.type) sheet.node('Identity', [name], {}, declared.name)
    else this.cast(name, type, declared.type, declared.name)
    return declared
  }
}
