/**
 * What an optimizer is to its callers. Types only: it is made in createOptimizer.ts, and does what
 * it does in run.ts.
 */
import type { After } from './backend.ts'
import type { Checkpoint, LoadOptions } from './checkpoint.ts'
import type { Group } from './groups.ts'
import type { MaybePromise } from './later.ts'

/** Tensors by name. */
export type Named<P> = Readonly<Record<string, P>>

/** Options of `createOptimizer`. */
export interface OptimizerOptions<O> {
  /**
   * Options of the algorithm for some of the parameters; of several groups that name one, the later
   * wins.
   */
  readonly groups?: readonly Group<O>[]
  /**
   * Runs the algorithm for each group by itself, with its own estimates (its own d), the parameters
   * in no group being one more group. Off by default: all parameters are one vector.
   */
  readonly splitGroups?: boolean
}

/** What a step takes beside the gradients. */
export interface StepOptions<P> {
  /**
   * The value of the objective, for the algorithms that use it: a finite number, or a tensor of one
   * number. With `skipNonFinite` around the algorithm it may be anything: the step is then left
   * out.
   */
  readonly loss?: number | P
}

/** An optimizer at work on its parameters. */
export interface Optimizer<P, Done extends MaybePromise<void> = void> {
  /** The name of the algorithm. */
  readonly algorithm: string
  /**
   * The parameters by name, which steps update in place. Where tensors cannot be written
   * (onnxruntime): the present ones, which the next step replaces by others, so ask again after it.
   */
  readonly params: Named<P>
  /**
   * Where gradients may be written without a copy, on the backends that have such a place (cpu):
   * then `step()` needs no argument.
   */
  readonly grads: Named<P> | undefined
  /** How many steps were taken. */
  readonly steps: number
  /**
   * Updates the parameters; without an argument, by the gradients in `grads`. A parameter without a
   * gradient, or in a group whose lr is the number 0, sits the step out: it stays as it is, with
   * all that is kept about it, and counts in sums with what it contributed last. An lr that a
   * schedule has fall to 0 is a step, of length 0.
   *
   * @param gradients - by the names of the parameters; `optimizer.grads` for those in `grads` with
   * a loss
   * @throws FreestepError for unknown names, wrong shapes or dtypes, a loss that is missing or
   * none; parameters and states are then unchanged. `undefined` is refused, too: it is what a
   * function returns that forgot to return gradients
   */
  step(gradients?: Readonly<Record<string, P | null | undefined>>, options?: StepOptions<P>): Done
  /**
   * The algorithm's single numbers by the paper's names (`d`, `r`, `rBar`...), read from the
   * device. One that each parameter has for itself, or each group with `splitGroups`, comes as
   * `name/parameter`.
   */
  scalars(): Promise<Record<string, number>>
  /**
   * Everything that is needed to continue bit for bit, read from the device; the parameters
   * themselves only with `params: true`. {@link toSafetensors} makes bytes of it.
   */
  save(options?: { readonly params?: boolean }): Promise<Checkpoint>
  /**
   * Continues from a checkpoint, of this backend or another. Where writing takes its time, calls
   * before it has ended wait if they give a promise, and are refused if not (`not-loaded`).
   *
   * @throws FreestepError `bad-checkpoint` where names, shapes or options are not those of this
   *   optimizer; nothing has changed then. If the device fails on the way, nothing is done
   *   (`not-loaded`) until a checkpoint was loaded.
   */
  load(checkpoint: Checkpoint, options?: LoadOptions): Promise<void>
  /**
   * As {@link load}, at once, for backends that write without waiting.
   *
   * @throws FreestepError `bad-checkpoint` as there; `unsupported` where it has to be waited for
   */
  loadSync(checkpoint: Checkpoint, options?: LoadOptions): void
  /**
   * Goes on with more parameters, which have their own start. Those so far are among the given
   * ones, each as the same tensor or another of its shape; options, those of groups included, are
   * looked up for all of them.
   *
   * @throws FreestepError `unknown-parameter` or `bad-shape` if one is missing or another than
   * before, `shared-memory` if two are the same memory, `unsupported` where the backend cannot go
   * on with more
   */
  extend(params: Named<P>): void
  /**
   * The parameters to evaluate the model at, where the algorithm says they are others than `params`
   * (averages).
   */
  evaluated(): After<Done, Named<P>>
  /** Frees all states; the parameters stay. Any later call is refused. */
  dispose(): void
}
