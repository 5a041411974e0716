// How long a run is: the steps follow the rows, so that a small file is not gone through a thousand
// times, and the batch follows them, too, so that a small file still makes enough steps.

/**
 * Steps of a run at most, unless epochs are asked for: 8 epochs of MNIST in batches of 128; and
 * those of `--quick`.
 */
export const STEPS = { full: 3750, quick: 300 }

/** Passes over the training rows at most, unless more are asked for. */
export const EPOCHS = 30

/** Rows per batch at most, and at least where there are as many. */
export const BATCH = { most: 128, least: 8 }

const STEPS_PER_EPOCH = 25

/** What the user asked for. */
export interface Wishes {
  readonly epochs?: number | undefined
  readonly batch?: number | undefined
  readonly quick?: boolean | undefined
}

/** The batch and the number of steps for so many training rows. */
export function sizesFor(
  rows: number,
  { epochs, batch: wanted, quick }: Wishes,
): { batch: number; steps: number } {
  const batch = Math.min(rows, wanted ?? usualBatch(rows))
  const stepsOf = (passes: number) => Math.ceil((passes * rows) / batch)
  if (epochs !== undefined) return { batch, steps: stepsOf(epochs) }
  return { batch, steps: Math.min(quick ? STEPS.quick : STEPS.full, stepsOf(EPOCHS)) }
}

/** The power of two that makes an epoch of at least 25 steps, within the bounds. */
function usualBatch(rows: number): number {
  const power = 2 ** Math.floor(Math.log2(Math.max(1, rows / STEPS_PER_EPOCH)))
  return Math.min(BATCH.most, Math.max(BATCH.least, power))
}
