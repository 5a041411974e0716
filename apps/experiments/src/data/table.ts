// CSV text to a table: names of columns, and rows of cells. Quotes as in RFC 4180; commas,
// semicolons, tabs or bars, whichever the first lines have alike; line ends of any kind, even
// mixed. The first line names the columns, unless it looks like a row. What the cells mean,
// kinds.ts finds out.
import { CsvError, parse } from 'csv-parse/sync'
import { InputError, printable, quoted } from '../errors.ts'
import { isMissing, listed } from './kinds.ts'
import { readNumber } from './numbers.ts'

/** A table as text. */
export interface Table {
  readonly header: readonly string[]
  readonly records: readonly (readonly string[])[]
  /** The line on which each record begins. */
  readonly lines: readonly number[]
  readonly separator: string
  /** Whether the first line was read as a row. */
  readonly headless: boolean
  /** For each name that is there more than once, the columns it names. */
  readonly twice: ReadonlyMap<string, readonly number[]>
  readonly notes: readonly string[]
}

/**
 * The table that `text` holds; `asked` is the user's word on whether its first line names the
 * columns.
 */
export function readTable(given: string, file: string, asked?: 'yes' | 'no'): Table {
  const { text, separator, skipped } = unwrapped(given)
  const entries = readRecords(text, file, separator)
  const [first, ...rest] = entries
  if (first === undefined) throw new InputError(`${file} is empty`)
  const guess = guessHeader(first.cells, rest)
  const headless = asked === undefined ? guess === 'row' : asked === 'no'
  const rows = headless ? entries : rest
  if (rows.length === 0)
    throw new InputError(`${file} has a header and no rows; add a line for each row`)
  const { header, twice } = named(headless ? first.cells.map(() => '') : first.cells)
  return {
    header,
    records: rows.map(({ cells }) => cells),
    lines: rows.map(({ line }) => line + skipped),
    separator,
    headless,
    twice,
    notes: [...(asked === undefined ? headerNotes(guess, first.cells) : []), ...doubleNotes(twice)],
  }
}

function headerNotes(guess: Guess, cells: readonly string[]): string[] {
  if (guess === 'row') {
    const names = `column 1${cells.length > 1 ? ` to column ${cells.length}` : ''}`
    return [
      `The first line looks like a row, so the columns are called ${names}; if it names them, say --header yes.`,
    ]
  }
  return guess === 'numbers'
    ? [
        `The first line (${listed(cells.map(printable), 5)}) was taken as names of columns; if it is a row, say --header no.`,
      ]
    : []
}

const doubleNotes = (twice: Table['twice']): string[] =>
  [...twice]
    .slice(0, 5)
    .map(
      ([name, indices]) =>
        `${indices.length} columns are called ${quoted(name)}; all but the first got a number.`,
    )

/** Names for the columns, all different. */
function named(cells: readonly string[]): Pick<Table, 'header' | 'twice'> {
  const names = cells.map(
    (name, index) => printable(name.replaceAll(/\s+/g, ' ')) || `column ${index + 1}`,
  )
  const places = new Map<string, number[]>()
  for (const [index, name] of names.entries()) {
    const known = places.get(name)
    if (known === undefined) places.set(name, [index])
    else known.push(index)
  }
  const taken = new Set(names)
  const header = names.map((name, index) => {
    if (places.get(name)![0] === index) return name
    let count = places.get(name)!.indexOf(index) + 1
    while (taken.has(`${name} (${count})`)) count++
    taken.add(`${name} (${count})`)
    return `${name} (${count})`
  })
  return { header, twice: new Map([...places].filter(([, indices]) => indices.length > 1)) }
}

/** What a first line looks like: names, names that are numbers (years, say), or a row. */
type Guess = 'names' | 'numbers' | 'row'

/**
 * A first line is a row if it has a number in every column of numbers (a gap may be one, too),
 * unless its numbers count on by one: 2019, 2020, 2021.
 */
function guessHeader(first: readonly string[], rest: readonly Entry[]): Guess {
  const isNumber = (cell: string) =>
    (readNumber(cell, 'point') ?? readNumber(cell, 'comma')) !== undefined
  const numbers = first.filter(isNumber).map(Number)
  if (numbers.length === 0) return 'names'
  const sample = rest.slice(0, 100)
  const names = first.some((cell, column) => {
    const known = sample.map(({ cells }) => cells[column]!).filter((each) => !isMissing(each))
    return !isNumber(cell) && !isMissing(cell) && known.filter(isNumber).length * 2 > known.length
  })
  const counts =
    numbers.length > 1 && numbers.every((n, i) => Number.isInteger(n) && n === numbers[0]! + i)
  return names || counts || rest.length === 0 ? 'numbers' : 'row'
}

interface Entry {
  readonly cells: string[]
  readonly line: number
}

const LINE_ENDS = ['\r\n', '\n', '\r']

function readRecords(text: string, file: string, delimiter: string): Entry[] {
  const options = {
    bom: true,
    info: true,
    trim: true,
    skip_empty_lines: true,
    delimiter,
    record_delimiter: LINE_ENDS,
  }
  try {
    const found = parse(text, options) as unknown as { record: string[]; info: { lines: number } }[]
    return found.map(({ record, info }) => ({
      cells: record,
      line: info.lines - lineBreaks(record),
    }))
  } catch (error) {
    throw error instanceof CsvError ? new InputError(explain(error, file)) : error
  }
}

/**
 * csv-parse counts a record's last line; a record begins as many lines earlier as its quoted cells
 * have breaks.
 */
function lineBreaks(cells: readonly string[]): number {
  let breaks = 0
  for (const cell of cells) if (/[\r\n]/.test(cell)) breaks += cell.match(/\r\n|\n|\r/g)!.length
  return breaks
}

const SEPARATORS = ['\t', ';', '|', ','] as const
const LOOKED_AT = 20

/** The text with its separator, without the line `sep=;` by which spreadsheets tell it. */
function unwrapped(text: string): { text: string; separator: string; skipped: number } {
  const told = /^\ufeff?sep=([,;\t|])\r?\n/i.exec(text)
  if (told) return { text: text.slice(told[0].length), separator: told[1]!, skipped: 1 }
  return { text, separator: separatorOf(text), skipped: 0 }
}

/**
 * The separator that the first lines have equally often, the comma last, as it may be a decimal
 * mark; or else the one that the first line has most of.
 */
function separatorOf(text: string): string {
  const lines = marksOf(text)
  const [first] = lines
  if (first === undefined) return ','
  const alike = SEPARATORS.find(
    (_, mark) => first[mark]! > 0 && lines.every((counts) => counts[mark] === first[mark]),
  )
  const most = SEPARATORS[first.indexOf(Math.max(...first))]!
  return alike ?? (Math.max(...first) > 0 ? most : ',')
}

/** How often each separator stands outside quotes in each of the first lines. */
function marksOf(text: string): number[][] {
  const lines: number[][] = []
  let counts = SEPARATORS.map(() => 0)
  let [quotes, filled] = [false, false]
  const end = () => {
    if (filled) lines.push(counts)
    counts = SEPARATORS.map(() => 0)
    filled = false
  }
  for (let i = 0; i < text.length && lines.length < LOOKED_AT; i++) {
    const sign = text[i]!
    if (sign === '"') quotes = !quotes
    if (!quotes && /[\n\r]/.test(sign)) {
      end()
      continue
    }
    filled = true
    const mark = quotes ? -1 : SEPARATORS.indexOf(sign as ',')
    if (mark >= 0) counts[mark]!++
  }
  if (lines.length < LOOKED_AT) end()
  return lines
}

function explain(error: CsvError, file: string): string {
  const { code, lines, message }: { code: string; lines?: number; message: string } = error
  const line = `${file}, line ${lines}`
  if (code === 'CSV_QUOTE_NOT_CLOSED')
    return `${file}: a quoted cell is still open at the end of the file; close its quote`
  if (code === 'CSV_INVALID_CLOSING_QUOTE')
    return `${line}: text after a closing quote (inside quotes, write "" for ")`
  if (code === 'INVALID_OPENING_QUOTE') {
    return `${line}: a quote inside a cell that does not begin with one (write "a ""b""" for a "b")`
  }
  if (code === 'CSV_RECORD_INCONSISTENT_FIELDS_LENGTH') {
    const [, columns, cells] = /expect (\d+), got (\d+)/.exec(message) ?? []
    return `${line}: not as many cells as the header has columns (${cells}, not ${columns}); cells with a separator in them need quotes`
  }
  return `${file}: ${message.split('\n', 1)[0]}`
}
