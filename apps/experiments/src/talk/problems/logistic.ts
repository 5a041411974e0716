// Logistic regression with a little ridge, on sparse rows: a smooth convex function with
// closed-form gradients whose solution is computed beforehand, by Newton's method. Data from a
// LIBSVM file, or drawn.
import { loadDataset } from '../../data/load.ts'
import { InputError } from '../../errors.ts'
import { uniforms } from '../../random.ts'
import { type Convex, dot, norm } from './convex.ts'

/**
 * Labelled rows in compressed form; those of row i are at starts[i] … starts[i + 1]. The last
 * column is 1 everywhere.
 */
export interface Sparse {
  readonly name: string
  readonly count: number
  readonly features: number
  readonly starts: Int32Array
  readonly columns: Int32Array
  readonly values: Float64Array
  /** −1 or 1. */
  readonly labels: Float64Array
}

function compress(
  name: string,
  rows: readonly (readonly [column: number, value: number][])[],
  labels: Float64Array,
  features: number,
): Sparse {
  const starts = new Int32Array(rows.length + 1)
  for (const [i, row] of rows.entries()) starts[i + 1] = starts[i] + row.length + 1
  const columns = new Int32Array(starts[rows.length])
  const values = new Float64Array(starts[rows.length])
  for (const [i, row] of rows.entries())
    for (const [j, [column, value]] of [...row, [features, 1] as const].entries()) {
      columns[starts[i] + j] = column
      values[starts[i] + j] = value
    }
  return { name, count: rows.length, features: features + 1, starts, columns, values, labels }
}

/** The training rows of a file of two classes. */
export async function readSparse(path: string): Promise<Sparse> {
  const { name, task, train } = await loadDataset(path, { seed: 1, task: 'classification' })
  const classes = task.kind === 'classification' ? task.classes : []
  if (classes.length !== 2)
    throw new InputError(
      `${name} has ${classes.length} classes; logistic regression takes a file of two`,
    )
  const dense = new Float32Array(train.features)
  const rows = Array.from({ length: train.count }, (_, i) => {
    dense.fill(0)
    train.copy(i, dense, 0)
    return Array.from(dense.entries()).filter(([, value]) => value !== 0)
  })
  return compress(
    name,
    rows,
    Float64Array.from(train.targets, (label) => (label === 1 ? 1 : -1)),
    train.features,
  )
}

/**
 * Rows of 14 categories each, as in a census, some frequent and some rare, with labels drawn from a
 * logistic model.
 */
export function drawSparse(count: number): Sparse {
  const draw = uniforms(2023)
  const levels = [2, 2, 3, 4, 5, 5, 6, 7, 8, 8, 10, 12, 14, 14]
  const offsets = levels.map((_, i) => levels.slice(0, i).reduce((a, b) => a + b, 0))
  const features = levels.reduce((a, b) => a + b, 0)
  const weights = Float64Array.from({ length: features }, () => 2 * draw() - 1)
  const labels = new Float64Array(count)
  const rows = Array.from({ length: count }, (_, i) => {
    const row = levels.map(
      (level, j) => [offsets[j] + Math.floor(level * draw() ** 2), 1] as [number, number],
    )
    const score = row.reduce((sum, [column]) => sum + weights[column], 0)
    labels[i] = draw() < 1 / (1 + Math.exp(-score)) ? 1 : -1
    return row
  })
  return compress('generated data', rows, labels, features)
}

/** mean log(1 + exp(−yᵢ ⟨aᵢ, x⟩)) + ridge / 2 ‖x‖² from x₀ = 0, with its solution. */
export function logistic(data: Sparse, ridge: number): Convex {
  const { count, features, starts, columns, values, labels } = data
  const score = (i: number, x: ArrayLike<number>) => {
    let sum = 0
    for (let at = starts[i]; at < starts[i + 1]; at++) sum += values[at] * x[columns[at]]
    return sum
  }
  const addRow = (i: number, weight: number, into: Float64Array) => {
    for (let at = starts[i]; at < starts[i + 1]; at++) into[columns[at]] += weight * values[at]
  }
  /**
   * The loss of one row, and minus the share of the wrong class, which weighs the row in the
   * gradient.
   */
  const term = (i: number, x: ArrayLike<number>) => {
    const margin = labels[i] * score(i, x)
    const loss = margin > 0 ? Math.log1p(Math.exp(-margin)) : Math.log1p(Math.exp(margin)) - margin
    return { loss, weight: -labels[i] / (1 + Math.exp(margin)) }
  }
  const f = (x: ArrayLike<number>, g?: Float64Array) => {
    if (g) for (let j = 0; j < features; j++) g[j] = ridge * x[j]
    let sum = 0
    for (let i = 0; i < count; i++) {
      const { loss, weight } = term(i, x)
      sum += loss
      if (g) addRow(i, weight / count, g)
    }
    return sum / count + (ridge / 2) * dot(x, x)
  }
  const row = (i: number, x: ArrayLike<number>, g: Float64Array) => {
    const { loss, weight } = term(i, x)
    for (let j = 0; j < features; j++) g[j] = ridge * x[j]
    addRow(i, weight, g)
    return loss + (ridge / 2) * dot(x, x)
  }
  const wrong = (x: ArrayLike<number>) => {
    let count = 0
    for (let i = 0; i < data.count; i++) if (labels[i] * score(i, x) <= 0) count++
    return (100 * count) / data.count
  }
  /** H v, H the Hessian at x. */
  const curvature = (x: Float64Array, v: Float64Array) => {
    const Hv = v.map((each) => ridge * each)
    for (let i = 0; i < count; i++) {
      const p = 1 / (1 + Math.exp(-score(i, x)))
      addRow(i, (p * (1 - p) * score(i, v)) / count, Hv)
    }
    return Hv
  }
  const xStar = newton(f, curvature, features)
  let lengths = 0
  for (let i = 0; i < count; i++) lengths += norm(values.subarray(starts[i], starts[i + 1]))
  // ‖g‖ ≤ mean ‖aᵢ‖ + ridge ‖x‖, for points up to twice as far from x* as x₀ is.
  const G = lengths / count + 3 * ridge * norm(xStar)
  return {
    name: data.name,
    x0: new Float64Array(features),
    xStar,
    fStar: f(xStar),
    G,
    f,
    rows: count,
    row,
    wrong,
  }
}

/**
 * The least point of a smooth, strongly convex function: Newton steps from 0 by conjugate
 * gradients, halved until f falls.
 */
function newton(
  f: Convex['f'],
  curvature: (x: Float64Array, v: Float64Array) => Float64Array,
  size: number,
): Float64Array {
  let x = new Float64Array(size)
  const g = new Float64Array(size)
  for (let k = 0; k < 100; k++) {
    const value = f(x, g)
    if (norm(g) < 1e-13) return x
    const step = conjugateGradients((v) => curvature(x, v), g)
    const moved = (t: number) => x.map((each, j) => each - t * step[j])
    let t = 1
    while (t > 1e-6 && f(moved(t)) > value) t /= 2
    if (t <= 1e-6) return x // the value cannot fall any more: x is exact to rounding
    x = moved(t)
  }
  throw new InputError(
    'the solution of the logistic regression was not found within 100 Newton steps; scale the data',
  )
}

/** H⁻¹ b. */
function conjugateGradients(H: (v: Float64Array) => Float64Array, b: Float64Array): Float64Array {
  const x = new Float64Array(b.length)
  let r = b.slice()
  let p = r.slice()
  let rr = dot(r, r)
  const enough = 1e-20 * rr
  for (let k = 0; k < 10 * b.length && rr > enough; k++) {
    const Hp = H(p)
    const alpha = rr / dot(p, Hp)
    for (let j = 0; j < x.length; j++) x[j] += alpha * p[j]
    r = r.map((each, j) => each - alpha * Hp[j])
    const next = dot(r, r)
    p = r.map((each, j) => each + (next / rr) * p[j])
    rr = next
  }
  return x
}
