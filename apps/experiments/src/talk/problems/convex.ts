// Convex functions that are not smooth, with their solutions: drawn from a seed, in double
// precision. They are made so that x* is known without solving anything.
import { normals, uniforms } from '../../random.ts'

/** A convex function with its start and solution. */
export interface Convex {
  readonly name: string
  readonly x0: Float64Array
  readonly xStar: Float64Array
  readonly fStar: number
  /** A bound on the length of subgradients wherever the methods go. */
  readonly G: number
  /** f(x); a subgradient is written into `g`, if it is given. */
  f(x: ArrayLike<number>, g?: Float64Array): number
  /** The function is a mean of so many; each gives its value and subgradient as `f` does. */
  readonly rows?: number
  row?(i: number, x: ArrayLike<number>, g: Float64Array): number
  /** Where rows are labelled: the share that x puts into the wrong class, in percent. */
  wrong?(x: ArrayLike<number>): number
}

const SIZE = 20
const ROWS = 60

export const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}
export const norm = (a: ArrayLike<number>): number => Math.sqrt(dot(a, a))
export const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2
  return Math.sqrt(sum)
}
/** max |aᵢ − bᵢ| */
export const farthest = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let most = 0
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i] - b[i]))
  return most
}

/** Bound on the distance of the starts of `kink`, which are in [−5, 5). */
export const KINK_REACH = 6

/**
 * The talk's example |x| + 0.5001 (x − 1)², less its least value: right of 0 that is 0.5001 (x −
 * x*)², left of it 2 |x| more. x* = 0.0002 is right beside the kink.
 */
export function kink(seed: number): Convex {
  const xStar = 1 - 1 / 1.0002
  const slope = (x: number) => Math.sign(x) + 1.0002 * (x - 1)
  return {
    name: '|x| + 0.5001 (x − 1)²',
    x0: Float64Array.of(10 * uniforms(seed)() - 5),
    xStar: Float64Array.of(xStar),
    fStar: 0,
    // Within twice the reach.
    G: Math.max(Math.abs(slope(-2 * KINK_REACH)), Math.abs(slope(2 * KINK_REACH))),
    f(x, g) {
      if (g) g[0] = slope(x[0])
      return 0.5001 * (x[0] - xStar) ** 2 + 2 * Math.max(0, -x[0])
    },
  }
}

/** Rows aᵢ, and a start and a solution at the distance D. */
function drawn(seed: number, D: number) {
  const draw = normals(seed)
  const vector = () => Float64Array.from({ length: SIZE }, draw)
  const A = Array.from({ length: ROWS }, vector)
  const x0 = vector()
  const direction = vector()
  const length = norm(direction)
  return { A, x0, xStar: x0.map((each, i) => each + (D * direction[i]) / length), draw }
}

const meanNorm = (A: readonly Float64Array[]) => A.reduce((sum, a) => sum + norm(a), 0) / A.length

/** A function that is the mean of the rows'. */
function meanOf(rows: number, row: NonNullable<Convex['row']>): Pick<Convex, 'f' | 'row' | 'rows'> {
  const own = new Float64Array(SIZE)
  return {
    rows,
    row,
    f(x, g) {
      g?.fill(0)
      let sum = 0
      for (let i = 0; i < rows; i++) {
        sum += row(i, x, own) / rows
        if (g) for (let j = 0; j < SIZE; j++) g[j] = g[j] + own[j] / rows
      }
      return sum
    },
  }
}

const scaled = (a: Float64Array, c: number, g: Float64Array) => {
  for (let j = 0; j < SIZE; j++) g[j] = c * a[j]
}

/**
 * mean |⟨aᵢ, x − x*⟩ − eᵢ|, regression with outliers: half the rows have no error, the others come
 * in pairs of the same row with errors of both signs, so that their subgradients cancel at x*.
 */
export function absolute(seed: number, D: number): Convex {
  const { A, x0, xStar, draw } = drawn(seed, D)
  const sides = [-1, 1]
  const errors = A.map((_, i) => (i < ROWS / 2 ? 0 : sides[i % 2]) * Math.abs(draw()))
  const rows = A.map((a, i) => (i >= ROWS / 2 && i % 2 ? A[i - 1] : a))
  const at = rows.map((a, i) => dot(a, xStar) + errors[i])
  const row = (i: number, x: ArrayLike<number>, g: Float64Array) => {
    const a = rows[i]
    const residual = dot(a, x) - at[i]
    scaled(a, Math.sign(residual), g)
    return Math.abs(residual)
  }
  const fStar = errors.reduce((sum, error) => sum + Math.abs(error), 0) / ROWS
  return { name: 'absolute errors', x0, xStar, fStar, G: meanNorm(rows), ...meanOf(ROWS, row) }
}

/**
 * max (⟨aᵢ, x − x*⟩ + bᵢ): least at x*, where the pieces with bᵢ = 0 have 0 in their convex hull.
 */
export function maxAffine(seed: number, D: number): Convex {
  const { A, x0, xStar } = drawn(seed, D)
  const opposite = Float64Array.from(
    { length: SIZE },
    (_, j) => -A.reduce((sum, a) => sum + a[j], 0) / 10,
  )
  const pieces = [...A, opposite]
  const at = pieces.map((a) => dot(a, xStar))
  return {
    name: 'maximum of planes',
    x0,
    xStar,
    fStar: 0,
    G: Math.max(...pieces.map(norm)),
    f(x, g) {
      let [most, piece] = [Number.NEGATIVE_INFINITY, opposite]
      for (const [i, a] of pieces.entries()) {
        const value = dot(a, x) - at[i]
        if (value > most) [most, piece] = [value, a]
      }
      g?.set(piece)
      return most
    },
  }
}
