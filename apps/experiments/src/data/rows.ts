// What the training loop sees of any data set, whatever its format: numbered rows that write their features as floats
// into a batch. How they are stored (pixels as bytes, sparse pairs, columns of a table) stays with each format, so a
// batch is dense and the data set need not be.

/** Labelled rows. */
export interface Rows {
  readonly count: number
  /** Features per row, all of them numbers by now. */
  readonly features: number
  /** The class of each row: an index into `Dataset.classes`. */
  readonly labels: Int32Array
  /** Writes the features of a row to `into[at ... at + features)`, which holds zeros. */
  copy(row: number, into: Float32Array, at: number): void
}

/** A classification problem: rows to learn from and rows held out to judge by. */
export interface Dataset {
  readonly name: string
  readonly classes: readonly string[]
  readonly train: Rows
  readonly test: Rows
  /** What a reader of the results should know: missing values, columns left out, who made the data. */
  readonly notes: readonly string[]
}

/** The rows at `indices`, in that order; nothing is copied but their labels. */
export function subset(rows: Rows, indices: Int32Array): Rows {
  return {
    count: indices.length,
    features: rows.features,
    labels: indices.map((row) => rows.labels[row]!),
    copy: (row, into, at) => rows.copy(indices[row]!, into, at),
  }
}
