/**
 * The single numbers of one optimizer that come from the host: uniforms, and the loss where it is a
 * number. Written only where they are new. Not where slots are, which is the device's.
 */
import type { Program } from '@freestep/core'
import type { Device, Memory, Work } from './device.ts'
import { bytesEach, encode } from './numbers.ts'

/** Numbers by the names of their slots. */
export type Numbered = Readonly<Record<string, readonly number[]>>

type Writing<M> = Pick<Work<M, unknown, unknown>, 'recorded' | 'upload'>

/** The slots of one optimizer. */
export class Slots<M> {
  private readonly device: Pick<Device<unknown, M, unknown, unknown>, 'numbers' | 'launched'>
  private readonly memory: Pick<Memory<M, unknown>, 'slot'>
  private readonly program: Program
  /** What was last written. */
  private written: Numbered = {}

  constructor(
    device: Pick<Device<unknown, M, unknown, unknown>, 'numbers' | 'launched'>,
    memory: Pick<Memory<M, unknown>, 'slot'>,
    program: Program,
  ) {
    this.device = device
    this.memory = memory
    this.program = program
  }

  /** Writes the numbers that do not come with launches, where they are new. */
  update(work: Writing<M>, numbers: Numbered): void {
    const { device, program } = this
    const kept = Object.entries(numbers).filter(([name]) => !device.launched(name, program))
    for (const [name, values] of kept) {
      const before = this.written[name]
      if (work.recorded || !before || values.some((value, i) => value !== before[i]))
        this.set(work, name, values)
    }
    // When what is recorded will be done, and how often, is not known here.
    this.written = work.recorded ? {} : Object.fromEntries(kept)
  }

  /** Writes a number, or one for each tensor. */
  set(work: Writing<M>, name: string, values: readonly number[]): void {
    const { numbers } = this.device
    let from = 0
    for (const place of this.memory.slot(name) ?? []) {
      const own = values.slice(from, from + place.bytes / bytesEach[numbers])
      work.upload(place, encode(own, numbers), name)
      from += own.length
    }
  }
}
