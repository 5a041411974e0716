/**
 * Sums that are near the exact ones. ReduceSum adds up one number after the other: of 10⁷ singles
 * that are all 0.1 it is off by 1 % in onnxruntime-node 1.30 and by 9 % in onnxruntime-web. So a
 * long vector is first laid out in short rows, and then the sums of the rows are added up: in
 * double precision where single numbers are kept in it, else in the same way again.
 */
import { type OnnxType, onnxTypes, type Sheet } from './graph.ts'

/**
 * Adding up n numbers loses (n − 1) 2⁻²⁴ of the sum of their sizes at most: with 16 of them,
 * 0.9e-6. Rows and not columns, although those would be whole vectors to add: ONNX Runtime takes 5
 * to 10 times as long for 16 columns (measured).
 */
const longestRow = 16

/** A vector. */
interface Vector {
  readonly name: string
  readonly type: OnnxType
  readonly size: number
}

/** The terms of a sum: zero where they are not finite. */
export function finite(sheet: Sheet, name: string, type: OnnxType): string {
  const size = sheet.node('Abs', [name])
  const counts = sheet.node('Less', [size, sheet.constant(type, Infinity)])
  return sheet.node('Where', [counts, name, sheet.constant(type, 0)])
}

/** The sum of a vector that is not empty, as a vector of one number of the type of sums. */
export function total(sheet: Sheet, vector: Vector, type: 'float32' | 'float64'): string {
  const { name, size } =
    vector.type === 'float64'
      ? vector
      : shorter(sheet, vector, type === 'float64' ? 1024 : longestRow)
  const same = vector.type === type ? name : sheet.node('Cast', [name], { to: onnxTypes[type] })
  return size === 1 ? same : sheet.node('ReduceSum', [same], { keepdims: 1 })
}

/**
 * Sums of parts, no more than `most` of them in single precision alone; for double precision one
 * addition is enough.
 */
function shorter(sheet: Sheet, vector: Vector, most: number): Vector {
  if (vector.size <= most) return vector
  const whole = rowOf(vector.size) >= longestRow / 4 ? vector : padded(sheet, vector)
  const row = rowOf(whole.size)
  const size = whole.size / row
  const table = sheet.node('Reshape', [whole.name, sheet.constant('int64', [size, row])])
  const name = sheet.node('ReduceSum', [table, sheet.constant('int64', [1])], { keepdims: 0 })
  const sums = { name, type: vector.type, size }
  return most > longestRow ? sums : shorter(sheet, sums, most)
}

/** The length of the rows that a vector can be laid out in. */
const rowOf = (size: number) =>
  Array.from({ length: longestRow }, (_, i) => longestRow - i).find(
    (row) => size % row === 0,
  ) as number

/** Zeros behind a vector, for rows as long as can be. */
function padded(sheet: Sheet, { name, type, size }: Vector): Vector {
  const missing = longestRow - (size % longestRow)
  return {
    name: sheet.node('Pad', [name, sheet.constant('int64', [0, missing])]),
    type,
    size: size + missing,
  }
}
