// What an experiment of the talk is made of: runs (a method on a problem with a seed), the traces
// they leave, and what is to be seen in them. Types, and next to nothing else: conduct.ts makes the
// runs, report.ts and docs.ts show the records.
import type { Method } from './methods.ts'
import type { Numbers } from './numbers.ts'
import type { Session } from './session.ts'

export type { Numbers }

/**
 * How long an experiment takes: minutes, or half a minute on a small version of the same problem.
 */
export type Scale = 'full' | 'quick'

/** What the user may choose. */
export interface Choices {
  readonly scale: Scale
  /** Each run is repeated with so many seeds: first, first + 1, … */
  readonly seeds: number
  readonly seed: number
  /** A LIBSVM file in place of the generated problem, for the experiments that take one. */
  readonly data?: string | undefined
}

/** All seeds of the choices. */
export const seedsOf = ({ seeds, seed }: Pick<Choices, 'seeds' | 'seed'>): number[] =>
  Array.from({ length: seeds }, (_, i) => seed + i)

/** One run to be made. */
export interface Run {
  /** Which of the experiment's problems. */
  readonly problem: string
  readonly method: Method
  readonly seed: number
  readonly steps: number
  /** Keeps only what was measured at the end. */
  readonly brief?: boolean
  /** Starts the problem and the method on it. */
  start(): Promise<Session>
}

/** All runs of an experiment, and what was computed with. */
export interface Plan {
  readonly runs: readonly Run[]
  /** Name and value pairs: data, model, steps, ... */
  readonly facts: readonly (readonly [string, string])[]
  /** What a reader should know: who made the data. */
  readonly notes: readonly string[]
}

/**
 * A finished run. Only plain numbers, so that it can be kept as JSON; what is not finite is null
 * there.
 */
export interface Trace {
  readonly problem: string
  readonly method: string
  readonly lr?: number | undefined
  readonly free: boolean
  readonly seed: number
  /** Steps taken. */
  readonly steps: number
  /**
   * The loss became infinite or no number, and the run ended with it: whatever `final` says is no
   * outcome.
   */
  readonly diverged?: true
  readonly stepsPerSecond: number
  /** What was measured at the end. */
  readonly final: Readonly<Record<string, number | null>>
  /** What was measured on the way: `step`, and lists of the same length. */
  readonly series: Readonly<Record<string, readonly (number | null)[]>>
}

/** The traces of an experiment and how they came about. */
export interface Results {
  readonly experiment: string
  /** The name of the user's file, if it was made on one. */
  readonly data?: string
  /** The command that makes them again. */
  readonly command: string
  readonly facts: Plan['facts']
  readonly notes: Plan['notes']
  readonly traces: readonly Trace[]
}

/** The number by which methods are compared. */
export interface Metric {
  /** Its name in `final`. */
  readonly key: string
  readonly label: string
  /** Which end of the scale is good. */
  readonly better: 'lower' | 'higher'
  /**
   * How one is set beside another: as a difference, or as a quotient where the numbers span
   * decades.
   */
  readonly gap: 'difference' | 'ratio'
  /** What a run without one is called: "diverged" unless told. */
  readonly absent?: string
  format(value: number): string
}

/** A figure as SVG text. */
export interface Figure {
  /** Part of a file name. */
  readonly name: string
  readonly title: string
  readonly caption: string
  readonly svg: string
  /** For the report only, not for the docs. */
  readonly aside?: boolean
}

/** What became of a claim. */
export interface Verdict {
  /** The claim, as the talk (or the theorem) has it. */
  readonly claim: string
  readonly verdict:
    | 'reproduced'
    | 'partly reproduced'
    | 'not reproduced'
    | 'not testable at this size'
    | 'found'
  /** The numbers, and by which measure. */
  readonly because: string
}

/** One of the talk's experiments. */
export interface Experiment {
  readonly name: string
  readonly title: string
  /** What the talk shows, and what stands for it here: two or three sentences. */
  readonly about: string
  readonly metric: Metric
  /** What the tuned methods are tuned by, where it is not a learning rate. */
  readonly rate?: string
  /** Whether it runs on a LIBSVM file of the user's. */
  readonly takesData?: boolean
  plan(choices: Choices): Promise<Plan>
  figures(traces: readonly Trace[]): Figure[]
  verdicts(traces: readonly Trace[]): Verdict[]
}
