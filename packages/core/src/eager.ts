/**
 * Eager execution: runs programs by the operations of one tensor library (lift.ts), and keeps the
 * states as its tensors. Not fast (one library call per operation), but all that a new
 * backend needs, and the reference that fused steps are held against.
 */
import type { Numbers } from './arrays.ts'
import type { Backend, Engine, StepInput, Stretch } from './backend.ts'
import type { MaybePromise } from './later.ts'
import { type EagerOps, Lifted, lift } from './lift.ts'
import type { Program } from './program.ts'
import type { TensorInfo } from './tensor.ts'
import { fixedUniforms } from './uniforms.ts'
import type { Expr, Scope } from './value.ts'

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
      const fresh = this.changed(next, active).map(({ name, index, part }) => {
        // A state needs a tensor of its own: what is a gradient, a parameter or another state
        // already is copied.
        const value = keep(owned.has(part) ? spec.copy(part) : part)
        owned.add(part)
        return { name, index, value }
      })
      for (const index of active) spec.store(this.params[index], (x as Lifted<T>).part(index))
      return fresh
    })
    for (const { name, index, value } of replaced) {
      const parts = this.states[name]
      spec.free?.(parts[index])
      parts[index] = value
    }
  }

  /** The tensors of the next states, but for those that stay the same. */
  private changed(next: Readonly<Record<string, Expr>>, active: readonly number[]) {
    const { states, tensors } = this.program
    const indices = { global: [0], tensor: [...tensors.keys()], slice: active, element: active }
    return Object.entries(next).flatMap(([name, value]) =>
      indices[states[name]]
        .map((index) => ({ name, index, part: this.partOf(value, states[name], index) }))
        .filter(({ index, part }) => part !== this.states[name][index]),
    )
  }

  /** The part of a value; of a number, a tensor of that. */
  private partOf(value: Expr, scope: Scope, index: number): T {
    return typeof value === 'number'
      ? this.materialize(value, scope, index)
      : (value as Lifted<T>).part(index)
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
