/**
 * From an engine to one for more tensors: the states of those that both have. For engines that are
 * read at once.
 */
import type { Numbers, Program } from '@freestep/core'

/** What is read, and written, by the name of a state. */
interface Readable {
  read(state: string): readonly Numbers[]
  write(state: string, numbers: readonly Numbers[]): void
}

type Known = Pick<Program, 'states' | 'tensors'>

/**
 * Writes all states of an engine, which runs the given program, into one for more tensors, the
 * first of which are the same.
 */
export function handOver(program: Known, next: Known, from: Readable, to: Readable): void {
  for (const [state, scope] of Object.entries(program.states)) {
    const numbers = from.read(state)
    // A number of all may be one of each tensor now, where an option is another for what joins.
    const spread = scope === 'global' && next.states[state] !== 'global'
    const known = spread ? program.tensors.map(() => numbers[0]) : numbers
    to.write(
      state,
      next.states[state] === 'global' ? known : [...known, ...to.read(state).slice(known.length)],
    )
  }
}
