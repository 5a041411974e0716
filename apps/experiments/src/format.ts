// How numbers are written, the same on the terminal and in the report. NaN and the infinities are
// results too (Adam at a learning rate of 1) and are shown as what they are.

const grouped = new Intl.NumberFormat('en-US')

/** 60,000 */
export const integer = (n: number): string => grouped.format(n)

/** 97.58% from a share of 1. */
export const percent = (share: number): string => `${(100 * share).toFixed(2)}%`

/** A loss or a distance, to three digits: 0.0203, 2.31, 2.64e-3, NaN. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  return value !== 0 && (value < 1e-2 || value >= 1e4)
    ? value.toExponential(2)
    : value.toPrecision(3)
}

/** A learning rate as people write it: 1e-5, 1e-3, 0.01, 0.1, 1. */
export const rate = (lr: number): string => (lr < 1e-2 ? lr.toExponential() : String(lr))
