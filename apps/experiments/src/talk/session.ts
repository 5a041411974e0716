// A method at work on a problem, whatever the tensors are: plain arrays or tfjs variables. It hides
// their type, so that following a run, saving and resuming it are written once.
import {
  type Algorithm,
  type Backend,
  createOptimizer,
  fromSafetensors,
  type Named,
  type Optimizer,
  toSafetensors,
} from '@freestep/core'
import type { Method } from './methods.ts'
import type { Numbers } from './numbers.ts'

/** What a measurement can look at. */
export interface Moment<P> {
  readonly optimizer: Optimizer<P>
  /** Steps taken. */
  readonly steps: number
  /** Whether the run ends here. */
  readonly last: boolean
  /** What the problem has written down on the way; the checkpoint keeps it. */
  readonly memory: Numbers
}

/** A problem ready to be optimized. */
export interface Task<P> {
  /** The parameters, at their start. */
  readonly params: Named<P>
  readonly backend: Backend<P>
  /**
   * Gives the optimizer the gradient at its parameters for step k = 0, 1, …, and returns the loss
   * there.
   */
  step(optimizer: Optimizer<P>, k: number): number
  /** Looks at the run; called at a few dozen steps and at the end. */
  measure(moment: Moment<P>): Numbers
  /** Looks at every step, for what theorems say about each; gets the scalars after it. */
  watch?(moment: Omit<Moment<P>, 'last'>, scalars: Numbers): void
  dispose(): void
}

/** A task and an optimizer on it. */
export interface Session {
  step(k: number): number
  /** The measurements, and `d`, the distance that the method estimates. */
  measure(steps: number, last: boolean): Promise<Numbers>
  readonly watches: boolean
  watch(steps: number): Promise<void>
  /** Everything that is needed to continue bit for bit. */
  save(): Promise<{ state: string; memory: Numbers }>
  load(saved: { state: string; memory: Numbers }): Promise<void>
  dispose(): void
}

/** Starts a method on a task. */
export async function begin<P>(
  task: Task<P>,
  algorithm: Algorithm,
  distance: Method['distance'],
): Promise<Session> {
  const optimizer = await createOptimizer(algorithm, task.params, task.backend)
  const memory: Numbers = {}
  return {
    step: (k) => task.step(optimizer, k),
    async measure(steps, last) {
      const measured = task.measure({ optimizer, steps, last, memory })
      if (distance === undefined) return measured
      const value = single(await optimizer.scalars(), distance.scalar)
      return { d: distance.root ? Math.sqrt(value) : value, ...measured }
    },
    watches: task.watch !== undefined,
    watch: async (steps) => task.watch?.({ optimizer, steps, memory }, await optimizer.scalars()),
    async save() {
      const bytes = toSafetensors(await optimizer.save({ params: true }))
      return { state: Buffer.from(bytes).toString('base64'), memory: { ...memory } }
    },
    async load(saved) {
      await optimizer.load(fromSafetensors(Buffer.from(saved.state, 'base64')))
      Object.assign(memory, saved.memory)
    },
    dispose() {
      optimizer.dispose()
      task.dispose()
    },
  }
}

/** A scalar; of one that each tensor has for itself the geometric mean. */
function single(scalars: Numbers, name: string): number {
  const all = Object.entries(scalars).flatMap(([key, value]) =>
    key === name || key.startsWith(`${name}/`) ? [value] : [],
  )
  return all.length === 1
    ? all[0]
    : Math.exp(all.reduce((sum, value) => sum + Math.log(value), 0) / all.length)
}
