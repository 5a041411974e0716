/**
 * createOptimizer: parameters by name, an algorithm and a backend become an optimizer. Checks everything a caller can get wrong before
 * a backend sees it. Not an implementation of steps: those are the backend's engines.
 */
import type { Algorithm } from './algorithm.ts'
import type { Backend, Engine, MaybePromise } from './backend.ts'
import { uniformsAt } from './eager.ts'
import { FreestepError, suggest } from './errors.ts'
import { type Group, optionsPerTensor, partition, type TensorInfo } from './groups.ts'
import { createProgram, type Program } from './program.ts'

/** Tensors by name. */
export type Named<P> = Readonly<Record<string, P>>

/** Options of {@link createOptimizer}. */
export interface OptimizerOptions<O> {
  /** Options of the algorithm for some of the parameters; of several groups that name one, the later wins. */
  readonly groups?: readonly Group<O>[]
  /**
   * Runs the algorithm for each group by itself, with its own estimates (its own d), the parameters in no group being one more group.
   * Off by default: all parameters are one vector.
   */
  readonly splitGroups?: boolean
}

/** What a step takes beside the gradients. */
export interface StepOptions<P> {
  /** The value of the objective, for the algorithms that use it. */
  readonly loss?: number | P
}

/** An optimizer at work on its parameters. */
export interface Optimizer<P, Done extends MaybePromise<void> = void> {
  /** The name of the algorithm. */
  readonly algorithm: string
  /** The parameters by name, which steps update in place. */
  readonly params: Named<P>
  /** Where gradients may be written without a copy, on the backends that have such a place (cpu): then `step()` needs no argument. */
  readonly grads: Named<P> | undefined
  /** How many steps were taken. */
  readonly steps: number
  /**
   * Updates the parameters. A parameter without a gradient, or whose lr is 0 at this step, stays as it is, with all that is kept
   * about it, and counts in no sum.
   *
   * @throws FreestepError for unknown names, wrong shapes or dtypes, or a missing loss; parameters and states are then unchanged.
   */
  step(gradients?: Readonly<Record<string, P | null | undefined>>, options?: StepOptions<P>): Done
  /**
   * The algorithm's single numbers by the paper's names (`d`, `r`, `rBar`...), read from the device. One that each parameter has for
   * itself, or each group with `splitGroups`, comes as `name/parameter`.
   */
  scalars(): Promise<Record<string, number>>
  /** The parameters to evaluate the model at, where the algorithm says they are others than `params` (averages). */
  evaluated(): Named<P>
  /** Frees all states; the parameters stay. Any later call is refused. */
  dispose(): void
}

/** A part of the parameters that is a vector of its own: all of them, or one group with `splitGroups`. */
interface Part<P, Done extends MaybePromise<void>> {
  readonly indices: readonly number[]
  readonly program: Program
  readonly engine: Engine<P, Done>
}

/**
 * Makes an optimizer for the given parameters. Kernels are compiled and states allocated here; steps are synchronous wherever the
 * backend's submission is.
 *
 * @param algorithm - for instance `prodigy()`
 * @param params - the tensors to optimize by name, in the backend's own type
 * @param backend - for instance `await cpu()`
 */
export async function createOptimizer<O extends object, P, Done extends MaybePromise<void> = void>(
  algorithm: Algorithm<O>,
  params: Named<P>,
  backend: Backend<P, Done>,
  options: OptimizerOptions<O> = {},
): Promise<Optimizer<P, Done>> {
  const prepared = prepare(algorithm, params, backend, options)
  const started = await Promise.all(prepared.parts.map(async (part) => ({ ...part, engine: await part.start() })))
  return optimizer(algorithm.name, prepared, started, backend)
}

/**
 * As {@link createOptimizer}, at once, for backends that start without waiting.
 *
 * @throws FreestepError `unsupported` where the backend starts asynchronously
 */
export function createOptimizerSync<O extends object, P, Done extends MaybePromise<void> = void>(
  algorithm: Algorithm<O>,
  params: Named<P>,
  backend: Backend<P, Done>,
  options: OptimizerOptions<O> = {},
): Optimizer<P, Done> {
  const prepared = prepare(algorithm, params, backend, options)
  const started = prepared.parts.map((part) => {
    const engine = part.start()
    if (engine instanceof Promise)
      throw new FreestepError('core', 'unsupported', `${backend.name} starts asynchronously. Use "await createOptimizer(…)".`)
    return { ...part, engine }
  })
  return optimizer(algorithm.name, prepared, started, backend)
}

function prepare<O extends object, P, Done extends MaybePromise<void>>(
  algorithm: Algorithm<O>,
  params: Named<P>,
  backend: Backend<P, Done>,
  { groups = [], splitGroups = false }: OptimizerOptions<O>,
) {
  const tensors = Object.entries(params).map(([name, param]): TensorInfo => ({ name, ...backend.describe(param, name) }))
  if (!tensors.length)
    throw new FreestepError('core', 'unknown-parameter', 'There are no parameters. Give at least one tensor by name.')
  const perTensor = optionsPerTensor(algorithm, tensors, groups)
  const split = splitGroups ? partition(tensors, groups) : [[...tensors.keys()]]
  const parts = split.map((indices) => {
    const of = <T>(all: readonly T[]) => indices.map((i) => all[i])
    const program = createProgram(algorithm as unknown as Algorithm, of(tensors), of(perTensor))
    return { indices, program, start: () => backend.start(program, of(Object.values(params))) }
  })
  return { tensors, parts }
}

function optimizer<P, Done extends MaybePromise<void>>(
  algorithm: string,
  { tensors }: { tensors: readonly TensorInfo[] },
  parts: readonly Part<P, Done>[],
  backend: Backend<P, Done>,
): Optimizer<P, Done> {
  const names = tensors.map(({ name }) => name)
  let steps = 0
  let disposed = false

  const alive = () => {
    if (disposed) throw new FreestepError('core', 'disposed', `This ${algorithm} optimizer was disposed. Create a new one.`)
  }
  /** One tensor per parameter, in order, out of what each part's engine lists. */
  const gather = (list: (engine: Engine<P, Done>) => readonly P[] | undefined): Named<P> | undefined => {
    const all: P[] = []
    for (const { indices, engine } of parts) {
      const own = list(engine)
      if (!own) return undefined
      for (const [j, index] of indices.entries()) all[index] = own[j]
    }
    return Object.fromEntries(names.map((name, i) => [name, all[i]]))
  }
  const grads = gather((engine) => engine.gradients)

  /** The gradients in the parameters' order, each of its parameter's shape and dtype. */
  const checked = (given: Readonly<Record<string, P | null | undefined>>): (P | undefined)[] => {
    for (const name of Object.keys(given))
      if (!names.includes(name))
        throw new FreestepError(
          'core',
          'unknown-parameter',
          `There is a gradient for "${name}", which is no parameter.${suggest(name, names)}`,
        )
    return tensors.map((tensor) => {
      const gradient = given[tensor.name]
      if (gradient === undefined || gradient === null) return undefined
      checkGradient(tensor, backend.describe(gradient, `the gradient of ${tensor.name}`))
      return gradient
    })
  }

  return {
    algorithm,
    params: gather((engine) => engine.params) as Named<P>,
    grads,
    get steps() {
      return steps
    },
    step(given = grads, { loss } = {}) {
      alive()
      if (!given)
        throw new FreestepError(
          'core',
          'missing-gradient',
          'step() was called without gradients. Give one per parameter by name.',
        )
      const gradients = checked(given)
      if (gradients.every((gradient) => gradient === undefined))
        throw new FreestepError(
          'core',
          'missing-gradient',
          `No parameter has a gradient. Give them by name: ${names.slice(0, 5).join(', ')}.`,
        )
      if (loss === undefined && parts.some(({ program }) => program.usesLoss))
        throw new FreestepError(
          'core',
          'missing-loss',
          `${algorithm} needs the value of the objective. Call step(gradients, { loss }).`,
        )
      const inputs = parts.map(({ indices, program }) => {
        const frozen = program.frozen(steps)
        const own = indices.map((index, j) => (frozen[j] ? undefined : gradients[index]))
        return { gradients: own, loss, uniforms: uniformsAt(program, steps) }
      })
      const done = parts
        .map(({ engine }, p) => ({ engine, input: inputs[p] }))
        .filter(({ input }) => input.gradients.some((gradient) => gradient !== undefined))
        .map(({ engine, input }) => engine.step(input))
      steps++
      return (done.some((each) => each instanceof Promise) ? Promise.all(done).then(() => undefined) : undefined) as Done
    },
    async scalars() {
      alive()
      const all: Record<string, number> = {}
      for (const { indices, program, engine } of parts) {
        const own = indices.map((index) => names[index])
        for (const [state, scope] of Object.entries(program.states)) {
          if (scope !== 'global' && scope !== 'tensor') continue
          const numbers = await engine.read(state)
          if (scope === 'global' && parts.length === 1) all[state] = numbers[0][0]
          else for (const [j, name] of own.entries()) all[`${state}/${name}`] = numbers[scope === 'global' ? 0 : j][0]
        }
      }
      return all
    },
    evaluated() {
      alive()
      return gather((engine) => engine.evaluated()) as Named<P>
    },
    dispose() {
      if (!disposed) for (const { engine } of parts) engine.dispose()
      disposed = true
    },
  }
}

function checkGradient(param: TensorInfo, gradient: Omit<TensorInfo, 'name'>): void {
  const shape = (dims: readonly number[]) => `[${dims.join(', ')}]`
  if (gradient.size !== param.size || gradient.shape.some((dim, i) => dim !== param.shape[i]))
    throw new FreestepError(
      'core',
      'bad-shape',
      `The gradient of ${param.name} has shape ${shape(gradient.shape)}, the parameter ${shape(param.shape)}. Give one number per coordinate.`,
    )
  if (gradient.dtype !== param.dtype)
    throw new FreestepError(
      'core',
      'bad-dtype',
      `The gradient of ${param.name} is ${gradient.dtype}, the parameter ${param.dtype}. Convert it.`,
    )
}
