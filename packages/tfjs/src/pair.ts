/**
 * Which live variable a saved one is. tfjs appends a number to the names of a loaded model while
 * the names of the first one are taken (and never gives them back), and numbers the variables of
 * plain code by the order of their making: so names help, and do not decide.
 */
import type { Variable } from '@tensorflow/tfjs-core'
import type { SavedVariable } from './weights.ts'

/** Saved variables with the live ones they are. */
export type Pairs = ReadonlyMap<SavedVariable, Variable>

/**
 * By name; else by name up to an appended number; else by position. Undefined where none of these
 * is certain.
 */
export const pair = (
  saved: readonly SavedVariable[],
  live: readonly Variable[],
): Pairs | undefined => pairByName(saved, live) ?? byPosition(saved, live)

/** As {@link pair}, by names alone. */
export const pairByName = (
  saved: readonly SavedVariable[],
  live: readonly Variable[],
): Pairs | undefined =>
  by((name) => name, saved, live) ?? by((name) => name.replace(/_\d+$/, ''), saved, live)

/** Pairs those of equal key and shape, if the keys are unique and one side is paired in full. */
function by(
  key: (name: string) => string,
  saved: readonly SavedVariable[],
  live: readonly Variable[],
): Pairs | undefined {
  const keyed = new Map(live.map((variable) => [key(variable.name), variable]))
  const unique =
    keyed.size === live.length && new Set(saved.map(({ name }) => key(name))).size === saved.length
  const pairs = new Map<SavedVariable, Variable>()
  for (const each of saved) {
    const variable = keyed.get(key(each.name))
    if (variable && fits(each, variable)) pairs.set(each, variable)
  }
  return unique && pairs.size > 0 && pairs.size >= Math.min(saved.length, live.length)
    ? pairs
    : undefined
}

function byPosition(saved: readonly SavedVariable[], live: readonly Variable[]): Pairs | undefined {
  if (saved.length !== live.length || !saved.every((each, i) => fits(each, live[i])))
    return undefined
  return new Map(saved.map((each, i) => [each, live[i]]))
}

/**
 * The shape of a saved variable, which is that of its largest state; [] where all are scalars, and
 * it cannot be told.
 */
export const shapeOf = ({ shapes }: SavedVariable): readonly number[] =>
  shapes.reduce((a, b) => (size(b) > size(a) || b.length > a.length ? b : a), [])

const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)

/**
 * Whether it may be the state of the variable; a checkpoint from elsewhere may have flat arrays.
 */
const fits = (saved: SavedVariable, { shape, size: coordinates }: Variable) => {
  const own = shapeOf(saved)
  return (
    own.length === 0 ||
    (size(own) === coordinates && (own.length === 1 || String(own) === String(shape)))
  )
}
