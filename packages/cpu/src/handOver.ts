/**
 * From an engine to one for more tensors: the states of those that both have. For engines that are read at once.
 */
import type { Numbers, Program } from '@freestep/core'

/** What is read, and written, by the name of a state. */
interface Readable {
  read(state: string): readonly Numbers[]
  write(state: string, numbers: readonly Numbers[]): void
}

/** Writes all states of an engine, which runs the given program, into one whose first tensors are the same. */
export function handOver({ states }: Pick<Program, 'states'>, from: Readable, to: Readable): void {
  for (const [state, scope] of Object.entries(states)) {
    const known = from.read(state)
    to.write(state, scope === 'global' ? known : [...known, ...to.read(state).slice(known.length)])
  }
}
