/**
 * An optimizer at work: the object that `createOptimizer` returns. Checks everything a caller can get wrong before an engine sees it.
 * Not the arithmetic of a step, which is the engines'.
 */
import type { Algorithm } from './algorithm.ts'
import type { After, Backend, Engine, MaybePromise } from './backend.ts'
import { uniformsAt } from './eager.ts'
import { FreestepError, suggest } from './errors.ts'
import type { TensorInfo } from './groups.ts'
import type { Named, Optimizer } from './optimizer.ts'
import type { Program } from './program.ts'
import { load, save } from './resume.ts'

/** A part of the parameters that is a vector of its own: all of them, or one group with `splitGroups`. */
export interface Part<P, Done extends MaybePromise<void>> {
  /** Its parameters among all. */
  readonly indices: readonly number[]
  readonly program: Program
  readonly engine: Engine<P, Done>
}

/** The optimizer over started engines. */
export function run<P, Done extends MaybePromise<void>>(
  algorithm: Algorithm,
  tensors: readonly TensorInfo[],
  parts: readonly Part<P, Done>[],
  backend: Backend<P, Done>,
): Optimizer<P, Done> {
  const usesLoss = parts.some(({ program }) => program.usesLoss)
  let steps = 0
  let disposed = false

  const alive = () => {
    if (disposed) throw new FreestepError('core', 'disposed', `This ${algorithm.name} optimizer was disposed. Create a new one.`)
  }
  /** One tensor per parameter by name, out of a list for each part. */
  const gather = (lists: readonly (readonly P[])[]): Named<P> => {
    const all: P[] = []
    for (const [p, { indices }] of parts.entries()) for (const [j, index] of indices.entries()) all[index] = lists[p][j]
    return Object.fromEntries(tensors.map(({ name }, i) => [name, all[i]]))
  }
  const places = parts.map(({ engine }) => engine.gradients)
  const grads = places.every((list) => list !== undefined) ? gather(places) : undefined
  const params = latest(() => parts.map(({ engine }) => engine.params), gather)
  const check = gradientCheck(tensors, backend)

  return {
    algorithm: algorithm.name,
    get params() {
      return params()
    },
    grads,
    get steps() {
      return steps
    },
    step(given = grads, { loss } = {}) {
      alive()
      const gradients = given === grads && grads ? Object.values(grads) : check(given)
      if (loss === undefined && usesLoss)
        throw new FreestepError(
          'core',
          'missing-loss',
          `${algorithm.name} needs the objective's value. Call step(gradients, { loss }).`,
        )
      const inputs = parts.map(({ indices, program }) => {
        const frozen = program.frozen(steps)
        const own = indices.map((index, j) => (frozen[j] ? undefined : gradients[index]))
        return { gradients: own, loss, uniforms: uniformsAt(program, steps) }
      })
      const done: Done[] = []
      for (const [p, { engine }] of parts.entries())
        if (inputs[p].gradients.some((gradient) => gradient !== undefined)) done.push(engine.step(inputs[p]))
      steps++
      const failed = (error: unknown) => {
        steps--
        throw error
      }
      return (done.some((each) => each instanceof Promise) ? Promise.all(done).then(() => undefined, failed) : undefined) as Done
    },
    async scalars() {
      alive()
      // All reads start before one is waited for, so that they show one moment.
      const single = parts.flatMap(({ indices, program, engine }) =>
        Object.entries(program.states)
          .filter(([, scope]) => scope === 'global' || scope === 'tensor')
          .map(([state, scope]) => ({ indices, state, scope, reading: engine.read(state) })),
      )
      const read = await Promise.all(single.map(({ reading }) => reading))
      const all: Record<string, number> = {}
      for (const [n, { indices, state, scope }] of single.entries()) {
        const numbers = read[n]
        if (scope === 'global' && parts.length === 1) all[state] = numbers[0][0]
        else for (const [j, i] of indices.entries()) all[`${state}/${tensors[i].name}`] = numbers[scope === 'global' ? 0 : j][0]
      }
      return all
    },
    async save(options) {
      alive()
      return save(algorithm, tensors, parts, steps, options)
    },
    async load(checkpoint) {
      alive()
      await load(algorithm, tensors, parts, checkpoint)
      steps = checkpoint.steps
    },
    evaluated() {
      alive()
      const lists: readonly MaybePromise<readonly P[]>[] = parts.map(({ engine }) => engine.evaluated())
      const waiting = lists.some((list) => list instanceof Promise)
      return (waiting ? Promise.all(lists).then(gather) : gather(lists as (readonly P[])[])) as After<Done, Named<P>>
    },
    dispose() {
      if (!disposed) for (const { engine } of parts) engine.dispose()
      disposed = true
    },
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

/** Puts gradients into the parameters' order, or refuses them: unknown names, other shapes or dtypes, none at all. */
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
    new FreestepError('core', code, `The gradient of ${param.name} is ${theirs}, the parameter ${ours}. ${advice}`)
  const shape = (dims: readonly number[]) => `of shape [${dims.join(', ')}]`
  if (gradient.size !== param.size || gradient.shape.some((dim, i) => dim !== param.shape[i]))
    throw refuse('bad-shape', shape(param.shape), shape(gradient.shape), 'Give one number per coordinate.')
  if (gradient.dtype !== param.dtype) throw refuse('bad-dtype', param.dtype, gradient.dtype, 'Convert it.')
}
