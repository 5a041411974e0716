/**
 * An optimizer at work: the object that `createOptimizer` returns. Checks everything a caller can
 * get wrong before an engine sees it. Not the arithmetic of a step, which is the engines'.
 */
import type { Algorithm } from './algorithm.ts'
import type { After, Backend, Engine, MaybePromise } from './backend.ts'
import type { Checkpoint } from './checkpoint.ts'
import { uniformsAt } from './eager.ts'
import { FreestepError, suggest } from './errors.ts'
import { Moment, type TensorInfo } from './groups.ts'
import { after } from './later.ts'
import { Loads } from './loads.ts'
import { lossOf } from './loss.ts'
import { refuseCrossed } from './memory.ts'
import type { Named, Optimizer } from './optimizer.ts'
import { chooseOptions } from './options.ts'
import type { Program } from './program.ts'
import { type LoadOptions, loading, save, type Write } from './resume.ts'

/**
 * A part of the parameters that is a vector of its own: all of them, or one group with
 * `splitGroups`.
 */
export interface Part<P, Done extends MaybePromise<void>> {
  /** Its parameters among all. */
  readonly indices: readonly number[]
  /** The options of each. */
  readonly options: readonly Readonly<Record<string, unknown>>[]
  readonly program: Program
  /** The caller's own tensors. */
  readonly params: readonly P[]
  readonly engine: Engine<P, Done>
}

/** A part that is not running yet. */
export interface Unstarted<P, Done extends MaybePromise<void>>
  extends Omit<Part<P, Done>, 'engine'> {
  start(): MaybePromise<Engine<P, Done>>
}

/** Parameters with their names, in order; a record would sort names that are numbers. */
export type Entries<P> = readonly (readonly [name: string, param: P])[]

/** Parameters, and the parts that they make. */
export interface Prepared<P, Done extends MaybePromise<void>> {
  readonly tensors: readonly TensorInfo[]
  readonly parts: readonly Unstarted<P, Done>[]
}

/** The engine of a part, from a backend that starts without waiting. */
export function startNow<P, Done extends MaybePromise<void>>(
  part: Unstarted<P, Done>,
  { name }: Pick<Backend<P, Done>, 'name'>,
): Engine<P, Done> {
  const engine = part.start()
  if (!(engine instanceof Promise)) return engine
  throw new FreestepError(
    'core',
    'unsupported',
    `${name} starts asynchronously. Use "await createOptimizer(…)".`,
  )
}

/** The optimizer over started engines. */
export function run<P, Done extends MaybePromise<void>>(
  algorithm: Algorithm,
  started: { readonly tensors: readonly TensorInfo[]; readonly parts: readonly Part<P, Done>[] },
  backend: Backend<P, Done>,
  prepare: (params: Entries<P>) => Prepared<P, Done>,
): Optimizer<P, Done> {
  let { tensors, parts } = started
  let steps = 0
  let moment = new Moment(0)
  let disposed = false
  const loads = new Loads(algorithm.name)

  const alive = () => {
    if (disposed)
      throw new FreestepError(
        'core',
        'disposed',
        `This ${algorithm.name} optimizer was disposed. Create a new one.`,
      )
  }
  const ready = () => {
    alive()
    loads.check()
  }
  /** The writes that a checkpoint takes, after all that can be wrong with it. */
  const prepareLoad = (checkpoint: Checkpoint, options?: LoadOptions) => {
    alive()
    return loading({ algorithm, tensors, parts }, checkpoint, options)
  }
  const load = (writes: readonly Write[], checkpoint: Checkpoint): MaybePromise<void> => {
    alive()
    return after(loads.write(writes), () => {
      steps = checkpoint.steps
    })
  }
  /** One tensor per parameter by name, out of a list for each part. */
  const gather = (lists: readonly (readonly P[])[]): Named<P> => {
    const all: P[] = []
    for (const [p, { indices }] of parts.entries())
      for (const [j, index] of indices.entries()) all[index] = lists[p][j]
    return Object.fromEntries(tensors.map(({ name }, i) => [name, all[i]]))
  }
  const look = () => {
    const places = parts.map(({ engine }) => engine.gradients)
    const grads = places.every((list) => list !== undefined) ? gather(places) : undefined
    return {
      usesLoss: parts.some(({ program }) => program.usesLoss),
      params: latest(() => parts.map(({ engine }) => engine.params), gather),
      grads,
      views: tensors.map(({ name }) => grads?.[name]),
      check: gradientCheck(tensors, backend),
    }
  }
  let { usesLoss, params, grads, views, check } = look()

  const optimizer: Optimizer<P, Done> = {
    algorithm: algorithm.name,
    get params() {
      return params()
    },
    get grads() {
      return grads
    },
    get steps() {
      return steps
    },
    step(...args) {
      const [given, options] = args
      if (args.length && !given) throw forgotten(given)
      if (loads.pending && backend.asynchronous) {
        check(given)
        return loads.pending.then(() => optimizer.step(...args)) as Done
      }
      ready()
      const loss = lossOf(options, algorithm, backend, usesLoss)
      const wanted = args.length ? given : grads
      // Whoever has put other tensors among `grads` gives these.
      const areViews =
        wanted === grads &&
        views.every((view, i) => view !== undefined && view === grads?.[tensors[i].name])
      const gradients = areViews ? views : check(wanted)
      if (!areViews && parts.length > 1) refuseCrossed(tensors, parts, gradients, backend)
      if (loss === undefined && usesLoss)
        throw new FreestepError(
          'core',
          'missing-loss',
          `${algorithm.name} needs the objective's value. Call step(gradients, { loss }).`,
        )
      // A step that failed is taken again at the same moment.
      if (moment.k !== steps) moment = new Moment(steps)
      const inputs = parts.map(({ indices, program }) => {
        const own = indices.map((index, j) => (program.frozen[j] ? undefined : gradients[index]))
        const active = own.map((gradient) => gradient !== undefined)
        return { gradients: own, loss, uniforms: uniformsAt(program, moment, active) }
      })
      const done: Done[] = []
      for (const [p, { engine }] of parts.entries())
        if (inputs[p].gradients.some((gradient) => gradient !== undefined))
          done.push(engine.step(inputs[p]))
      steps++
      const failed = (error: unknown) => {
        steps--
        throw error
      }
      return (
        done.some((each) => each instanceof Promise)
          ? Promise.all(done).then(() => undefined, failed)
          : undefined
      ) as Done
    },
    async scalars() {
      if (loads.pending) await loads.pending
      ready()
      // All reads start before one is waited for, so that they show one moment.
      const single = parts.flatMap(({ indices, program, engine }) =>
        Object.entries(program.states)
          .filter(
            ([state, scope]) =>
              (scope === 'global' || scope === 'tensor') && !program.hidden.includes(state),
          )
          .map(([state, scope]) => ({ indices, state, scope, reading: engine.read(state) })),
      )
      const read = await Promise.all(single.map(({ reading }) => reading))
      const all: Record<string, number> = {}
      for (const [n, { indices, state, scope }] of single.entries()) {
        const numbers = read[n]
        if (scope === 'global' && parts.length === 1) all[state] = numbers[0][0]
        else
          for (const [j, i] of indices.entries())
            all[`${state}/${tensors[i].name}`] = numbers[scope === 'global' ? 0 : j][0]
      }
      return all
    },
    async save(options) {
      if (loads.pending) await loads.pending
      ready()
      return save(
        { algorithm, tensors, parts },
        steps,
        chooseOptions({ what: 'save' }, { params: false }, options),
      )
    },
    async load(checkpoint, options) {
      while (loads.pending) await loads.pending
      return loads.ending(
        after(prepareLoad(checkpoint, options), (writes) => load(writes, checkpoint)),
      )
    },
    loadSync(checkpoint, options) {
      if (loads.pending) ready()
      const later = () =>
        new FreestepError(
          'core',
          'unsupported',
          `${backend.name} writes asynchronously. Use "await optimizer.load(…)".`,
        )
      if (backend.asynchronous) throw later()
      const writes = prepareLoad(checkpoint, options)
      const loaded = writes instanceof Promise ? writes : loads.ending(load(writes, checkpoint))
      if (!(loaded instanceof Promise)) return
      // What becomes of it is nobody's business any more.
      loaded.catch(() => undefined)
      throw later()
    },
    extend(all) {
      ready()
      const known = new Set(tensors.map(({ name }) => name))
      const missing = tensors.find(({ name }) => !Object.hasOwn(all, name))
      if (missing)
        throw new FreestepError(
          'core',
          'unknown-parameter',
          `Parameter ${missing.name} is missing. Give all, those so far too.`,
        )
      const added = Object.entries(all).filter(([name]) => !known.has(name))
      const wanted = prepare([...tensors.map(({ name }) => [name, all[name]] as const), ...added])
      parts = extend({ tensors, parts }, wanted, backend)
      tensors = wanted.tensors
      ;({ usesLoss, params, grads, views, check } = look())
    },
    evaluated() {
      if (loads.pending && backend.asynchronous)
        return loads.pending.then(() => optimizer.evaluated()) as After<Done, Named<P>>
      ready()
      const lists: readonly MaybePromise<readonly P[]>[] = parts.map(({ engine }) =>
        engine.evaluated(),
      )
      const waiting = lists.some((list) => list instanceof Promise)
      return (
        waiting ? Promise.all(lists).then(gather) : gather(lists as (readonly P[])[])
      ) as After<Done, Named<P>>
    },
    dispose() {
      if (!disposed) for (const { engine } of parts) engine.dispose()
      disposed = true
    },
  }
  return optimizer
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

/**
 * Running parts for more parameters; all is checked, and what is new started, before any engine
 * that runs goes on.
 */
function extend<P, Done extends MaybePromise<void>>(
  now: { readonly tensors: readonly TensorInfo[]; readonly parts: readonly Part<P, Done>[] },
  wanted: Prepared<P, Done>,
  backend: Backend<P, Done>,
): Part<P, Done>[] {
  for (const [i, { name, shape }] of now.tensors.entries()) {
    const { shape: other } = wanted.tensors[i]
    if (String(other) !== String(shape))
      throw new FreestepError(
        'core',
        'bad-shape',
        `${name} had shape [${shape}], and has [${other}]. Give a tensor like it.`,
      )
  }
  const known = wanted.parts.map((part) =>
    now.parts.find(({ indices }) => indices[0] === part.indices[0]),
  )
  const goesOn = (part: Part<P, Done>) => {
    const next = wanted.parts[known.indexOf(part)]
    return next && part.indices.every((index, j) => index === next.indices[j])
  }
  if (!now.parts.every(goesOn))
    throw new FreestepError(
      'core',
      'unsupported',
      'With the new parameters, some of those so far are in other groups. Choose groups that stay the same.',
    )
  if (!now.parts.every(({ engine }) => engine.extended))
    throw new FreestepError(
      'core',
      'unsupported',
      `${backend.name} cannot take more parameters. Create a new optimizer.`,
    )
  const started = wanted.parts.map((part, p) => known[p]?.engine ?? startNow(part, backend))
  return wanted.parts.map(({ indices, options, program, params }, p) => {
    const engine = (known[p] && started[p].extended?.(program, params)) ?? started[p]
    return { indices, options, program, params, engine }
  })
}

/**
 * Of a step with `undefined` in place of gradients: repeating the last ones would be wrong in
 * silence.
 */
const forgotten = (given: null | undefined) =>
  new FreestepError(
    'core',
    'missing-gradient',
    `The gradients are ${given}. Give them by name; step() without an argument takes the views, and step(optimizer.grads, { loss }) ` +
      'takes them with a loss.',
  )

/**
 * Puts gradients into the parameters' order, or refuses them: unknown names, other shapes or
 * dtypes, none at all.
 */
function gradientCheck<P>(tensors: readonly TensorInfo[], backend: Pick<Backend<P>, 'describe'>) {
  const names = tensors.map(({ name }) => name)
  const indexOf = new Map(names.map((name, i) => [name, i]))
  return (given: Readonly<Record<string, P | null | undefined>> | undefined): (P | undefined)[] => {
    const gradients: (P | undefined)[] = tensors.map(() => undefined)
    let found = false
    for (const [name, gradient] of Object.entries(given ?? {})) {
      const index = indexOf.get(name)
      if (index === undefined) {
        const message = `There is a gradient for "${name}", which is no parameter.${suggest(name, names)}`
        throw new FreestepError('core', 'unknown-parameter', message)
      }
      if (gradient === undefined || gradient === null) continue
      checkGradient(tensors[index], backend.describe(gradient, `the gradient of ${name}`))
      gradients[index] = gradient
      found = true
    }
    if (found) return gradients
    throw new FreestepError(
      'core',
      'missing-gradient',
      `No parameter has a gradient. Give them by name: ${names.slice(0, 5).join(', ')}.`,
    )
  }
}

function checkGradient(param: TensorInfo, gradient: Omit<TensorInfo, 'name'>): void {
  const refuse = (code: 'bad-shape' | 'bad-dtype', ours: string, theirs: string, advice: string) =>
    new FreestepError(
      'core',
      code,
      `The gradient of ${param.name} is ${theirs}, the parameter ${ours}. ${advice}`,
    )
  const shape = (dims: readonly number[]) => `of shape [${dims.join(', ')}]`
  if (gradient.size !== param.size || gradient.shape.some((dim, i) => dim !== param.shape[i]))
    throw refuse(
      'bad-shape',
      shape(param.shape),
      shape(gradient.shape),
      'Give one number per coordinate.',
    )
  if (gradient.dtype !== param.dtype)
    throw refuse('bad-dtype', param.dtype, gradient.dtype, 'Convert it.')
}
