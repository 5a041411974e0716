/**
 * Eager execution: lifts the operations of one tensor library over many tensors and scopes, and
 * keeps the states as its tensors. Not fast (one library call per operation), but all that a new
 * backend needs, and the reference that fused steps are held against.
 */
import type { Backend, Engine, MaybePromise, Numbers, StepInput, Stretch } from './backend.ts'
import { Moment, type TensorInfo } from './groups.ts'
import type { Program } from './program.ts'
import type { Elementwise, Expr, Interpreter, Scope, Value } from './value.ts'

/**
 * The operations on a backend's single tensor type T. Operands are tensors of one shape, or
 * scalars, which broadcast; semantics are stated in ops.ts.
 */
export interface EagerOps<T> extends Record<Elementwise, (...args: T[]) => T> {
  /** A scalar. */
  constant(c: number): T
  /**
   * The sum of all elements that are finite, a scalar; of a scalar, itself. Of a slice, p says that
   * it has every p-th element.
   */
  sum(a: T, p?: number): T
  /** Elements 0, p, 2p, … of a tensor in row-major order, as a tensor of one dimension. */
  slice(a: T, p: number): T
}

/** Everything that eager execution asks of a backend. */
export interface EagerSpec<P, T> {
  readonly name: string
  readonly ops: EagerOps<T>
  /** See {@link Backend.describe}. */
  describe(tensor: P, name: string): Omit<TensorInfo, 'name'>
  /** See {@link Backend.memory}. */
  memory?(tensor: P): Stretch
  /** The caller's tensor as a value; no copy is needed. */
  load(tensor: P): T
  /** Overwrites a parameter of the caller. */
  store(param: P, value: T): void
  /** A new tensor of the caller's kind and the parameter's shape, for `evaluated`. */
  export(value: T, param: P): P
  /**
   * A tensor of the size and precision of the parameter, filled with one number; of one dimension
   * and other size if `size` is given.
   */
  fill(param: P, value: number, size?: number): T
  /** As `fill`, from numbers. */
  from(param: P, numbers: Numbers, size?: number): T
  /** The numbers of a tensor or scalar. */
  read(value: T): MaybePromise<Numbers>
  /** A copy of a tensor that no later `store` changes. */
  copy(value: T): T
  /**
   * Runs f and frees all tensors made in it but those given to `keep`. Where there is nothing to
   * free: calls f.
   */
  scope?<R>(f: (keep: (value: T) => T) => R): R
  /** Frees a tensor that was kept. */
  free?(value: T): void
}

/**
 * A value in eager execution: one part per tensor, or a single part for a global one; of vectors
 * only those of tensors that take part.
 */
export class Lifted<T> implements Value {
  readonly scope: Scope
  readonly in: Interpreter
  readonly parts: readonly T[]
  constructor(scope: Scope, parts: readonly T[], interpreter: Interpreter) {
    this.scope = scope
    this.parts = parts
    this.in = interpreter
  }
  part(i: number): T {
    return this.parts[this.scope === 'global' ? 0 : i]
  }
}

/** The interpreter over `count` tensors, of which those in `active` take part. */
export function lift<T>(
  ops: EagerOps<T>,
  count: number,
  active: ReadonlySet<number>,
  strides: readonly number[] | undefined,
): Interpreter {
  const part = (a: Expr, i: number) =>
    typeof a === 'number' ? ops.constant(a) : (a as Lifted<T>).part(i)
  const make = (scope: Scope, of: (i: number) => T) => {
    const parts: T[] = scope === 'global' ? [of(0)] : []
    if (scope === 'tensor') for (let i = 0; i < count; i++) parts[i] = of(i)
    else if (scope !== 'global') for (const i of active) parts[i] = of(i)
    return new Lifted(scope, parts, interpreter)
  }
  const total = (a: Lifted<T>, i: number) =>
    ops.sum(a.part(i), a.scope === 'slice' ? strides?.[i] : undefined)
  const interpreter: Interpreter = {
    apply: (op, args, scope) => make(scope, (i) => ops[op](...args.map((a) => part(a, i)))),
    sum(a, to) {
      const vector = a as Lifted<T>
      const totals =
        vector.scope === 'tensor'
          ? vector
          : make('tensor', (i) => (active.has(i) ? total(vector, i) : ops.constant(0)))
      if (to === 'tensor') return totals
      return make('global', () =>
        count ? totals.parts.reduce((x, y) => ops.add(x, y)) : ops.constant(0),
      )
    },
    slice: (a) => (strides ? make('slice', (i) => ops.slice(part(a, i), strides[i])) : a),
  }
  return interpreter
}

/** A backend out of eager operations. */
export function eagerBackend<P, T>(spec: EagerSpec<P, T>): Backend<P> {
  return {
    name: spec.name,
    describe: spec.describe,
    memory: spec.memory,
    start: (program, params) => new EagerEngine(spec, program, params),
  }
}

type Stored<T> = Record<string, T[]>

class EagerEngine<P, T> implements Engine<P> {
  params: readonly P[]
  private program: Program
  private readonly spec: EagerSpec<P, T>
  private states: Stored<T> = {}

  constructor(spec: EagerSpec<P, T>, program: Program, params: readonly P[]) {
    this.spec = spec
    this.program = program
    this.params = params
    this.states = this.initial()
  }

  /** The states' first values, kept. */
  private initial(): Stored<T> {
    return this.scope((keep) => {
      const values = this.values([...this.params.keys()], fixedUniforms(this.program))
      const first = this.program.init(values)
      const stored: Stored<T> = {}
      for (const [name, scope] of Object.entries(this.program.states)) {
        const value = first[name]
        const parts = scope === 'global' ? [0] : [...this.params.keys()]
        stored[name] = parts.map((i) => keep(this.materialize(value, scope, i)))
      }
      return stored
    })
  }

  /** A value's part as a tensor of its own, of the state's size. */
  private materialize(value: Expr, scope: Scope, i: number): T {
    const { spec } = this
    const scalar = scope === 'global' || scope === 'tensor'
    if (typeof value !== 'number') return spec.copy((value as Lifted<T>).part(i))
    return scalar
      ? spec.ops.constant(value)
      : spec.fill(this.params[i], value, this.slicedSize(scope, i))
  }

  private slicedSize(scope: Scope, i: number): number | undefined {
    const p = this.program.strides?.[i]
    return scope === 'slice' && p ? Math.ceil((this.program.tensors[i]?.size ?? 0) / p) : undefined
  }

  /** All named values, in an interpreter of their own. */
  private values(
    active: readonly number[],
    uniforms: StepInput<P>['uniforms'],
    input?: StepInput<P>,
  ): Record<string, Lifted<T>> {
    const { spec, program, params } = this
    const interpreter = lift(spec.ops, params.length, new Set(active), program.strides)
    const value = (scope: Scope, parts: readonly T[]) => new Lifted(scope, parts, interpreter)
    const vector = (tensors: readonly (P | undefined)[]) => {
      const parts: T[] = []
      for (const i of active) parts[i] = spec.load(tensors[i] as P)
      return value('element', parts)
    }
    const values: Record<string, Lifted<T>> = { x: vector(params) }
    for (const [name, { scope }] of Object.entries(program.uniforms))
      if (uniforms[name])
        values[name] = value(
          scope,
          uniforms[name].map((c) => spec.ops.constant(c)),
        )
    for (const [name, parts] of Object.entries(this.states))
      values[name] = value(program.states[name], parts)
    if (!input) return values
    values.g = vector(input.gradients)
    const { loss } = input
    if (loss !== undefined)
      values.loss = value('global', [
        typeof loss === 'number' ? spec.ops.constant(loss) : spec.load(loss),
      ])
    return values
  }

  step(input: StepInput<P>): void {
    const { program, spec } = this
    const all = [...program.tensors.keys()]
    const active = all.filter((i) => input.gradients[i] !== undefined)
    const { active: presence, ...others } = input.uniforms
    const uniforms = active.length === all.length ? others : input.uniforms
    // Everything is computed before anything is written, so a failure leaves parameters and states
    // as they were.
    const replaced = this.scope((keep) => {
      const values = this.values(active, uniforms, input)
      const { x, ...next } = program.step(values)
      const owned = new Set(Object.values(values).flatMap(({ parts }) => parts))
      const fresh: { name: string; index: number; value: T }[] = []
      for (const [name, value] of Object.entries(next)) {
        const scope = program.states[name]
        const old = this.states[name]
        const indices = scope === 'global' ? [0] : scope === 'tensor' ? all : active
        for (const index of indices) {
          const part =
            typeof value === 'number'
              ? this.materialize(value, scope, index)
              : (value as Lifted<T>).part(index)
          if (part === old[index]) continue
          // A state needs a tensor of its own: what is a gradient, a parameter or another state
          // already is copied.
          fresh.push({ name, index, value: keep(owned.has(part) ? spec.copy(part) : part) })
          owned.add(part)
        }
      }
      for (const index of active) spec.store(this.params[index], (x as Lifted<T>).part(index))
      return fresh
    })
    for (const { name, index, value } of replaced) {
      const parts = this.states[name]
      spec.free?.(parts[index])
      parts[index] = value
    }
  }

  async read(state: string): Promise<readonly Numbers[]> {
    if (state === 'x')
      return Promise.all(this.params.map((param) => this.spec.read(this.spec.load(param))))
    return Promise.all(this.states[state].map((part) => this.spec.read(part)))
  }

  /** The tensors that a state is kept in, for backends that move it elsewhere. */
  tensors(state: string): readonly T[] {
    return this.states[state]
  }

  write(state: string, numbers: readonly Numbers[]): void {
    if (state === 'x') {
      this.scope(() => {
        for (const [i, param] of this.params.entries())
          this.spec.store(param, this.spec.from(param, numbers[i]))
      })
      return
    }
    const scope = this.program.states[state]
    const scalar = scope === 'global' || scope === 'tensor'
    const fresh = this.scope((keep) =>
      numbers.map((each, i) =>
        keep(
          scalar
            ? this.spec.ops.constant(each[0])
            : this.spec.from(this.params[i], each, this.slicedSize(scope, i)),
        ),
      ),
    )
    for (const part of this.states[state]) this.spec.free?.(part)
    this.states[state] = fresh
  }

  evaluated(): readonly P[] {
    const { program } = this
    const evaluate = program.evaluate
    if (!evaluate) return this.params
    return this.scope(() => {
      const values = this.values([...this.params.keys()], fixedUniforms(program))
      const point = evaluate(values) as Lifted<T>
      return this.params.map((param, i) => this.spec.export(point.part(i), param))
    })
  }

  extended(program: Program, params: readonly P[]): this {
    const before = this.states
    const scopes = this.program.states
    const known = this.params.length
    this.program = program
    this.params = params
    this.states = {}
    const all = this.initial()
    for (const [name, parts] of Object.entries(before)) {
      const fresh = all[name]
      // A number of all may be one of each tensor now, where an option is another for what joins.
      const count = program.states[name] === 'global' ? 1 : known
      for (let i = 0; i < count; i++) {
        this.spec.free?.(fresh[i])
        fresh[i] = scopes[name] === 'global' && i > 0 ? this.spec.copy(parts[0]) : parts[i]
      }
    }
    this.states = all
    return this
  }

  dispose(): void {
    for (const parts of Object.values(this.states)) for (const part of parts) this.spec.free?.(part)
    this.states = {}
  }

  private scope<R>(f: (keep: (value: T) => T) => R): R {
    return this.spec.scope ? this.spec.scope(f) : f((value) => value)
  }
}

/**
 * Every uniform at step k, given which tensors take part: all, if nothing is said. Who takes one
 * step after the other gives the same moment for all that happens at one of them, so that schedules
 * are called once.
 */
export function uniformsAt(
  program: Program,
  moment: Moment | number,
  active: readonly boolean[] = program.tensors.map(() => true),
): Record<string, readonly number[]> {
  const now = typeof moment === 'number' ? new Moment(moment) : moment
  return Object.fromEntries(
    Object.entries(program.uniforms).map(([name, uniform]) => [name, uniform.at(now, active)]),
  )
}

/**
 * The uniforms as `init` and `evaluate` of a program are given them: those that follow the steps,
 * on which neither depends, are not a number.
 */
export const fixedUniforms = ({ uniforms, tensors }: Program): Record<string, readonly number[]> =>
  Object.fromEntries(
    Object.entries(uniforms).map(([name, { scope, fixed }]) => [
      name,
      fixed ?? new Array<number>(scope === 'global' ? 1 : tensors.length).fill(Number.NaN),
    ]),
  )
