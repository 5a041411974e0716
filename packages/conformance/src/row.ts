/**
 * What the kit knows of an algorithm: the shape of a row of its tables, and the two ways to write
 * one. Not the rows: those are in table.ts and wrappers.ts.
 */
import type { Algorithm, AlgorithmFactory, Settings } from '@freestep/core'
import type { GoldenFile } from './recording.ts'

/** How far a problem starts from its solution, and how large its gradients are. */
export interface Scale {
  readonly D: number
  readonly G: number
}

/** An algorithm, with all that the kit needs to test it. */
export interface Row {
  /** The name of the algorithm. */
  readonly name: string
  /** Makes it, as its factory does; for a wrapper settings are `{ inner, outer }`. */
  make(settings?: object): Algorithm
  /** Sets of options that backends are compared with; together they use every option. */
  readonly variants: readonly object[]
  /**
   * Sets of options that make it arrive, or go its way, on a problem of that scale: see
   * layers/5-range.ts.
   */
  range(scale: Scale): readonly object[]
  /** Whether all tensors are one vector to it, so that splitting a tensor changes nothing. */
  readonly global: boolean
  /** Whether lr has to be the same for all parameters, so that groups may not change it. */
  readonly oneLr: boolean
  /**
   * The scalar that measures a distance (d, rBar…), which float32 has to get right far from the
   * origin.
   */
  readonly distance: string | undefined
  /** The recordings it is held against. */
  readonly goldens: readonly GoldenFile[]
}

/**
 * What a row says beside the algorithm; what is left out: one variant with the defaults, global, lr
 * may differ, nothing else.
 */
type About<V> = {
  readonly variants?: readonly V[]
  readonly range: (scale: Scale) => readonly V[]
} & Partial<Omit<Row, 'name' | 'make' | 'variants' | 'range'>>

/** The settings of a wrapped algorithm and of its wrapper. */
export interface Both<Inner, Outer> {
  readonly inner?: Inner
  readonly outer?: Outer
}

/** A row of an algorithm. */
export function row<O extends object>(
  factory: AlgorithmFactory<O>,
  about: About<Settings<O>>,
): Row {
  return complete((settings) => factory(settings as Settings<O>) as unknown as Algorithm, about)
}

/** A row of a wrapper around an algorithm. */
export function wrapped<O extends object, W>(
  wrapper: (inner: Algorithm, options?: W) => Algorithm,
  factory: AlgorithmFactory<O>,
  about: About<Both<Settings<O>, W>>,
): Row {
  const make = ({ inner, outer }: Both<Settings<O>, W> = {}) =>
    wrapper(factory(inner) as unknown as Algorithm, outer)
  return complete(make, about)
}

const complete = (
  make: Row['make'],
  { variants = [{}], range, global = true, oneLr = false, distance, goldens = [] }: About<object>,
): Row => ({ name: make().name, make, variants, range, global, oneLr, distance, goldens })

/**
 * Schedules and a first estimate large enough for a few steps to move something, for the variants.
 */
export const warmup = (k: number): number => Math.min(1, (k + 1) / 5)
export const halved = (k: number): number => 0.5 ** k
export const d0 = 0.01
