// What the training loop sees of any data set, whatever its format: numbered rows that write their
// features as floats into a batch. How they are stored (pixels as bytes, sparse pairs, columns of a
// table) stays with each format, so a batch is dense and the data set need not be.

/** Rows with what is to be predicted of each. */
export interface Rows {
  readonly count: number
  /** Features per row, all of them numbers by now. */
  readonly features: number
  /** The target of each row: its class, an index into `classes`; or its quantity, standardised. */
  readonly targets: Float32Array
  /** Writes the features of a row to `into[at ... at + features)`, which holds zeros. */
  copy(row: number, into: Float32Array, at: number): void
}

/** What is to be learned: which class a row belongs to, or how large a quantity is. */
export type Task =
  | { readonly kind: 'classification'; readonly classes: readonly string[] }
  | { readonly kind: 'regression'; readonly mean: number; readonly deviation: number }

/** The kinds of tasks. */
export const TASKS = ['classification', 'regression'] as const

/** A task, with rows to learn from and rows held out to judge by. */
export interface Dataset {
  readonly name: string
  /** The name of what is predicted. */
  readonly target: string
  readonly task: Task
  readonly train: Rows
  readonly test: Rows
  /**
   * What a reader of the results should know: missing values, columns left out, who made the data.
   */
  readonly notes: readonly string[]
}

/** The rows at `indices`, in that order; nothing is copied but their targets. */
export function subset(rows: Rows, indices: Int32Array): Rows {
  return {
    count: indices.length,
    features: rows.features,
    targets: Float32Array.from(indices, (row) => rows.targets[row]!),
    copy: (row, into, at) => rows.copy(indices[row]!, into, at),
  }
}
