/**
 * What an optimizer estimates, in the logs of `fit`: d, lr·d and the algorithm's other numbers,
 * read from the device while training goes on. Not a tfjs Callback class, which would need
 * tfjs-layers: `fit` takes plain objects of functions as well.
 */
import type { FreestepOptimizer } from './optimizer.ts'

/** The algorithm's numbers after a step. */
export interface ScalarRecord {
  /** How many steps had been taken. */
  readonly step: number
  /** By the paper's names, and `lr·d` where there is a d. */
  readonly [name: string]: number
}

/** Options of {@link logScalars}. */
export interface LogOptions {
  /**
   * Reads the numbers after every so many steps. A read that is still under way is not waited for:
   * the next one is left out.
   */
  readonly every?: number
  /** Called with each record when it arrives. */
  readonly onRecord?: (record: ScalarRecord) => void
  /**
   * Also puts the latest numbers into the logs of every batch, for callbacks further on (tfjs-vis).
   * Then tfjs itself waits for the loss of every batch, as it does for any callback with
   * `onBatchEnd`.
   */
  readonly batches?: boolean
}

type Logs = Record<string, unknown>

/** What {@link logScalars} returns: callbacks for `fit`, and the records so far. */
export interface ScalarLog {
  /** Every record that has arrived. */
  readonly records: readonly ScalarRecord[]
  /** Called by tfjs after an epoch: adds the numbers to its logs. */
  onEpochEnd(epoch: number, logs?: Logs): Promise<void>
  /** Called by tfjs after a batch, where `batches` is on: adds the latest numbers to its logs. */
  onBatchEnd?(batch: number, logs?: Logs): void
  /** Called by tfjs at the end: waits for the last numbers. */
  onTrainEnd(logs?: Logs): Promise<void>
}

/**
 * Follows an optimizer: `model.fit(x, y, { callbacks: logScalars(optimizer) })`. The numbers appear
 * in the logs of each epoch, hence in the history that `fit` returns (`history.history.d`). Until
 * training ends, the records fill up every `every` steps.
 */
export function logScalars(
  optimizer: FreestepOptimizer,
  { every = 10, onRecord, batches = false }: LogOptions = {},
): ScalarLog {
  const records: ScalarRecord[] = []
  let reading: Promise<void> | undefined
  const read = async () => {
    const { iterations: step, lr } = optimizer
    const scalars = await optimizer.scalars()
    const record = { step, ...scalars, ...(scalars.d !== undefined && { lr·d: lr * scalars.d }) }
    records.push(record)
    onRecord?.(record)
  }
  const start = () => {
    reading ??= read().finally(() => {
      reading = undefined
    })
    return reading
  }
  const stop = optimizer.onStep(() => {
    if (optimizer.iterations % every === 0) start().catch(() => {})
  })
  const latest = () => {
    const { step: _, ...numbers } = records.at(-1) ?? { step: 0 }
    return numbers
  }
  return {
    records,
    async onEpochEnd(_epoch, logs = {}) {
      await reading
      if (records.at(-1)?.step !== optimizer.iterations) await start()
      Object.assign(logs, latest())
    },
    ...(batches && {
      onBatchEnd: (_batch: number, logs: Logs = {}) => void Object.assign(logs, latest()),
    }),
    async onTrainEnd() {
      stop()
      await reading
    },
  }
}
