/** What the page and the worker that trains say to each other. */

/** The two that race. */
export type Racer = 'prodigy' | 'adam'

/** Where TensorFlow.js computes. */
export type Device = 'webgpu' | 'wasm'

/** What the page asks for. */
export type Request =
  | {
      readonly type: 'load'
      readonly digits: string
      readonly device: Device | 'auto'
      readonly rate: number
    }
  | { readonly type: 'run' }
  | { readonly type: 'pause' }
  /** Adam starts again, at another learning rate. */
  | { readonly type: 'rate'; readonly rate: number }

/** How far a racer has come. */
export interface Progress {
  readonly type: 'progress'
  readonly racer: Racer
  /** Adam's learning rate. */
  readonly rate: number | undefined
  /** How many steps it has taken. */
  readonly step: number
  /** The cross-entropy of the last batch, in nats. */
  readonly loss: number
  /** The estimate of the distance, of Prodigy. */
  readonly d: number | undefined
  /** The part of the test digits that are read rightly, where it was measured at this step. */
  readonly accuracy: number | undefined
  readonly stepsPerSecond: number
}

/** What the worker reports. */
export type Report =
  | { readonly type: 'loaded'; readonly device: Device; readonly sample: Sample }
  | Progress
  /** What Prodigy's network reads in the sample now. */
  | { readonly type: 'readings'; readonly readings: readonly number[] }
  /** Every racer has come to the end. */
  | { readonly type: 'finished' }
  | { readonly type: 'failed'; readonly message: string }

/** Some test digits to look at. */
export interface Sample {
  readonly images: Uint8Array
  readonly labels: Uint8Array
}

/** How many steps the race has. */
export const lastStep = 1000

/** The digits of one step. */
export const batchSize = 100
