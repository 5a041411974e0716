// From the labels as written in a file to class numbers, and to the rows that are held out as the
// test split.
import { InputError, quoted } from '../errors.ts'
import { integer } from '../format.ts'
import { shuffler } from '../random.ts'
import { parseNumber } from './numbers.ts'

const MAX_CLASSES = 1000
/** Up to here, classes with hardly a row each are a small file; above, they are no classes. */
const FEW_CLASSES = 20
/** The share of rows that is held out. */
export const TEST_SHARE = 0.2

/**
 * Labels as class numbers, and the classes they stand for (numbers in order of size, words in
 * alphabetical order).
 */
export interface Labels {
  readonly classes: string[]
  readonly labels: Int32Array
}

/**
 * Numbers the classes among `texts`; `what` names them in errors ("column 'y'"). Equal numbers are
 * one class: +1 is 1.
 */
export function encodeLabels(texts: readonly string[], what: string): Labels {
  const canonical = texts.map((text) => String(parseNumber(text) ?? text))
  const classes = [...new Set(canonical)].sort(byNumberThenName)
  if (classes.length === 1) {
    throw new InputError(
      `${what} holds a single class, ${quoted(classes[0]!)}: there is nothing to tell apart; choose another target`,
    )
  }
  if (
    classes.length > MAX_CLASSES ||
    (classes.length > FEW_CLASSES && classes.length * 2 > texts.length)
  ) {
    const counts = `${integer(classes.length)} different values in ${integer(texts.length)} rows`
    const numbers = classes.every((name) => parseNumber(name) !== undefined)
    const remedy = `choose another target, or ${numbers ? 'say --task regression for a quantity' : 'merge rare values'}`
    throw new InputError(
      `${what} holds ${counts}, too many for classes (${integer(MAX_CLASSES)} at most); ${remedy}`,
    )
  }
  const number = new Map(classes.map((name, index) => [name, index]))
  return { classes, labels: Int32Array.from(canonical, (name) => number.get(name)!) }
}

function byNumberThenName(a: string, b: string): number {
  const [x, y] = [parseNumber(a), parseNumber(b)]
  if (x !== undefined && y !== undefined) return x - y
  if (x !== undefined || y !== undefined) return x === undefined ? 1 : -1
  if (a === b) return 0
  return a < b ? -1 : 1
}

/** Row indices of the training and the test split. */
export interface Split {
  readonly train: Int32Array
  readonly test: Int32Array
}

/**
 * Holds out a fifth of every class (to the nearest row), chosen by the seed; every class keeps rows
 * to learn from.
 */
export function splitRows({ classes, labels }: Labels, seed: number, what: string): Split {
  const shuffle = shuffler(seed)
  const members = classes.map((): number[] => [])
  labels.forEach((label, row) => {
    members[label]!.push(row)
  })
  const parts = members.map((rows) => {
    const order = shuffle(Int32Array.from(rows))
    const held = Math.round(order.length * TEST_SHARE)
    return { test: order.subarray(0, held), train: order.subarray(held) }
  })
  const test = joined(parts.map((part) => part.test))
  if (test.length === 0) {
    throw new InputError(
      `${what}: no class has the three rows that a test split needs; give more rows, or merge classes`,
    )
  }
  return { train: joined(parts.map((part) => part.train)), test }
}

function joined(parts: readonly Int32Array[]): Int32Array {
  const whole = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
