/**
 * Places in a stream, and recordings of one: to measure, to order streams, to launch a whole
 * training step at once.
 */
import { type Device, refuse } from './device.ts'

/** A place in a stream. */
export class Mark {
  private readonly device: Device
  private readonly event: bigint
  private isFreed = false

  /** @internal Made by a backend. */
  constructor(device: Device) {
    this.device = device
    this.event = device.do((driver) => {
      const event = driver.createEvent(true)
      driver.record(event, device.stream)
      return event
    })
  }

  /** Whether everything before it is done. */
  get reached(): boolean {
    return this.device.do((driver) => driver.reached(this.alive))
  }

  /** Milliseconds that the device took from an earlier mark to this one, both reached. */
  since(earlier: Mark): number {
    return this.device.do((driver) => driver.elapsed(earlier.alive, this.alive))
  }

  /** Gives the driver's event back. */
  free(): void {
    const event = this.alive
    this.isFreed = true
    this.device.do((driver) => driver.destroyEvent(event))
  }

  /** @internal Has another stream wait for it. */
  holdUp(other: Device): void {
    other.do((driver) => driver.waitFor(other.stream, this.alive))
  }

  private get alive(): bigint {
    if (this.isFreed) throw refuse('disposed', 'This mark was freed. Make another one.')
    return this.event
  }
}

/** A recording of what was put into a stream. */
export class Graph {
  private readonly device: Device
  private readonly graph: bigint
  private isFreed = false

  private constructor(device: Device, graph: bigint) {
    this.device = device
    this.graph = graph
  }

  /** @internal Records in a stream of its own, because the default one cannot be. */
  static of(device: Device, f: () => void): Graph {
    const outer = device.stream
    const stream = device.do((driver) => driver.createStream())
    const end = () => {
      device.stream = outer
      return device.do((driver) => driver.endCapture(stream))
    }
    try {
      device.do((driver) => driver.beginCapture(stream))
      device.stream = stream
      try {
        f()
      } catch (error) {
        discard(device, end)
        throw error
      }
      return new Graph(device, end())
    } finally {
      device.stream = outer
      device.do((driver) => driver.destroyStream(stream))
    }
  }

  /** Does all that was recorded, in the stream of the backend. */
  launch(): void {
    if (this.isFreed) throw refuse('disposed', 'This graph was freed. Capture another one.')
    this.device.do((driver) => driver.launchGraph(this.graph, this.device.stream))
  }

  /** Gives it back. */
  free(): void {
    if (this.isFreed) throw refuse('disposed', 'This graph was freed before. Free it once.')
    this.isFreed = true
    this.device.do((driver) => driver.destroyGraph(this.graph))
  }
}

/**
 * Ends a recording that is of no use; whether the driver could make something of it does not
 * matter.
 */
function discard(device: Device, end: () => bigint): void {
  try {
    const graph = end()
    device.do((driver) => driver.destroyGraph(graph))
  } catch {}
}
