/**
 * Loads that take their time: one after the other, and no call sees a checkpoint that is half
 * there. Not what is loaded, which is resume.ts.
 */
import { FreestepError } from './errors.ts'
import { after, type MaybePromise, together } from './later.ts'
import type { Write } from './resume.ts'

/** The loads of one optimizer. */
export class Loads {
  /** Those that have not ended; never rejects. */
  pending: Promise<void> | undefined
  /** Whether the last one failed on the way: what is there then is of no one moment. */
  private broken = false
  private readonly algorithm: string

  constructor(algorithm: string) {
    this.algorithm = algorithm
  }

  /** Refuses while one is pending, and after one that failed on the way. */
  check(): void {
    const refuse = (what: string) => new FreestepError('core', 'not-loaded', what)
    if (this.pending)
      throw refuse(`A checkpoint is being loaded into ${this.algorithm}. Wait for load() first.`)
    if (this.broken)
      throw refuse(`${this.algorithm} is half loaded, as load() failed. Load a checkpoint again.`)
  }

  /** Starts every write at once, so that they come before whatever is asked of an engine next. */
  write(writes: readonly Write[]): MaybePromise<void> {
    this.broken = true
    return after(together(writes.map((each) => each())), () => {
      this.broken = false
    })
  }

  /** Lets the others wait until this one has ended. */
  ending(load: MaybePromise<void>): MaybePromise<void> {
    if (!(load instanceof Promise)) return load
    const ended = load.finally(() => {
      this.pending = undefined
    })
    this.pending = ended.catch(() => undefined)
    return ended
  }
}
