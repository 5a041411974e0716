/**
 * What a file of recordings holds, and what has to be known to run one again. Types; the data are
 * described in goldens/README.md, and goldens.ts runs them.
 */
import type { Dtype } from './session.ts'

/** A number in a recording; what JSON cannot say is a string. */
export type Recorded = number | 'nan' | 'inf' | '-inf'
export type RecordedOptions = Readonly<Record<string, unknown>>
export type Scalars = Readonly<Record<string, unknown>>

/** What a step of a recording holds. */
export interface Recording {
  readonly step: number
  readonly params: readonly (readonly Recorded[])[]
  readonly averaged_params?: readonly (readonly Recorded[])[]
  readonly loss: Recorded
  readonly groups: readonly Scalars[]
  readonly state?: Scalars
  /** How many times a relative change of the gradients comes back as a change of the parameters. */
  readonly amp: Recorded
}

/** One run of the original code. */
export interface Trajectory {
  readonly id: string
  readonly dtype: Dtype
  readonly problem: string
  /** By the original names. */
  readonly options: RecordedOptions
  readonly param_groups?: readonly RecordedOptions[]
  readonly lr_schedule?: 'warmup10' | 'cosine60' | 'warmup10_cosine60'
  readonly averager_gamma?: number
  readonly note?: string
  readonly x0: readonly { readonly shape: readonly number[]; readonly values: readonly number[] }[]
  readonly records: readonly Recording[]
}

/** A file of recordings of one optimizer. */
export interface Golden {
  readonly optimizer: string
  readonly source_repo: string
  readonly source_commit: string
  readonly version: string
  readonly trajectories: readonly Trajectory[]
}

/** How a file of recordings is run by the algorithm of a row. */
export interface GoldenFile {
  /** Its name in goldens/, without the ending. */
  readonly file: string
  /** Which trajectories of the file are of this algorithm; all unless told otherwise. */
  takes?(trajectory: Trajectory): boolean
  /** The settings of the row's algorithm, from the recorded options by our names; those themselves unless told otherwise. */
  settings?(options: Readonly<Record<string, unknown>>, trajectory: Trajectory): object
  /** RecordedOptions whose name here is not the original one in camel case. */
  readonly rename?: Readonly<Record<string, string>>
  /** Original options that say nothing about the numbers. */
  readonly ignored?: readonly string[]
  /** Recorded scalars by their names here. */
  readonly scalars?: Readonly<Record<string, string>>
  /** The original code runs each parameter group by itself. */
  readonly perGroup?: boolean
  /** How many digits the original code loses in float32, as a relative error; it does not show in float64. */
  single?(trajectory: Trajectory): number
  /** Why a trajectory, or one record of it, is not compared. */
  leftOut?(trajectory: Trajectory, record?: Recording): string | false | undefined
}
