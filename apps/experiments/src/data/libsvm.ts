// LIBSVM text to a task: one row per line, `label index:value index:value ...`, indices from 1 and
// ascending, what is not listed is 0, `#` begins a comment. Rows stay sparse until they are copied
// into a batch. Each feature is divided by its largest absolute value among the training rows,
// which keeps zeros zero.
import { InputError, quoted } from '../errors.ts'
import type { Features } from './columns.ts'
import { parseNumber } from './numbers.ts'
import type { Dataset, Task } from './rows.ts'
import { datasetOf, ofNumbers } from './target.ts'

/** Rows as pairs: those of row i are at `starts[i] ... starts[i + 1]`. Columns count from 0. */
interface Pairs {
  readonly starts: number[]
  readonly columns: number[]
  readonly values: number[]
  readonly labels: string[]
}

/** Whether a line looks like LIBSVM text: a label, then a word with a colon. */
export const looksLikeLibsvm = (line: string): boolean =>
  /^[^\s,;"]+\s+[^\s,;":]+:[^\s,;":]*(\s|$)/.test(line.trim())

/** The data set that `text`, the contents of the file `file`, describes. */
export function parseLibsvm(
  text: string,
  file: string,
  { seed, task }: { seed: number; task?: Task['kind'] | undefined },
): Dataset {
  const pairs = readPairs(text, file)
  if (pairs.labels.length === 1)
    throw new InputError(`${file} has one row; training needs several, give more`)
  const values = Float64Array.from(pairs.labels, (label) => parseNumber(label)!)
  const target = ofNumbers(pairs.labels, values, {
    what: `${file}: the label`,
    name: 'the label',
    task,
  })
  return datasetOf(file, 'label', target, {
    seed,
    features: (train) => scaled(pairs, train, file),
    notes: [],
  })
}

function readPairs(text: string, file: string): Pairs {
  const pairs: Pairs = { starts: [0], columns: [], values: [], labels: [] }
  text.split(/\r\n|\n|\r/).forEach((line, index) => {
    const [label, ...words] = line
      .replace(/#.*/, '')
      .split(/\s+/)
      .filter((word) => word !== '')
    if (label === undefined) return
    const where = `${file}, line ${index + 1}`
    if (parseNumber(label) === undefined)
      throw new InputError(`${where}: the label ${quoted(label)} is not a number`)
    pairs.labels.push(label)
    let last = 0
    for (const word of words) last = readPair(word, last, pairs, where)
    pairs.starts.push(pairs.columns.length)
  })
  if (pairs.labels.length === 0) throw new InputError(`${file} is empty`)
  return pairs
}

/** Adds one `index:value` and returns its index, which must be above `last`. */
function readPair(word: string, last: number, { columns, values }: Pairs, where: string): number {
  const [key, text, ...more] = word.split(':')
  const value = parseNumber(text ?? '')
  const index = /^\d+$/.test(key!) ? Number(key) : Number.NaN
  if (more.length > 0 || text === undefined || Number.isNaN(index)) {
    throw new InputError(`${where}: ${quoted(word)} is not index:value`)
  }
  if (value === undefined)
    throw new InputError(`${where}, index ${index}: ${quoted(text)} is not a number`)
  if (index === 0)
    throw new InputError(`${where}: index 0, where indices begin at 1; add 1 to all of them`)
  if (index <= last)
    throw new InputError(`${where}: index ${index} follows ${last}, where indices must ascend`)
  columns.push(index - 1)
  values.push(value)
  return index
}

function scaled({ starts, columns, values }: Pairs, train: Int32Array, file: string): Features {
  const features = columns.reduce((most, column) => Math.max(most, column + 1), 0)
  if (features === 0)
    throw new InputError(`${file} has labels and no features; a row is label index:value ...`)
  const largest = new Map<number, number>()
  for (const row of train) {
    for (let i = starts[row]!; i < starts[row + 1]!; i++) {
      largest.set(columns[i]!, Math.max(largest.get(columns[i]!) ?? 0, Math.abs(values[i]!)))
    }
  }
  return {
    features,
    notes: [],
    copy(row, into, at) {
      for (let i = starts[row]!; i < starts[row + 1]!; i++) {
        // A feature that no training row has carries no information; it stays 0, as training saw
        // it.
        const scale = largest.get(columns[i]!) || Number.POSITIVE_INFINITY
        into[at + columns[i]!] = values[i]! / scale
      }
    },
  }
}
