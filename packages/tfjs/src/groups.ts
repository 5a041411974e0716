/**
 * Parameter groups and schedules in the terms of tfjs: groups name variables as the user knows them, and a schedule goes on where a
 * loaded optimizer, or one that a variable joined, has got to. Not the meaning of groups: that is core's.
 */
import { FreestepError, type Group, type Schedule, suggest } from '@freestep/core'

/** Options whose schedules start at step k: of the algorithm, and of groups. The same schedule stays the same function. */
export function startingAt(k: number): <T extends object>(options: T) => T {
  const shifted = new Map<Schedule, Schedule>()
  const shift = (schedule: Schedule): Schedule => {
    const known = shifted.get(schedule) ?? ((step: number) => schedule(step + k))
    shifted.set(schedule, known)
    return known
  }
  return (options) => {
    const entries = Object.entries(options).map(([name, value]) => [
      name,
      typeof value === 'function' && name !== 'params' ? shift(value as Schedule) : value,
    ])
    return k === 0 ? options : Object.fromEntries(entries)
  }
}

/**
 * Groups that find their variables by label.
 *
 * @param labels - the label of each parameter of core
 * @param variables - the names of all tfjs variables: a group may name one that has not taken part yet, but none that is not there
 */
export function byLabel(
  groups: readonly Group<object>[],
  labels: ReadonlyMap<string, string>,
  variables: readonly string[],
): Group<object>[] {
  const known = [...new Set([...labels.values(), ...variables])]
  return groups.map(({ params, ...options }) => {
    const label = (name: string) => labels.get(name) ?? name
    if (typeof params === 'function') return { ...options, params: (name, tensor) => params(label(name), tensor) }
    for (const name of params)
      if (!known.includes(name))
        throw new FreestepError(
          'tfjs',
          'unknown-parameter',
          `A group names "${name}", which is no variable.${suggest(name, known)}`,
        )
    return { ...options, params: (name: string) => params.includes(label(name)) }
  })
}
