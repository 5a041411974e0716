/**
 * Uniforms: the numbers that come with every step, and what schedules say at it. Not which options
 * are uniforms, which is decided in groups.ts.
 */
import type { Schedule } from './algorithm.ts'
import type { Ranges } from './options.ts'
import { scheduled } from './settings.ts'

/**
 * A number that is not part of the program: it changes with the step, or from parameter to
 * parameter.
 */
export interface Uniform {
  readonly scope: 'global' | 'tensor'
  /** The numbers, where they are the same at every step; only of these can first values be made. */
  readonly fixed: readonly number[] | undefined
  /**
   * The numbers at a step (`global`: one; `tensor`: one per parameter), given which tensors take
   * part.
   */
  at(moment: Moment, active: readonly boolean[]): readonly number[]
}

/**
 * A step, and what schedules say at it: each is called once, however many options, groups and
 * parameters follow it.
 */
export class Moment {
  /** Which step, from 0 on. */
  readonly k: number
  private readonly known = new Map<Schedule, number>()

  constructor(k: number) {
    this.k = k
  }

  /**
   * An option's value: the number itself, or what its schedule says, held to the range of the
   * option.
   */
  valueOf(name: string, range: Ranges[string], option: number | Schedule): number {
    if (typeof option === 'number') return option
    const value = this.known.get(option) ?? option(this.k)
    this.known.set(option, value)
    return scheduled(name, range, () => value, this.k)
  }
}

/** A program, as far as its uniforms go. */
interface Taking {
  readonly uniforms: Readonly<Record<string, Uniform>>
  readonly tensors: readonly unknown[]
}

/**
 * Every uniform at step k, given which tensors take part: all, if nothing is said. Who takes one
 * step after the other gives the same moment for all that happens at one of them, so that schedules
 * are called once.
 */
export function uniformsAt(
  program: Taking,
  moment: Moment | number,
  active: readonly boolean[] = program.tensors.map(() => true),
): Record<string, readonly number[]> {
  const now = typeof moment === 'number' ? new Moment(moment) : moment
  return Object.fromEntries(
    Object.entries(program.uniforms).map(([name, uniform]) => [name, uniform.at(now, active)]),
  )
}

/**
 * The uniforms as `init` and `evaluate` of a program are given them: those that follow the steps,
 * on which neither depends, are not a number.
 */
export const fixedUniforms = ({ uniforms, tensors }: Taking): Record<string, readonly number[]> =>
  Object.fromEntries(
    Object.entries(uniforms).map(([name, { scope, fixed }]) => [
      name,
      fixed ?? new Array<number>(scope === 'global' ? 1 : tensors.length).fill(Number.NaN),
    ]),
  )
