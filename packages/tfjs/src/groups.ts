/**
 * Parameter groups in the terms of tfjs: they name variables as the user knows them, which core's
 * names for parameters need not be. Not the meaning of groups: that is core's.
 */
import { FreestepError, type Group, suggest } from '@freestep/core'

/**
 * Groups that find their variables by label, which is looked up whenever core asks whether a
 * parameter is a member.
 */
export const byLabel = (
  groups: readonly Group<object>[],
  label: (name: string) => string,
): Group<object>[] =>
  groups.map(({ params, ...options }) => ({
    ...options,
    params: (name, tensor) =>
      typeof params === 'function' ? params(label(name), tensor) : params.includes(label(name)),
  }))

/**
 * Refuses a group that names what is not known: it may name a variable that has not taken part yet,
 * but none that is not there.
 */
export function checkNames(groups: readonly Group<object>[], known: readonly string[]): void {
  for (const name of groups.flatMap(({ params }) => (typeof params === 'function' ? [] : params)))
    if (!known.includes(name))
      throw new FreestepError(
        'tfjs',
        'unknown-parameter',
        `A group names "${name}", which is not a variable.${suggest(name, known)}`,
      )
}
