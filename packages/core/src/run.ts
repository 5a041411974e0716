/**
 * An optimizer at work: the object that `createOptimizer` returns. Has everything checked that a
 * caller can get wrong before an engine sees it (checks.ts), and hands each engine its own. Not the
 * arithmetic of a step, which is the engines'.
 */
import type { Algorithm } from './algorithm.ts'
import type { After, Backend, StepInput } from './backend.ts'
import type { Checkpoint, LoadOptions } from './checkpoint.ts'
import { extended, forgotten, gradientCheck, inOrder } from './checks.ts'
import { FreestepError } from './errors.ts'
import { after, type MaybePromise, together } from './later.ts'
import { Loads } from './loads.ts'
import { lossOf } from './loss.ts'
import { refuseCrossed } from './memory.ts'
import type { Named, Optimizer } from './optimizer.ts'
import { type Entries, type Part, type Prepared, type Started, scalarsOf } from './part.ts'
import { loading, save, type Write } from './resume.ts'
import { chooseOptions } from './settings.ts'
import type { TensorInfo } from './tensor.ts'
import { Moment, uniformsAt } from './uniforms.ts'

type StepArguments<P> = Parameters<Optimizer<P>['step']>

/**
 * What follows from the parts that run, looked up when they change: steps are short, and there are
 * many.
 */
interface Known<P> {
  readonly usesLoss: boolean
  readonly params: () => Named<P>
  readonly grads: Named<P> | undefined
  /** The views of `grads`, in the order of the parameters. */
  readonly views: readonly (P | undefined)[]
  readonly check: ReturnType<typeof gradientCheck<P>>
}

/** The optimizer over started engines. */
class Run<P, Done extends MaybePromise<void>> {
  steps = 0
  readonly algorithm: Algorithm
  private tensors: readonly TensorInfo[]
  private parts: readonly Part<P, Done>[]
  private known: Known<P>
  private moment = new Moment(0)
  private disposed = false
  private readonly loads: Loads
  private readonly backend: Backend<P, Done>
  private readonly prepare: (params: Entries<P>) => Prepared<P, Done>

  constructor(
    algorithm: Algorithm,
    { tensors, parts }: Started<P, Done>,
    backend: Backend<P, Done>,
    prepare: (params: Entries<P>) => Prepared<P, Done>,
  ) {
    this.algorithm = algorithm
    this.tensors = tensors
    this.parts = parts
    this.backend = backend
    this.prepare = prepare
    this.loads = new Loads(algorithm.name)
    this.known = this.look()
  }

  get params(): Named<P> {
    return this.known.params()
  }
  get grads(): Named<P> | undefined {
    return this.known.grads
  }

  step(...args: StepArguments<P>): Done {
    const { loads, backend } = this
    const { usesLoss, check, grads } = this.known
    const [given, options] = args
    if (args.length && !given) throw forgotten(given)
    if (loads.pending && backend.asynchronous) {
      check(given)
      return loads.pending.then(() => this.step(...args)) as Done
    }
    this.ready()
    const loss = lossOf(options, this.algorithm, backend, usesLoss)
    const gradients = this.checked(args.length ? given : grads)
    if (loss === undefined && usesLoss)
      throw new FreestepError(
        'core',
        'missing-loss',
        `${this.algorithm.name} needs the objective's value. Call step(gradients, { loss }).`,
      )
    return this.submit(this.inputs(gradients, loss))
  }

  async scalars(): Promise<Record<string, number>> {
    // What is asked for here comes before what is asked for next: waits only if it must.
    if (this.loads.pending) await this.loads.pending
    this.ready()
    return scalarsOf({ tensors: this.tensors, parts: this.parts })
  }

  async save(options?: { readonly params?: boolean }): Promise<Checkpoint> {
    if (this.loads.pending) await this.loads.pending
    this.ready()
    const chosen = chooseOptions({ what: 'save' }, { params: false }, options)
    return save(this.resumable(), this.steps, chosen)
  }

  async load(checkpoint: Checkpoint, options?: LoadOptions): Promise<void> {
    while (this.loads.pending) await this.loads.pending
    return this.loads.ending(
      after(this.writes(checkpoint, options), (writes) => this.write(writes, checkpoint)),
    )
  }

  loadSync(checkpoint: Checkpoint, options?: LoadOptions): void {
    const { loads, backend } = this
    if (loads.pending) this.ready()
    const later = () =>
      new FreestepError(
        'core',
        'unsupported',
        `${backend.name} writes asynchronously. Use "await optimizer.load(…)".`,
      )
    if (backend.asynchronous) throw later()
    const writes = this.writes(checkpoint, options)
    const loaded = writes instanceof Promise ? writes : loads.ending(this.write(writes, checkpoint))
    if (!(loaded instanceof Promise)) return
    // What becomes of it is nobody's business any more.
    loaded.catch(() => undefined)
    throw later()
  }

  extend(all: Named<P>): void {
    this.ready()
    const wanted = this.prepare(inOrder(this.tensors, all))
    this.parts = extended({ tensors: this.tensors, parts: this.parts }, wanted, this.backend)
    this.tensors = wanted.tensors
    this.known = this.look()
  }

  evaluated(): After<Done, Named<P>> {
    const { loads } = this
    if (loads.pending && this.backend.asynchronous)
      return loads.pending.then(() => this.evaluated()) as After<Done, Named<P>>
    this.ready()
    const lists: readonly MaybePromise<readonly P[]>[] = this.parts.map(({ engine }) =>
      engine.evaluated(),
    )
    return after(together(lists), (all) => this.gather(all)) as After<Done, Named<P>>
  }

  dispose(): void {
    if (!this.disposed) for (const { engine } of this.parts) engine.dispose()
    this.disposed = true
  }

  private look(): Known<P> {
    const { tensors, parts } = this
    const gather = (lists: readonly (readonly P[])[]) => this.gather(lists)
    const places = parts.map(({ engine }) => engine.gradients)
    const grads = places.every((list) => list !== undefined) ? gather(places) : undefined
    return {
      usesLoss: parts.some(({ program }) => program.usesLoss),
      params: latest(() => this.parts.map(({ engine }) => engine.params), gather),
      grads,
      views: tensors.map(({ name }) => grads?.[name]),
      check: gradientCheck(tensors, this.backend),
    }
  }

  /** One tensor per parameter by name, out of a list for each part. */
  private gather(lists: readonly (readonly P[])[]): Named<P> {
    const all: P[] = []
    for (const [p, { indices }] of this.parts.entries())
      for (const [j, index] of indices.entries()) all[index] = lists[p][j]
    return Object.fromEntries(this.tensors.map(({ name }, i) => [name, all[i]]))
  }

  private alive(): void {
    if (this.disposed)
      throw new FreestepError(
        'core',
        'disposed',
        `This ${this.algorithm.name} optimizer was disposed. Create a new one.`,
      )
  }
  private ready(): void {
    this.alive()
    this.loads.check()
  }

  /** Gradients in the order of the parameters, after all that can be wrong with them. */
  private checked(wanted: StepArguments<P>[0]): readonly (P | undefined)[] {
    const { tensors, parts, backend } = this
    const { grads, views, check } = this.known
    // Whoever has put other tensors among `grads` gives these.
    const areViews =
      wanted === grads &&
      views.every((view, i) => view !== undefined && view === grads?.[tensors[i].name])
    if (areViews) return views
    const gradients = check(wanted)
    if (parts.length > 1) refuseCrossed(tensors, parts, gradients, backend)
    return gradients
  }

  /** What each part steps with. */
  private inputs(gradients: readonly (P | undefined)[], loss: number | P | undefined) {
    // A step that failed is taken again at the same moment.
    if (this.moment.k !== this.steps) this.moment = new Moment(this.steps)
    return this.parts.map(({ indices, program }): StepInput<P> => {
      const own = indices.map((index, j) => (program.frozen[j] ? undefined : gradients[index]))
      const active = own.map((gradient) => gradient !== undefined)
      return { gradients: own, loss, uniforms: uniformsAt(program, this.moment, active) }
    })
  }

  /** Has each part step that has a gradient. */
  private submit(inputs: readonly StepInput<P>[]): Done {
    const done: Done[] = []
    for (const [p, { engine }] of this.parts.entries())
      if (inputs[p].gradients.some((gradient) => gradient !== undefined))
        done.push(engine.step(inputs[p]))
    this.steps++
    const failed = (error: unknown) => {
      this.steps--
      throw error
    }
    return (
      done.some((each) => each instanceof Promise)
        ? Promise.all(done).then(() => undefined, failed)
        : undefined
    ) as Done
  }

  private resumable() {
    const { algorithm, tensors, parts } = this
    return { algorithm, tensors, parts }
  }

  /** The writes that a checkpoint takes, after all that can be wrong with it. */
  private writes(checkpoint: Checkpoint, options?: LoadOptions): MaybePromise<Write[]> {
    this.alive()
    return loading(this.resumable(), checkpoint, options)
  }
  private write(writes: readonly Write[], checkpoint: Checkpoint): MaybePromise<void> {
    this.alive()
    return after(this.loads.write(writes), () => {
      this.steps = checkpoint.steps
    })
  }
}

/**
 * The optimizer over started engines, as callers have it: methods that work without their object,
 * and an object that others may build on.
 */
export function run<P, Done extends MaybePromise<void>>(
  algorithm: Algorithm,
  started: Started<P, Done>,
  backend: Backend<P, Done>,
  prepare: (params: Entries<P>) => Prepared<P, Done>,
): Optimizer<P, Done> {
  const own = new Run(algorithm, started, backend, prepare)
  return {
    algorithm: algorithm.name,
    get params() {
      return own.params
    },
    get grads() {
      return own.grads
    },
    get steps() {
      return own.steps
    },
    step: (...args) => own.step(...args),
    scalars: () => own.scalars(),
    save: (options) => own.save(options),
    load: (checkpoint, options) => own.load(checkpoint, options),
    loadSync: (checkpoint, options) => own.loadSync(checkpoint, options),
    extend: (params) => own.extend(params),
    evaluated: () => own.evaluated(),
    dispose: () => own.dispose(),
  }
}

/** What f makes of some values, made again when one of them is another. */
function latest<T, R>(values: () => readonly T[], f: (values: readonly T[]) => R): () => R {
  let known = values()
  let made = f(known)
  return () => {
    const now = values()
    if (now.some((value, i) => value !== known[i])) made = f(now)
    known = now
    return made
  }
}
