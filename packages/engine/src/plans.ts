/**
 * Plans, remembered from one step to the next: gradients may come in a few sets of memory in turn.
 * Not what is in a plan, which is the device's.
 */
import type { Memory, Place, Tensors } from './device.ts'

/** How many plans are remembered. */
const remembered = 4

const samePlace = <M>(a: Place<M> | undefined, b: Place<M> | undefined) =>
  a === b || (a !== undefined && b !== undefined && a.memory === b.memory && a.at === b.at)

/** Whether the same tensors take part, at the same places. */
const sameTensors = <M>(a: Tensors<M>, b: Tensors<M>): boolean =>
  a.active.every((active, i) => active === b.active[i]) &&
  a.x.every((place, i) => samePlace(place, b.x[i])) &&
  a.g.every((place, i) => samePlace(place, b.g[i]))

/** The plans of one optimizer. */
export class Plans<M, P> {
  private readonly memory: Pick<Memory<M, P>, 'plan' | 'discard'>
  /** Those that are remembered, the one that was used last first. */
  private known: { readonly tensors: Tensors<M>; readonly plan: P }[] = []

  constructor(memory: Pick<Memory<M, P>, 'plan' | 'discard'>) {
    this.memory = memory
  }

  /** The plan for tensors at the given places, as it was made before, or a new one. */
  of(tensors: Tensors<M>): P {
    const found = this.known.find((each) => sameTensors(each.tensors, tensors))
    if (found && found === this.known[0]) return found.plan
    const others = this.known.filter((each) => each !== found)
    if (!found) for (const { plan } of others.splice(remembered - 1)) this.memory.discard(plan)
    this.known = others
    const first = found ?? { tensors, plan: this.memory.plan(tensors) }
    this.known = [first, ...others]
    return first.plan
  }
}
