/**
 * What `createOptimizer` is given, looked at before any of it is used: mistakes that would be a
 * TypeError somewhere inside.
 */
import type { Backend } from './backend.ts'
import { FreestepError, kindOf } from './errors.ts'
import type { Group } from './groups.ts'
import type { OptimizerOptions } from './optimizer.ts'
import { type Declared, given } from './options.ts'
import { chooseOptions, isAlgorithm } from './settings.ts'

const defaults: Declared<Required<OptimizerOptions<object>>> = {
  groups: given<readonly Group<object>[]>(
    'a list of groups, such as [{ params: ["w"], lr: 0.1 }]',
    Array.isArray,
    [],
  ),
  splitGroups: false,
}

/**
 * The options of createOptimizer, all of them.
 *
 * @throws FreestepError where one of the arguments is not what it has to be
 */
export function checkArguments(
  algorithm: unknown,
  params: unknown,
  backend: unknown,
  options: unknown,
): Required<OptimizerOptions<object>> {
  const refuse = (message: string) =>
    new FreestepError('core', 'bad-option', `createOptimizer: ${message}`)
  if (!isAlgorithm(algorithm))
    throw refuse(`the algorithm is ${kindOf(algorithm)}. Give one that is made, such as prodigy().`)
  if (
    typeof params !== 'object' ||
    params === null ||
    ArrayBuffer.isView(params) ||
    'then' in params
  )
    throw refuse(`the parameters are ${kindOf(params)}. Give tensors by name, such as { w, b }.`)
  if (!isBackend(backend))
    throw refuse(`the backend is ${kindOf(backend)}. Give one that is there, such as await cpu().`)
  return chooseOptions({ what: 'createOptimizer' }, defaults, options)
}

const isBackend = (value: unknown): value is Backend<unknown> =>
  typeof value === 'object' && value !== null && 'describe' in value && 'start' in value
