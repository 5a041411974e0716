/**
 * The reference backend: programs on plain arrays of numbers, written to be seen to be right, and
 * sharing no code with any adapter or with core's eager execution. A tensor that sits a step out
 * has empty lists there. What other backends are compared with where no recording exists. Not for
 * training: nothing about it is fast.
 */
import {
  type Backend,
  type Engine,
  type Expr,
  FreestepError,
  fixedUniforms,
  host,
  type Interpreter,
  type Program,
  type Scope,
  type StepInput,
  type Value,
} from '@freestep/core'
import { exactSum } from './numbers.ts'
import type { Dtype, Stack } from './session.ts'

/** A tensor of the reference backend. */
export interface ReferenceTensor {
  readonly shape: readonly number[]
  readonly dtype: Dtype
  numbers: readonly number[]
}

/**
 * A value: one list of numbers per tensor (a list of one for the tensor scope), or a single list of
 * one for a global value.
 */
class Lists implements Value {
  readonly scope: Scope
  readonly in: Interpreter
  readonly lists: readonly (readonly number[])[]
  constructor(scope: Scope, lists: readonly (readonly number[])[], interpreter: Interpreter) {
    this.scope = scope
    this.lists = lists
    this.in = interpreter
  }
  /** The number at one coordinate of one tensor, whatever the scope. */
  at(tensor: number, coordinate: number): number {
    const list = this.lists[this.scope === 'global' ? 0 : tensor]
    return list[isScalar(this.scope) ? 0 : coordinate]
  }
}

const isScalar = (scope: Scope) => scope === 'global' || scope === 'tensor'
type Rounding = (a: number) => number

/**
 * The operations over tensors with a rounding and a stride each. Scalars are not rounded until they
 * meet elements.
 */
function interpreter(
  roundings: readonly Rounding[],
  strides: readonly number[] | undefined,
): Interpreter {
  const tensors = [...roundings.keys()]
  const at = (a: Expr, tensor: number, coordinate: number) =>
    typeof a === 'number' ? a : (a as Lists).at(tensor, coordinate)
  const self: Interpreter = {
    apply(op, args, scope) {
      if (isScalar(scope)) {
        const where = scope === 'global' ? [0] : tensors
        return new Lists(
          scope,
          where.map((t) => [host[op](...args.map((a) => at(a, t, 0)))]),
          self,
        )
      }
      const widest = args.find((a) => typeof a !== 'number' && a.scope === scope) as Lists
      const lists = tensors.map((t) => {
        const round = roundings[t]
        const like = widest.lists[t]
        const column = (arg: Expr) => {
          if (typeof arg !== 'number' && !isScalar(arg.scope))
            return (arg as Lists).lists[t].map(round)
          return new Array<number>(like.length).fill(round(at(arg, t, 0)))
        }
        const [a, b = [], c = []] = args.map(column)
        return a.map((_, i) => round(host[op](a[i], b[i], c[i])))
      })
      return new Lists(scope, lists, self)
    },
    sum(a, to) {
      const totals = (a as Lists).lists.map((list) =>
        exactSum(a.scope === 'tensor' ? list : list.filter(Number.isFinite)),
      )
      return new Lists(
        to,
        to === 'tensor' ? totals.map((total) => [total]) : [[exactSum(totals)]],
        self,
      )
    },
    slice(a) {
      if (!strides) return a
      const lists = (a as Lists).lists.map((list, t) => list.filter((_, i) => i % strides[t] === 0))
      return new Lists('slice', lists, self)
    },
  }
  return self
}

class ReferenceEngine implements Engine<ReferenceTensor> {
  readonly params: readonly ReferenceTensor[]
  private readonly program: Program
  /** Per state one list per tensor, or a single list. */
  private readonly states: Record<string, (readonly number[])[]> = {}

  constructor(program: Program, params: readonly ReferenceTensor[]) {
    this.program = program
    this.params = params
    const all = [...params.keys()]
    const first = program.init(
      this.values(
        all.map(() => true),
        fixedUniforms(program),
      ),
    )
    for (const [name, scope] of Object.entries(program.states))
      this.states[name] =
        scope === 'global'
          ? this.lists(first[name], scope, [0])
          : this.lists(first[name], scope, all)
  }

  step({ gradients, uniforms, loss }: StepInput<ReferenceTensor>): void {
    const active = gradients.map((gradient) => gradient !== undefined)
    const values = this.values(active, uniforms)
    const lists = (scope: Scope, numbers: readonly (readonly number[])[]) =>
      new Lists(scope, numbers, values.x.in)
    const g = lists(
      'element',
      gradients.map((gradient) => gradient?.numbers ?? []),
    )
    const f = lists('global', [typeof loss === 'object' ? loss.numbers : [loss ?? Number.NaN]])
    const { x, ...next } = this.program.step({ ...values, loss: f, g })
    const all = [...this.params.keys()]
    const taking = all.filter((t) => active[t])
    const moved = this.lists(x, 'element', taking)
    const places = { global: [0], tensor: all, slice: taking, element: taking }
    for (const [name, value] of Object.entries(next)) {
      const scope = this.program.states[name]
      const where = places[scope]
      for (const [j, list] of this.lists(value, scope, where).entries())
        this.states[name][where[j]] = list
    }
    for (const [j, t] of taking.entries()) this.params[t].numbers = moved[j]
  }

  read(state: string): readonly Float64Array[] {
    const lists = state === 'x' ? this.params.map((param) => param.numbers) : this.states[state]
    return lists.map((list) => Float64Array.from(list))
  }

  write(state: string, numbers: readonly ArrayLike<number>[]): void {
    const lists = numbers.map((list) => Array.from(list))
    if (state !== 'x') this.states[state] = lists
    else
      for (const [t, list] of lists.entries())
        this.params[t].numbers = list.map(rounding(this.params[t].dtype))
  }

  evaluated(): readonly ReferenceTensor[] {
    const { evaluate } = this.program
    if (!evaluate) return this.params
    const all = [...this.params.keys()]
    const everybody = all.map(() => true)
    const lists = this.lists(
      evaluate(this.values(everybody, fixedUniforms(this.program))),
      'element',
      all,
    )
    return this.params.map((param, t) => ({ ...param, numbers: lists[t] }))
  }

  dispose(): void {}

  /**
   * x, uniforms and states, in an interpreter over all tensors; the vectors of those that sit out
   * are empty.
   */
  private values(
    active: readonly boolean[],
    uniforms: StepInput<ReferenceTensor>['uniforms'],
  ): Record<string, Value> {
    const { program, params, states } = this
    const within = interpreter(
      params.map(({ dtype }) => rounding(dtype)),
      program.strides,
    )
    const value = (scope: Scope, lists: readonly (readonly number[])[]) =>
      new Lists(
        scope,
        isScalar(scope) ? lists : lists.map((list, t) => (active[t] ? list : [])),
        within,
      )
    const uniform = ([name, { scope }]: [string, { readonly scope: Scope }]) => [
      name,
      value(
        scope,
        uniforms[name].map((c) => [c]),
      ),
    ]
    return {
      x: value(
        'element',
        params.map(({ numbers }) => numbers),
      ),
      ...Object.fromEntries(Object.entries(program.uniforms).map(uniform)),
      ...Object.fromEntries(
        Object.entries(states).map(([name, lists]) => [name, value(program.states[name], lists)]),
      ),
    }
  }

  /**
   * What an expression is in each of the tensors (or once), as long as a value of that scope is
   * there.
   */
  private lists(expr: Expr, scope: Scope, tensors: readonly number[]): (readonly number[])[] {
    return tensors.map((t) => {
      if (typeof expr !== 'number' && !isScalar((expr as Lists).scope))
        return (expr as Lists).lists[t]
      const value = typeof expr === 'number' ? expr : (expr as Lists).at(t, 0)
      if (isScalar(scope)) return [value]
      const { dtype, numbers } = this.params[t]
      const length =
        scope === 'slice'
          ? Math.ceil(numbers.length / (this.program.strides?.[t] ?? 1))
          : numbers.length
      return Array.from({ length }, () => rounding(dtype)(value))
    })
  }
}

const rounding = (dtype: Dtype): Rounding => (dtype === 'float32' ? Math.fround : (a) => a)

/** The reference backend and its tensors, at one precision; scalars are kept in double. */
export function reference(dtype: Dtype = 'float64'): Stack<ReferenceTensor, void> {
  const backend: Backend<ReferenceTensor> = {
    name: 'reference',
    describe(tensor, name) {
      if (!Array.isArray(tensor?.numbers))
        throw new FreestepError('conformance', 'bad-dtype', `${name} is no reference tensor.`)
      return { shape: tensor.shape, size: tensor.numbers.length, dtype: tensor.dtype }
    },
    start: (program, params) => new ReferenceEngine(program, params),
  }
  return {
    backend,
    dtype,
    tensor: (numbers, shape, precision) => ({
      shape,
      dtype: precision,
      numbers: numbers.map(rounding(precision)),
    }),
    read: (tensor) => tensor.numbers,
  }
}
