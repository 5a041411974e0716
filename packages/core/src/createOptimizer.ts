/**
 * createOptimizer: parameters by name, an algorithm and a backend become an optimizer. The
 * parameters become one vector, or one for each group; what the optimizer then does with them is in
 * run.ts, and how in the backend's engines.
 */
import type { Algorithm, OptionsOf } from './algorithm.ts'
import { checkArguments } from './arguments.ts'
import type { Backend } from './backend.ts'
import { FreestepError } from './errors.ts'
import { optionsPerTensor, partition } from './groups.ts'
import type { MaybePromise } from './later.ts'
import { refuseShared } from './memory.ts'
import type { Named, Optimizer, OptimizerOptions } from './optimizer.ts'
import { type Entries, type Prepared, startNow } from './part.ts'
import { createProgram } from './program.ts'
import { run } from './run.ts'
import type { TensorInfo } from './tensor.ts'

/**
 * Makes an optimizer for the given parameters. Kernels are compiled and states allocated here;
 * steps are synchronous wherever the backend's submission is.
 *
 * @param algorithm - for instance `prodigy()`
 * @param params - the tensors to optimize by name, in the backend's own type, each with memory of
 * its own: tied weights are one parameter, and its gradient is the sum over its uses
 * @param backend - for instance `await cpu()`
 * @throws FreestepError `shared-memory` where two parameters are one tensor, or overlap
 */
export async function createOptimizer<
  A extends Algorithm,
  P,
  Done extends MaybePromise<void> = void,
>(
  algorithm: A,
  params: Named<P>,
  backend: Backend<P, Done>,
  options: OptimizerOptions<OptionsOf<A>> = {},
): Promise<Optimizer<P, Done>> {
  const all = checkArguments(algorithm, params, backend, options)
  const preparing = (named: Entries<P>) => prepare(algorithm, named, backend, all)
  const { tensors, parts } = preparing(Object.entries(params))
  const started = await Promise.all(
    parts.map(async (part) => ({ ...part, engine: await part.start() })),
  )
  return run(algorithm, { tensors, parts: started }, backend, preparing)
}

/**
 * As {@link createOptimizer}, at once, for backends that start without waiting.
 *
 * @throws FreestepError `unsupported` where the backend starts asynchronously
 */
export function createOptimizerSync<A extends Algorithm, P, Done extends MaybePromise<void> = void>(
  algorithm: A,
  params: Named<P>,
  backend: Backend<P, Done>,
  options: OptimizerOptions<OptionsOf<A>> = {},
): Optimizer<P, Done> {
  const all = checkArguments(algorithm, params, backend, options)
  const preparing = (named: Entries<P>) => prepare(algorithm, named, backend, all)
  const { tensors, parts } = preparing(Object.entries(params))
  const started = parts.map((part) => ({ ...part, engine: startNow(part, backend) }))
  return run(algorithm, { tensors, parts: started }, backend, preparing)
}

function prepare<P, Done extends MaybePromise<void>>(
  algorithm: Algorithm,
  params: Entries<P>,
  backend: Backend<P, Done>,
  { groups, splitGroups }: Required<OptimizerOptions<object>>,
): Prepared<P, Done> {
  const tensors = params.map(
    ([name, param]): TensorInfo => ({ name, ...backend.describe(param, name) }),
  )
  if (!tensors.length)
    throw new FreestepError(
      'core',
      'unknown-parameter',
      'There are no parameters. Give at least one tensor by name.',
    )
  refuseShared(
    tensors,
    params.map(([, param]) => param),
    backend,
  )
  const perTensor = optionsPerTensor(algorithm, tensors, groups)
  const split = splitGroups ? partition(tensors, groups) : [[...tensors.keys()]]
  const parts = split.map((indices) => {
    const of = <T>(all: readonly T[]) => indices.map((i) => all[i])
    const program = createProgram(algorithm, of(tensors), of(perTensor))
    const own = of(params.map(([, param]) => param))
    return {
      indices,
      options: of(perTensor),
      program,
      params: own,
      start: () => backend.start(program, own),
    }
  })
  return { tensors, parts }
}
