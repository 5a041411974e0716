/**
 * What WebGPU finds wrong with the work of one optimizer, which it says later: validation (buffers
 * that are destroyed, or of another device), memory, loss of the device. Told to that optimizer at
 * its next call, and to nobody else. Not what is wrong with a call.
 */
import { FreestepError } from '@freestep/core'
import type { Device } from './device.ts'

/** Work that was given to the device, and what WebGPU found wrong with it, if anything. */
export interface Watched<T> {
  readonly result: T
  readonly failure: Promise<FreestepError | undefined>
}

/** The failures of one optimizer. */
export class Watch {
  /** Its first failure, or the loss of the device; pending while all is well. */
  readonly lost: Promise<FreestepError>
  private readonly device: Device
  private report: (failure: FreestepError) => void = () => {}
  private failure: FreestepError | undefined
  /** Resolves when all is known of what was done so far. */
  private known: Promise<unknown> = Promise.resolve()

  constructor(device: Device) {
    this.device = device
    this.lost = new Promise((resolve) => {
      this.report = resolve
      void device.gone.then(resolve)
    })
  }

  /**
   * Throws what went wrong since the last call. A lost device stays lost; a failed step did
   * nothing, and the next may go well.
   */
  check(): void {
    this.device.check()
    const { failure } = this
    this.failure = undefined
    if (failure) throw failure
  }

  /** Calls f, and takes note of what WebGPU finds wrong with what it did. */
  over<T>(f: () => T): Watched<T> {
    const { result, failure } = this.inScopes(f)
    const noted = failure.then((found) => {
      this.failure ??= found
      return found
    })
    this.known = Promise.all([this.known, noted])
    return { result, failure: noted }
  }

  /**
   * What f reads, if nothing went wrong until then. Where reading itself fails, what comes is
   * zeros: that is said to whoever reads, and not once more at the next call.
   */
  async read<T>(f: () => Promise<T>): Promise<T> {
    const { result, failure } = this.inScopes(f)
    const read = await result.catch(async (error: unknown) => {
      // A lost device is what a failed read is about, and may be reported after it.
      await Promise.race([this.device.gone, new Promise((resolve) => setTimeout(resolve, 100))])
      this.device.check()
      throw (await failure) ?? error
    })
    const found = await failure
    if (found) throw found
    await this.settled()
    return read
  }

  /** Waits until all is known of what was done so far, and throws what went wrong. */
  async settled(): Promise<void> {
    await this.known
    this.check()
  }

  private inScopes<T>(f: () => T): Watched<T> {
    const { device } = this.device
    for (const filter of scopes) device.pushErrorScope(filter)
    try {
      return { result: f(), failure: this.found() }
    } catch (error) {
      void this.found()
      throw error
    }
  }

  /** The first error of the open scopes. */
  private async found(): Promise<FreestepError | undefined> {
    const errors = await Promise.all(scopes.map(() => this.device.device.popErrorScope())).catch(
      () => [],
    )
    const error = errors.find((each) => each)
    if (!error) return undefined
    const failure = refusal(error)
    this.report(failure)
    this.device.report(failure)
    return failure
  }
}

const scopes = ['validation', 'out-of-memory', 'internal'] as const

function refusal(cause: GPUError): FreestepError {
  const reason = cause.message.trim()
  if (cause.constructor.name === 'GPUOutOfMemoryError')
    return new FreestepError(
      'webgpu',
      'out-of-memory',
      `The GPU has not enough memory: ${reason}`,
      { cause },
    )
  const advice =
    'A buffer that was destroyed, or belongs to another device, is the usual cause: give buffers that live, of this device.'
  return new FreestepError(
    'webgpu',
    'unsupported',
    `WebGPU refused the work, and did none of it. ${advice} It says: ${reason}`,
    {
      cause,
    },
  )
}
