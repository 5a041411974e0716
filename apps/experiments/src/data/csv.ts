// CSV text to a classification problem. A first line of column names, then one row per record; quotes as in RFC 4180;
// commas, semicolons or tabs. How a column becomes features is columns.ts; this file knows about text, lines and the
// target.
import { CsvError, parse } from 'csv-parse/sync'
import { InputError, printable, quoted, suggestion } from '../errors.ts'
import { integer } from '../format.ts'
import { type Column, isMissing, readColumns } from './columns.ts'
import { encodeLabels, splitRows } from './labels.ts'
import { type Dataset, subset } from './rows.ts'

/** What the user says about the columns of a CSV file. */
export interface CsvOptions {
  readonly target?: string | undefined
  /** Columns that hold names of categories even where they look like numbers. */
  readonly categorical?: readonly string[]
  /** Columns to leave out. */
  readonly ignore?: readonly string[]
  readonly seed: number
}

interface Table {
  readonly header: readonly string[]
  readonly records: readonly (readonly string[])[]
  /** The line on which each record begins. */
  readonly lines: readonly number[]
}

/** The data set that `text`, the contents of the file `file`, describes. */
export function parseCsv(text: string, file: string, options: CsvOptions): Dataset {
  const table = readTable(text, file)
  const find = (name: string, option: string) => columnIndex(table.header, name, option, file)
  if (options.target === undefined) {
    const names = table.header.join(', ')
    throw new InputError(`${file}: name the column to predict with --target COLUMN; there are ${names}`)
  }
  const target = find(options.target, '--target')
  const categorical = new Set((options.categorical ?? []).map((name) => find(name, '--categorical')))
  const ignored = new Set((options.ignore ?? []).map((name) => find(name, '--ignore'))).add(target)

  const { records, lines, unlabelled } = withoutMissing(table, target)
  const what = `${file}: column ${quoted(table.header[target]!)}`
  if (records.length === 0) throw new InputError(`${what} is empty`)
  const columns = table.header.flatMap((name, index): Column[] => {
    const cells = () => records.map((record) => record[index]!)
    return ignored.has(index) ? [] : [{ name, cells: cells(), categorical: categorical.has(index) }]
  })
  const encodeFor = readColumns(columns, { file, lines })
  const labels = encodeLabels(
    records.map((record) => record[target]!),
    what,
  )
  const { train, test } = splitRows(labels, options.seed, file)
  const { features, copy, notes } = encodeFor(train)
  const rows = { count: records.length, features, labels: labels.labels, copy }
  return {
    name: file,
    classes: labels.classes,
    train: subset(rows, train),
    test: subset(rows, test),
    notes: unlabelled > 0 ? [`Rows without a target, left out: ${integer(unlabelled)}.`, ...notes] : notes,
  }
}

function columnIndex(header: readonly string[], name: string, option: string, file: string): number {
  const index = header.indexOf(name)
  if (index >= 0) return index
  throw new InputError(`${file} has no column ${quoted(name)} (${option})${suggestion(name, header)}`)
}

function withoutMissing({ records, lines }: Table, target: number) {
  const kept = records.flatMap((record, row) => (isMissing(record[target]!) ? [] : [row]))
  return {
    records: kept.map((row) => records[row]!),
    lines: kept.map((row) => lines[row]!),
    unlabelled: records.length - kept.length,
  }
}

function readTable(text: string, file: string): Table {
  const [first, ...rest] = readRecords(text, file)
  if (first === undefined) throw new InputError(`${file} is empty`)
  if (rest.length === 0) throw new InputError(`${file} has a header and no rows`)
  const header = first.cells.map((name, index) => printable(name) || `column ${index + 1}`)
  const twice = header.find((name, index) => header.indexOf(name) !== index)
  if (twice !== undefined) throw new InputError(`${file}: the header has two columns ${quoted(twice)}`)
  return { header, records: rest.map(({ cells }) => cells), lines: rest.map(({ line }) => line) }
}

interface Entry {
  readonly cells: string[]
  readonly line: number
}

function readRecords(text: string, file: string): Entry[] {
  const options = { bom: true, info: true, trim: true, skip_empty_lines: true, delimiter: delimiterOf(text) }
  try {
    const found = parse(text, options) as unknown as { record: string[]; info: { lines: number } }[]
    return found.map(({ record, info }) => ({ cells: record, line: info.lines - lineBreaks(record) }))
  } catch (error) {
    throw error instanceof CsvError ? new InputError(explain(error, file)) : error
  }
}

/** csv-parse counts a record's last line; a record begins as many lines earlier as its quoted cells have breaks. */
const lineBreaks = (cells: readonly string[]) => cells.join('').match(/\r\n|\n|\r/g)?.length ?? 0

/** The separator that the header uses most. */
function delimiterOf(text: string): string {
  const header = /^[^\r\n]*/.exec(text.trimStart())![0]
  const count = (mark: string) => header.split(mark).length
  return [',', ';', '\t'].reduce((best, mark) => (count(mark) > count(best) ? mark : best))
}

function explain(error: CsvError, file: string): string {
  const { code, lines, message }: { code: string; lines?: number; message: string } = error
  const line = `${file}, line ${lines}`
  if (code === 'CSV_QUOTE_NOT_CLOSED') return `${file}: a quoted cell is still open at the end of the file`
  if (code === 'CSV_INVALID_CLOSING_QUOTE') return `${line}: text after a closing quote (inside quotes, write "" for ")`
  if (code === 'INVALID_OPENING_QUOTE') return `${line}: a quote inside a cell that does not begin with one`
  if (code === 'CSV_RECORD_INCONSISTENT_FIELDS_LENGTH') return `${line}: not as many cells as the header has columns`
  return `${file}: ${message.split('\n', 1)[0]}`
}
