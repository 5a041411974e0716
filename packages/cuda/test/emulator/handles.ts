/**
 * Handles: numbers that stand for things of a driver.
 */
import { DriverError, results } from '../../src/driver.ts'

/**
 * Every table counts on from where the last one ended, so that a handle of one is none of another.
 */
let last = 0x1000n

/** A table of things by handle. */
export class Handles<T> {
  private readonly table = new Map<bigint, T>()

  /** How many there are. */
  get size(): number {
    return this.table.size
  }

  /** A handle for a thing. */
  add(thing: T): bigint {
    last += 8n
    this.table.set(last, thing)
    return last
  }

  /** What a handle stands for. */
  get(call: string, handle: bigint): T {
    const thing = this.table.get(handle)
    if (thing === undefined)
      throw new DriverError(call, results.invalidHandle, 'the handle stands for nothing')
    return thing
  }

  /** Takes a handle out of use. */
  remove(call: string, handle: bigint): T {
    const thing = this.get(call, handle)
    this.table.delete(handle)
    return thing
  }

  /** Takes all handles of a thing out of use. */
  forget(thing: T): void {
    for (const [handle, each] of this.table) if (each === thing) this.table.delete(handle)
  }
}
