// Columns of text to features. A column is numeric when more than half of its cells (the missing ones aside) are
// numbers, and then every other cell is an error, so that one stray word cannot turn a quantity into categories
// unseen; otherwise it is categorical. Numbers are standardised and categories one-hot, both by the training rows
// alone. A missing number takes the training mean; a missing or unseen category is no category.
import { InputError, quoted } from '../errors.ts'
import { integer } from '../format.ts'
import { parseNumber } from './numbers.ts'
import type { Rows } from './rows.ts'

const MISSING = new Set(['', 'na', 'n/a', 'nan', 'null', '?'])
const MAX_LEVELS = 100

/** Whether a cell says that there is no value. */
export const isMissing = (cell: string): boolean => MISSING.has(cell.toLowerCase())

/** One column of a table, as text. */
export interface Column {
  readonly name: string
  readonly cells: readonly string[]
  /** The user says that its values are names, even if they look like numbers. */
  readonly categorical: boolean
}

/** What a column turned out to be: numbers, with NaN where one is missing, or names. */
type Understood = { readonly numbers: Float64Array } | 'names'

/** Where a table comes from, for errors: the file, and the line on which each row begins. */
export interface Origin {
  readonly file: string
  readonly lines: readonly number[]
}

/** The features of a table, and what a reader should know about how they came about. */
export interface Features extends Pick<Rows, 'features' | 'copy'> {
  readonly notes: string[]
}

/**
 * Reads all columns, which finds every bad cell, and returns how to encode them once it is known which rows are
 * trained on.
 */
export function readColumns(columns: readonly Column[], origin: Origin): (train: Int32Array) => Features {
  const understood = columns.map((column) => understand(column, origin))
  return (train) => {
    const dropped: string[] = []
    const encoded = columns.flatMap((column, i): Encoded[] => {
      const result = encode(column, understood[i]!, train)
      if (typeof result === 'object') return [result]
      dropped.push(`${column.name} (${result})`)
      return []
    })
    const notes = dropped.length > 0 ? [`Columns left out: ${dropped.join(', ')}.`] : []
    if (encoded.length === 0) {
      throw new InputError(`${origin.file} has no column to predict from${listing(dropped)}`)
    }
    return { ...sideBySide(encoded), notes: [...missingNote(columns), ...notes] }
  }
}

/** A column that became features. */
interface Encoded {
  readonly width: number
  readonly copy: Rows['copy']
}

function sideBySide(columns: readonly Encoded[]): Pick<Rows, 'features' | 'copy'> {
  return {
    features: columns.reduce((sum, { width }) => sum + width, 0),
    copy(row, into, at) {
      let offset = at
      for (const column of columns) {
        column.copy(row, into, offset)
        offset += column.width
      }
    },
  }
}

const listing = (dropped: readonly string[]) => (dropped.length > 0 ? `: left out ${dropped.join(', ')}` : '')

function missingNote(columns: readonly Column[]): string[] {
  const counts = columns
    .map(({ name, cells }) => ({ name, count: cells.filter(isMissing).length }))
    .filter(({ count }) => count > 0)
    .map(({ name, count }) => `${name} ${integer(count)}`)
  const rule = 'a missing number takes the training mean, a missing category is none'
  return counts.length > 0 ? [`Missing values: ${counts.join(', ')} (${rule}).`] : []
}

function understand({ name, cells, categorical }: Column, { file, lines }: Origin): Understood {
  const values = cells.map((cell) => (isMissing(cell) ? Number.NaN : parseNumber(cell)))
  const strays = values.filter((value) => value === undefined).length
  const numbers = values.filter((value) => value !== undefined && !Number.isNaN(value)).length
  if (categorical || numbers <= strays) return 'names'
  if (strays === 0) return { numbers: Float64Array.from(values as number[]) }

  const stray = values.indexOf(undefined)
  const where = `${file}, line ${lines[stray]}, column ${quoted(name)}`
  const share = `${Math.floor((100 * numbers) / (numbers + strays))}% of the column is`
  const remedy = 'correct it, empty it (a missing value), or use --categorical or --ignore for the column'
  throw new InputError(`${where}: ${quoted(cells[stray]!)} is not a number, though ${share}; ${remedy}`)
}

/** The column as features, or the reason why it cannot be any. */
function encode(column: Column, understood: Understood, train: Int32Array): Encoded | string {
  if (column.cells.every(isMissing)) return 'empty'
  return understood !== 'names' ? standardised(understood.numbers, train) : oneHot(column, train)
}

function standardised(values: Float64Array, train: Int32Array): Encoded | string {
  const known = [...train].map((row) => values[row]!).filter((value) => !Number.isNaN(value))
  const mean = known.reduce((sum, value) => sum + value / known.length, 0)
  const deviation = Math.sqrt(known.reduce((sum, value) => sum + (value - mean) ** 2 / known.length, 0))
  // Against the rounding of a constant column, whose computed deviation need not be exactly 0.
  if (!(deviation > 1e-12 * Math.abs(mean))) return 'constant'
  return {
    width: 1,
    copy(row, into, at) {
      const value = values[row]!
      into[at] = Number.isNaN(value) ? 0 : (value - mean) / deviation
    },
  }
}

function oneHot({ cells, categorical }: Column, train: Int32Array): Encoded | string {
  const levels = [...new Set([...train].map((row) => cells[row]!))].filter((cell) => !isMissing(cell)).sort()
  if (levels.length < 2) return 'constant'
  if (levels.length > MAX_LEVELS && !categorical) return `${integer(levels.length)} different texts`
  const number = new Map(levels.map((level, index) => [level, index]))
  const codes = Int32Array.from(cells, (cell) => number.get(cell) ?? -1)
  return {
    width: levels.length,
    copy(row, into, at) {
      const code = codes[row]!
      if (code >= 0) into[at + code] = 1
    },
  }
}
