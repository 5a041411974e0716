// Columns of a table to features. Numbers (and dates, as days) are standardised and categories
// one-hot, both by the training rows alone. A missing number takes the training mean; a missing or
// unseen category is no category. What each column was taken as is told. What a column is, kinds.ts
// finds out.
import { InputError } from '../errors.ts'
import { integer } from '../format.ts'
import { type Column, isMissing, type Kind, type Kinds, listed } from './kinds.ts'
import type { Rows } from './rows.ts'

const MAX_LEVELS = 100
const FOREIGN_DATE = /^\d{1,4}([./-])\d{1,2}\1\d{2,4}( .*)?$/
/** How columns are called that count the rows: id, customer_id, PassengerId; or have no name. */
const COUNTER = /(?:^|[^a-z])(?:id|index|row|nr|number)$|^(?:unnamed:|column) \d+$/i
const CAMEL_COUNTER = /[a-z](?:Id|ID)$/

/** The features of a table, and what a reader should know about how they came about. */
export interface Features extends Pick<Rows, 'features' | 'copy'> {
  readonly notes: string[]
}

/** A column that became features. */
interface Encoded {
  readonly name: string
  /** What it was taken as. */
  readonly as: (typeof ROLES)[number]
  readonly width: number
  readonly copy: Rows['copy']
}

const ROLES = ['Numbers', 'Numbers with a decimal comma', 'Dates, in days', 'Categories'] as const

/** Encodes the columns by what the rows of `train` hold. */
export function encodeColumns(
  columns: readonly Column[],
  { kinds, notes }: Kinds,
  train: Int32Array,
  file: string,
): Features {
  const dropped: string[] = []
  const encoded = columns.flatMap((column, i): Encoded[] => {
    const result = encode(column, kinds[i]!, train)
    if (typeof result === 'object') return [result]
    dropped.push(`${column.name} (${result})`)
    return []
  })
  if (encoded.length === 0) {
    const why = dropped.length > 0 ? `: left out ${listed(dropped)}` : ''
    throw new InputError(
      `${file} has no column to predict from${why}; add one, or keep one with --categorical`,
    )
  }
  const left = dropped.length > 0 ? [`Columns left out: ${listed(dropped)}.`] : []
  return {
    ...sideBySide(encoded),
    notes: [...roles(encoded), ...notes, ...missingNote(columns), ...left],
  }
}

function roles(encoded: readonly Encoded[]): string[] {
  return ROLES.flatMap((role) => {
    const names = encoded.flatMap(({ name, as, width }) =>
      as !== role ? [] : [role === 'Categories' ? `${name} (${integer(width)})` : name],
    )
    return names.length > 0 ? [`${role}: ${listed(names)}.`] : []
  })
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

function missingNote(columns: readonly Column[]): string[] {
  const counts = columns
    .map(({ name, cells }) => ({ name, count: cells.filter(isMissing).length }))
    .filter(({ count }) => count > 0)
    .map(({ name, count }) => `${name} ${integer(count)}`)
  const rule = 'a missing number takes the training mean, a missing category is none'
  return counts.length > 0 ? [`Missing values: ${listed(counts)} (${rule}).`] : []
}

/** The column as features, or the reason why it cannot be any. */
function encode(column: Column, kind: Kind, train: Int32Array): Encoded | string {
  if (column.cells.every(isMissing)) return 'empty'
  if (kind.kind === 'names') return oneHot(column, train)
  if (kind.kind === 'dates') return standardised(column.name, kind.values, train, 'Dates, in days')
  if (numbersRows(column.name, kind.values)) return 'row numbers'
  return standardised(
    column.name,
    kind.values,
    train,
    kind.notation === 'comma' ? ROLES[1] : ROLES[0],
  )
}

/**
 * Whether a column counts the rows, from 0 or 1, and is called so, or nothing: in a sorted file it
 * tells the target.
 */
const numbersRows = (name: string, values: Float64Array) =>
  (COUNTER.test(name) || CAMEL_COUNTER.test(name)) &&
  (values[0] === 0 || values[0] === 1) &&
  values.every((value, row) => value === values[0]! + row)

function standardised(
  name: string,
  values: Float64Array,
  train: Int32Array,
  as: Encoded['as'],
): Encoded | string {
  const { mean, deviation } = momentsOf(values, train)
  // Against the rounding of a constant column, whose computed deviation need not be exactly 0.
  if (!(deviation > 1e-12 * Math.abs(mean))) return 'constant'
  return {
    name,
    as,
    width: 1,
    copy(row, into, at) {
      const value = values[row]!
      into[at] = Number.isNaN(value) ? 0 : (value - mean) / deviation
    },
  }
}

/** The mean and the deviation of what is known in some rows. */
export function momentsOf(
  values: Float64Array,
  rows: Int32Array,
): { mean: number; deviation: number } {
  const known = Float64Array.from(rows, (row) => values[row]!).filter(
    (value) => !Number.isNaN(value),
  )
  const mean = known.reduce((sum, value) => sum + value / known.length, 0)
  const deviation = Math.sqrt(
    known.reduce((sum, value) => sum + (value - mean) ** 2 / known.length, 0),
  )
  return { mean, deviation }
}

function oneHot({ name, cells, categorical }: Column, train: Int32Array): Encoded | string {
  const seen = new Set<string>()
  for (const row of train) seen.add(cells[row]!)
  const levels = [...seen].filter((cell) => !isMissing(cell)).sort()
  if (levels.length < 2) return 'constant'
  if (levels.length > MAX_LEVELS && !categorical) {
    const dates = levels.every((level) => FOREIGN_DATE.test(level))
    return dates
      ? 'dates, which are read as 2026-12-31 only'
      : `${integer(levels.length)} different texts`
  }
  const number = new Map(levels.map((level, index) => [level, index]))
  const codes = Int32Array.from(cells, (cell) => number.get(cell) ?? -1)
  return {
    name,
    as: 'Categories',
    width: levels.length,
    copy(row, into, at) {
      const code = codes[row]!
      if (code >= 0) into[at + code] = 1
    },
  }
}
