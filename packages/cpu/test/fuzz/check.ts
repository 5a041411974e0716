/** A run held against itself on other backends, and against the transcriptions. */
import * as freestep from '../../src/index.ts'
import { onBackends, type Seen } from './backends.ts'
import { follow, type Point } from './reference/follow.ts'
import type { Options } from './reference/parts.ts'
import type { Run } from './run.ts'

/** By how much arguments are off to see how much a run amplifies. */
const noise = 1e-12

const largest = (a: ArrayLike<number>) => {
  let most = 0
  for (let i = 0; i < a.length; i++)
    if (Number.isFinite(a[i])) most = Math.max(most, Math.abs(a[i]))
  return most
}
/** How far a is from b, where x is not lost. */
const apart = (a: ArrayLike<number>, b: ArrayLike<number>, x: ArrayLike<number>) => {
  let most = 0
  for (let i = 0; i < b.length; i++) {
    if (!Number.isFinite(x[i])) continue
    const difference = Math.abs(a[i] - b[i])
    if (Number.isNaN(difference)) return Number.POSITIVE_INFINITY
    most = Math.max(most, difference)
  }
  return most
}

/**
 * How far two points are from each other, relative to how far the tensors have moved; rounding of x
 * itself does not count.
 */
function error(a: Omit<Point, 'moved'>, b: Point): { error: number; where: string } {
  let worst = { error: 0, where: '' }
  const note = (error: number, where: string) => {
    if (error > worst.error) worst = { error, where }
  }
  for (const [name, moved] of Object.entries(b.moved)) {
    const scale = largest(moved) || Number.MIN_VALUE
    const rounding = 2e-14 * largest(b.x[name])
    const lost = Array.from(b.x[name]).findIndex(
      (each, i) => Number.isFinite(each) !== Number.isFinite(a.x[name][i]),
    )
    if (lost >= 0) note(Number.POSITIVE_INFINITY, `${name}[${lost}] is lost in one of them; it`)
    note(Math.max(0, apart(a.x[name], b.x[name], b.x[name]) - rounding) / scale, name)
    note(
      Math.max(0, apart(a.evaluated[name], b.evaluated[name], b.x[name]) - rounding) / scale,
      `evaluated ${name}`,
    )
  }
  for (const [part, d] of b.d.entries())
    if (d !== undefined) note(Math.abs((a.d[part] ?? Number.NaN) - d) / d, 'd')
  return worst
}

const view = ({ tensors, evaluated }: Seen): Omit<Point, 'moved'> => {
  const of = (prefix: string) =>
    Object.entries(tensors).flatMap(([name, { data }]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), [...arrayOf(data)]]] : [],
    )
  const ds = Object.entries(tensors).filter(([name]) => name === 'd' || name.startsWith('d@'))
  return {
    x: Object.fromEntries(of('x/')),
    evaluated: Object.fromEntries(
      Object.entries(evaluated).map(([name, data]) => [name, [...arrayOf(data)]]),
    ),
    d: ds.map(([, { data }]) => data[0]),
  }
}
const arrayOf = (a: ArrayLike<number>) => Array.from(a)

/** How far a run was comparable. */
export interface Compared {
  steps: number
  of: number
}

/**
 * What holds a run in double precision against the transcriptions, step by step, for as long as it
 * is not chaotic.
 */
function formulas(run: Run, compared: Compared): (k: number, seen: Seen) => string | undefined {
  const { algorithm } = (
    freestep as unknown as Record<string, { algorithm: { defaults: Options } }>
  )[run.algorithm]
  const exact = follow(run, algorithm.defaults)
  const noisy = follow(run, algorithm.defaults, noise)
  let tolerance = 1e-10
  return (k, seen) => {
    const wanted = exact(k)
    compared.of++
    tolerance = Math.max(tolerance, (1e-14 * error(noisy(k), wanted).error) / noise)
    if (!(tolerance < 1e-5)) return undefined
    compared.steps++
    const found = error(view(seen), wanted)
    if (found.error < tolerance) return undefined
    return `${found.where} is ${found.error} from its formula, where ${tolerance} is allowed`
  }
}

/** What is wrong with a run; undefined if nothing is. */
export async function check(
  run: Run,
  compared: Compared = { steps: 0, of: 0 },
): Promise<string | undefined> {
  const double = { ...run, tensors: run.tensors.map((tensor) => ({ ...tensor, single: false })) }
  const isDouble = run.tensors.every(({ single }) => !single)
  try {
    const wrong = await onBackends(
      run,
      ['eager', 'wasm', 'js'],
      isDouble ? formulas(run, compared) : undefined,
    )
    return (
      wrong ??
      (isDouble ? undefined : await onBackends(double, ['eager'], formulas(double, compared)))
    )
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error)
  }
}
