// What the columns of a table are: numbers, dates, or names. A column is numeric when more than
// half of its cells (the missing ones aside) are numbers, and then every other cell is an error, so
// that one stray word cannot turn a quantity into categories unseen. "1.234" and "1,234" may mean
// two things: the column's other cells decide, then the file's other columns, then what is usual
// for the file's separator, and the last is said.
import { clip, InputError, printable, quoted } from '../errors.ts'
import { type Notation, readDate, readNumber } from './numbers.ts'

const MISSING = new Set(['', 'na', 'n/a', '#n/a', 'nan', 'null', '?'])

/** Whether a cell says that there is no value. */
export const isMissing = (cell: string): boolean =>
  cell.length <= 4 && MISSING.has(cell.toLowerCase())

/** One column of a table, as text. */
export interface Column {
  readonly name: string
  readonly cells: readonly string[]
  /** The user says that its values are names, even if they look like numbers. */
  readonly categorical: boolean
}

/**
 * What a column turned out to be: numbers (dates as days), with NaN where one is missing, or names.
 */
export type Kind =
  | { readonly kind: 'numbers'; readonly values: Float64Array; readonly notation: Notation }
  | { readonly kind: 'dates'; readonly values: Float64Array }
  | { readonly kind: 'names' }

/** Where a table comes from: the file, the line on which each row begins, what separates cells. */
export interface Origin {
  readonly file: string
  readonly lines: readonly number[]
  readonly separator: string
  /** The user says which mark begins the decimals. */
  readonly decimal?: Notation | undefined
}

/** What each column is, and what was decided without being sure. */
export interface Kinds {
  readonly kinds: readonly Kind[]
  readonly notes: readonly string[]
}

/** What can be seen of a column before the others are known. */
interface Survey {
  /** How many cells are numbers in each notation, in either, and how many are not missing. */
  readonly point: number
  readonly comma: number
  readonly either: number
  readonly known: number
  /** A cell that is one number in one notation and another in the other. */
  readonly ambiguous?: string | undefined
}

/** Finds out what all columns are, and every bad cell. */
export function kindsOf(columns: readonly Column[], origin: Origin): Kinds {
  const surveys = columns.map(survey)
  const usual = origin.decimal ?? usualOf(surveys)
  const unsure: Unsure[] = []
  const kinds = columns.map((column, i): Kind => {
    const seen = surveys[i]!
    const { either, known } = seen
    if (column.categorical || known === 0) return { kind: 'names' }
    if (either * 2 <= known) return datesOf(column) ?? { kind: 'names' }
    const { notation, doubtful } = notationOf(seen, usual, origin)
    if (doubtful !== undefined) unsure.push({ name: column.name, cell: doubtful, notation })
    return numbersOf(column, notation, seen, origin)
  })
  return { kinds, notes: doubts(unsure) }
}

/** A column whose notation was decided by custom alone, and a cell that could be read either way. */
interface Unsure {
  readonly name: string
  readonly cell: string
  readonly notation: Notation
}

/** The notation of a column of numbers; where it is in doubt, a cell that shows it. */
function notationOf(
  { point, comma, ambiguous }: Survey,
  usual: Notation | undefined,
  { decimal, separator }: Origin,
): { readonly notation: Notation; readonly doubtful?: string } {
  if (decimal !== undefined) return { notation: decimal }
  if (point !== comma) return { notation: point > comma ? 'point' : 'comma' }
  if (ambiguous === undefined) return { notation: 'point' }
  const notation = usual ?? (separator !== ',' && ambiguous.includes(',') ? 'comma' : 'point')
  const isPlain =
    notation === 'point' && ambiguous.includes('.') && (usual === 'point' || separator === ',')
  return isPlain ? { notation } : { notation, doubtful: ambiguous }
}

/** The notation of the columns that leave no doubt, if they agree. */
function usualOf(surveys: readonly Survey[]): Notation | undefined {
  const numeric = surveys.filter(({ either, known }) => either * 2 > known)
  const [points, commas] = [
    numeric.some(({ point, comma }) => point > comma),
    numeric.some(({ point, comma }) => comma > point),
  ]
  if (points === commas) return undefined
  return points ? 'point' : 'comma'
}

function survey({ cells, categorical }: Column): Survey {
  const counts = { point: 0, comma: 0, either: 0, known: 0 }
  let ambiguous: string | undefined
  if (categorical) return counts
  for (const cell of cells) {
    if (isMissing(cell)) continue
    counts.known++
    const point = readNumber(cell, 'point')
    const comma = /[.,]/.test(cell) ? readNumber(cell, 'comma') : point
    const [isPoint, isComma] = [point !== undefined, comma !== undefined]
    counts.point += Number(isPoint)
    counts.comma += Number(isComma)
    counts.either += Number(isPoint || isComma)
    if (isPoint && isComma && point !== comma) ambiguous ??= cell
  }
  return { ...counts, ambiguous }
}

function numbersOf(
  { name, cells }: Column,
  notation: Notation,
  { known }: Survey,
  { file, lines }: Origin,
): Kind {
  const values = new Float64Array(cells.length)
  let strays = 0
  let first = -1
  for (const [row, cell] of cells.entries()) {
    const value = isMissing(cell) ? Number.NaN : readNumber(cell, notation)
    values[row] = value ?? Number.NaN
    if (value !== undefined) continue
    if (first < 0) first = row
    strays++
  }
  if (strays === 0) return { kind: 'numbers', values, notation }

  const where = `${file}, line ${lines[first]}, column ${quoted(name)}`
  const cell = cells[first]!
  const other = readNumber(cell, notation === 'point' ? 'comma' : 'point') !== undefined
  const what = other ? `is not written with a decimal ${notation}` : 'is not a number'
  const share = `${Math.floor((100 * (known - strays)) / known)}% of the column is`
  const remedy = other
    ? 'write all numbers alike, or use --decimal, --categorical or --ignore'
    : 'correct it, empty it (a missing value), or use --categorical or --ignore for the column'
  throw new InputError(`${where}: ${quoted(cell)} ${what}, though ${share}; ${remedy}`)
}

function datesOf({ cells }: Column): Kind | undefined {
  const values = new Float64Array(cells.length).fill(Number.NaN)
  for (const [row, cell] of cells.entries()) {
    if (isMissing(cell)) continue
    const value = readDate(cell)
    if (value === undefined) return undefined
    values[row] = value
  }
  return { kind: 'dates', values }
}

/** What was decided by custom alone, with how to say otherwise. */
function doubts(unsure: readonly Unsure[]): string[] {
  return (['point', 'comma'] as const).flatMap((notation) => {
    const columns = unsure.filter((each) => each.notation === notation)
    const [first] = columns
    if (first === undefined) return []
    const other = notation === 'point' ? 'comma' : 'point'
    const [taken, not] = [readNumber(first.cell, notation), readNumber(first.cell, other)]
    return [
      `Not certain: ${first.cell} in ${listed(columns.map(({ name }) => name))} was read as ${taken} (a decimal ${notation}); ` +
        `if it is ${not}, say --decimal ${other}.`,
    ]
  })
}

/** Names in a line, not too many. */
export function listed(names: readonly string[], most = 12): string {
  const shown = names.slice(0, most).map((name) => clip(printable(name), 80))
  return (
    shown.join(', ') +
    (names.length > most ? ` and ${(names.length - most).toLocaleString('en-US')} more` : '')
  )
}
