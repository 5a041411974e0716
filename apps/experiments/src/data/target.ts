// From a target as written in a file to a task: classes, or a quantity. Words are classes, numbers
// a quantity, but for whole numbers of few values, which are classes unless the user says
// otherwise. A fifth of the rows (of every class) is held out as the test split.
import { InputError, quoted } from '../errors.ts'
import { figure, integer } from '../format.ts'
import { shuffler } from '../random.ts'
import { type Features, momentsOf } from './columns.ts'
import { encodeLabels, type Labels, splitRows, TEST_SHARE } from './labels.ts'
import { type Dataset, subset, type Task } from './rows.ts'

/** Whole numbers of up to so many values are classes. */
const FEW_VALUES = 20
const LEAST_ROWS = 5

/** A target before it is known which rows are trained on. */
export type Target = { readonly note?: string } & (
  | ({ readonly kind: 'classification' } & Labels)
  | { readonly kind: 'regression'; readonly values: Float64Array }
)

/** What a target is called, and what the user says about it. */
export interface TargetOptions {
  /** For errors: "f.csv: column 'y'". */
  readonly what: string
  /** For notes: "y". */
  readonly name: string
  readonly task?: Task['kind'] | undefined
}

/** A target whose cells are no numbers. */
export function ofNames(cells: readonly string[], { what, task }: TargetOptions): Target {
  if (task === 'regression') {
    const words = quoted(cells.find((cell) => Number.isNaN(Number(cell))) ?? cells[0]!)
    throw new InputError(
      `${what} holds ${words}, which is not a number; leave out --task to predict classes`,
    )
  }
  return { kind: 'classification', ...encodeLabels(cells, what) }
}

/** A target of numbers, as classes or as a quantity; `cells` is how they are written. */
export function ofNumbers(
  cells: readonly string[],
  values: Float64Array,
  options: TargetOptions,
): Target {
  const { what, name, task } = options
  const kind = task ?? (areClasses(values) ? 'classification' : 'regression')
  if (kind === 'classification') {
    const few = `${name} holds whole numbers of few values, taken as classes; for a quantity say --task regression.`
    return { ...ofNames(cells, { what, name }), ...(task === undefined && { note: few }) }
  }
  if (values.every((value) => value === values[0])) {
    throw new InputError(
      `${what} holds a single value, ${values[0]}: there is nothing to predict; choose another target`,
    )
  }
  const taken = `${name} holds numbers, taken as a quantity; for classes say --task classification.`
  return { kind, values, ...(task === undefined && { note: taken }) }
}

/** Whether numbers are the names of classes: whole, of few values, each with rows to learn from. */
function areClasses(values: Float64Array): boolean {
  const seen = new Set<number>()
  for (const value of values) {
    if (!Number.isInteger(value) || seen.add(value).size > FEW_VALUES) return false
  }
  return seen.size * 2 <= values.length
}

/**
 * Whether a target column is one of words, though many of its cells may be numbers: it has few
 * values, and a word.
 */
export function areWords(cells: readonly string[], isNumber: (cell: string) => boolean): boolean {
  const seen = new Set<string>()
  for (const cell of cells) if (seen.add(cell).size > FEW_VALUES) return false
  return ![...seen].every(isNumber)
}

/** The data set: which rows are held out, and the rest by what the training rows hold. */
export function datasetOf(
  file: string,
  name: string,
  target: Target,
  {
    seed,
    features,
    notes,
  }: { seed: number; features: (train: Int32Array) => Features; notes: readonly string[] },
): Dataset {
  const { train, test } =
    target.kind === 'classification'
      ? splitRows(target, seed, file)
      : splitEvenly(target.values, seed, file)
  const { task, targets } = learned(target, train)
  const { notes: more, ...rest } = features(train)
  const rows = { count: targets.length, targets, ...rest }
  const own = target.note === undefined ? [] : [target.note]
  return {
    name: file,
    target: name,
    task,
    train: subset(rows, train),
    test: subset(rows, test),
    notes: [...own, ...notes, ...more],
  }
}

/** The task, and the targets as they are trained on. */
function learned(target: Target, train: Int32Array): { task: Task; targets: Float32Array } {
  if (target.kind === 'classification') {
    return {
      task: { kind: 'classification', classes: target.classes },
      targets: Float32Array.from(target.labels),
    }
  }
  const { mean, deviation } = momentsOf(target.values, train)
  const targets = Float32Array.from(target.values, (value) => (value - mean) / deviation)
  return { task: { kind: 'regression', mean, deviation }, targets }
}

/** Holds out a fifth of the rows, chosen by the seed. */
function splitEvenly(
  values: Float64Array,
  seed: number,
  file: string,
): { train: Int32Array; test: Int32Array } {
  if (values.length < LEAST_ROWS) {
    throw new InputError(
      `${file} has ${integer(values.length)} rows with a target; a regression needs ${LEAST_ROWS} at least`,
    )
  }
  const order = shuffler(seed)(Int32Array.from(values, (_, row) => row))
  const held = Math.max(2, Math.round(values.length * TEST_SHARE))
  const split = { test: order.slice(0, held), train: order.slice(held) }
  for (const [name, rows] of Object.entries(split)) {
    const { mean, deviation } = momentsOf(values, rows)
    if (deviation > 1e-12 * Math.abs(mean)) continue
    const what = name === 'test' ? 'held out as the test split' : 'to train on'
    throw new InputError(
      `${file}: all rows ${what} have the target ${figure(mean)}; give more rows, or another --seed`,
    )
  }
  return split
}
