/**
 * The page's side of the race: it starts the worker, asks, and keeps what is reported, in the form
 * that is drawn. Not what is drawn.
 */
import type { Device, Progress, Racer, Report, Request, Sample } from './protocol.ts'

/** What one run has reported. */
export interface Run {
  readonly racer: Racer
  /** Adam's learning rate. */
  readonly rate: number | undefined
  readonly points: readonly Progress[]
}

/** All there is to see. */
export interface Seen {
  readonly state: 'idle' | 'loading' | 'running' | 'paused' | 'finished' | 'failed'
  readonly device: Device | undefined
  readonly message: string
  readonly prodigy: Run
  readonly adam: Run
  /** Adam at learning rates that were tried before. */
  readonly tried: readonly Run[]
  readonly sample: Sample | undefined
  readonly readings: readonly number[]
}

const fresh = (racer: Racer, rate?: number): Run => ({ racer, rate, points: [] })

/** What is seen before anything was started. */
export const nothing = (rate: number): Seen => ({
  state: 'idle',
  device: undefined,
  message: '',
  tried: [],
  sample: undefined,
  readings: [],
  prodigy: fresh('prodigy'),
  adam: fresh('adam', rate),
})

/** A training in a worker; `show` is told what is seen, whenever that changes. */
export class Training {
  private seen: Seen
  private worker: Worker | undefined
  private readonly show: (seen: Seen) => void

  constructor(rate: number, show: (seen: Seen) => void) {
    this.seen = nothing(rate)
    this.show = show
  }

  /** Starts, on a device; or goes on. */
  run(digits: string, device: Device | 'auto'): void {
    if (this.worker) {
      this.ask({ type: 'run' })
      this.set({ state: 'running' })
      return
    }
    this.worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
    this.worker.onmessage = ({ data }: MessageEvent<Report>) => this.set(this.after(data))
    this.worker.onerror = ({ message }) =>
      this.set({ state: 'failed', message: message || 'The worker could not be started.' })
    this.set({ state: 'loading' })
    this.ask({ type: 'load', digits, device, rate: this.seen.adam.rate ?? 1e-3 })
  }

  /** Stops where it is. */
  pause(): void {
    this.ask({ type: 'pause' })
    this.set({ state: 'paused' })
  }

  /** Lets Adam start again at another learning rate; what it reached before stays to be seen. */
  setRate(rate: number): void {
    const { adam, tried, state } = this.seen
    if (rate === adam.rate) return
    this.set({
      adam: fresh('adam', rate),
      tried: adam.points.length > 2 ? [...tried, adam].slice(-8) : tried,
    })
    this.ask({ type: 'rate', rate })
    if (state === 'finished') {
      this.set({ state: 'running' })
      this.ask({ type: 'run' })
    }
  }

  /** Ends the worker: everything starts afresh. */
  end(): void {
    this.worker?.terminate()
    this.worker = undefined
    this.set(nothing(this.seen.adam.rate ?? 1e-3))
  }

  private ask(request: Request): void {
    this.worker?.postMessage(request)
  }

  private set(part: Partial<Seen>): void {
    this.seen = { ...this.seen, ...part }
    this.show(this.seen)
  }

  /** What a report changes. */
  private after(report: Report): Partial<Seen> {
    switch (report.type) {
      case 'loaded':
        return { state: 'running', device: report.device, sample: report.sample }
      case 'progress': {
        const run = this.seen[report.racer]
        // Others are from before Adam started again.
        return report.rate === run.rate
          ? { [report.racer]: { ...run, points: [...run.points, report] } }
          : {}
      }
      case 'readings':
        return { readings: report.readings }
      case 'finished':
        return { state: 'finished' }
      case 'failed':
        return { state: 'failed', message: report.message }
    }
  }
}
