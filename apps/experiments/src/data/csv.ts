// A CSV file to a task: which column is the target, which are features, which are left out. How the
// text becomes a table is table.ts, what its columns are kinds.ts, how they become features
// columns.ts, and the target target.ts.
import { InputError, quoted, suggestion } from '../errors.ts'
import { integer } from '../format.ts'
import { encodeColumns } from './columns.ts'
import { type Column, isMissing, kindsOf, listed } from './kinds.ts'
import { type Notation, readNumber } from './numbers.ts'
import type { Dataset, Task } from './rows.ts'
import { readTable, type Table } from './table.ts'
import { areWords, datasetOf, ofNames, ofNumbers } from './target.ts'

/** What the user says about the columns of a CSV file. */
export interface CsvOptions {
  readonly target?: string | undefined
  /** Columns that hold names of categories even where they look like numbers. */
  readonly categorical?: readonly string[]
  /** Columns to leave out. */
  readonly ignore?: readonly string[]
  /** Whether the first line names the columns; it is looked at unless this tells. */
  readonly header?: 'yes' | 'no'
  readonly decimal?: Notation
  readonly task?: Task['kind'] | undefined
  readonly seed: number
}

/** The data set that `text`, the contents of the file `file`, describes. */
export function parseCsv(text: string, file: string, options: CsvOptions): Dataset {
  const table = readTable(text, file, options.header)
  const { header } = table
  const target = targetOf(table, file, options.target)
  const all = (names: readonly string[] = [], option: string) =>
    new Set(names.flatMap((name) => find(table, name, option, file)))
  const categorical = all(options.categorical, '--categorical')
  const ignored = all(options.ignore, '--ignore').add(target)

  const name = header[target]!
  const about = { name, what: `${file}: column ${quoted(name)}`, task: options.task }
  const { records, lines, unlabelled } = withoutMissing(table, target)
  if (records.length === 0) throw new InputError(`${about.what} is empty; choose another --target`)
  if (records.length === 1)
    throw new InputError(`${file} has one row with a target; training needs several, give more`)
  const cellsOf = (index: number) => records.map((record) => record[index]!)
  const columns = header.flatMap((title, index): Column[] =>
    ignored.has(index)
      ? []
      : [{ name: title, cells: cellsOf(index), categorical: categorical.has(index) }],
  )
  const cells = cellsOf(target)
  const words = options.task === 'classification' || categorical.has(target)
  const isNumber = (cell: string) =>
    (readNumber(cell, 'point') ?? readNumber(cell, 'comma')) !== undefined
  const column = {
    name,
    cells,
    categorical: words || (options.task === undefined && areWords(cells, isNumber)),
  }
  const origin = { file, lines, separator: table.separator, decimal: options.decimal }
  const { kinds, notes } = kindsOf([...columns, column], origin)
  const kind = kinds.at(-1)!
  const goal =
    kind.kind === 'numbers' ? ofNumbers(cells, kind.values, about) : ofNames(cells, about)
  const left = unlabelled > 0 ? [`Rows without a target, left out: ${integer(unlabelled)}.`] : []
  return datasetOf(file, name, goal, {
    seed: options.seed,
    features: (train) => encodeColumns(columns, { kinds, notes }, train, file),
    notes: [...table.notes, ...left],
  })
}

function targetOf(table: Table, file: string, name: string | undefined): number {
  if (name === undefined) {
    const row = table.headless
      ? '; its first line was read as a row, say --header yes if it names them'
      : ''
    const names = listed(table.header)
    throw new InputError(
      `${file}: name the column to predict with --target COLUMN; there are ${names}${row}`,
    )
  }
  const [index, ...more] = find(table, name, '--target', file)
  if (more.length === 0) return index!
  const places = [index!, ...more].map((place) => `'column ${place + 1}'`).join(' or ')
  throw new InputError(
    `${file} has ${more.length + 1} columns ${quoted(name)} (--target); say which: ${places}`,
  )
}

/**
 * The columns of a name: one, or more where the file has it more than once; `column 3` is the
 * third.
 */
function find(
  { header, headless, twice }: Table,
  name: string,
  option: string,
  file: string,
): readonly number[] {
  const doubles = twice.get(name)
  if (doubles !== undefined) return doubles
  const index = header.indexOf(name)
  if (index >= 0) return [index]
  const [, number] = (headless ? /^(?:column )?(\d+)$/i : /^column (\d+)$/i).exec(name) ?? []
  if (number !== undefined && Number(number) >= 1 && Number(number) <= header.length)
    return [Number(number) - 1]
  const why = reasonFor(name, header, headless)
  throw new InputError(`${file} has no column ${quoted(name)} (${option})${why}`)
}

/** Why there is no column of a name, as far as the header says. */
function reasonFor(name: string, header: readonly string[], headless: boolean): string {
  if (headless)
    return `: its first line looks like a row, so they are called column 1 to column ${header.length} (or say --header yes)`
  if (header.length === 1)
    return `, and no other than ${quoted(header[0]!)}: is it separated by commas, semicolons, tabs or bars?`
  return suggestion(name, header) || `; there are ${listed(header)}`
}

function withoutMissing({ records, lines }: Table, target: number) {
  const kept = records.flatMap((record, row) => (isMissing(record[target]!) ? [] : [row]))
  return {
    records: kept.map((row) => records[row]!),
    lines: kept.map((row) => lines[row]!),
    unlabelled: records.length - kept.length,
  }
}
