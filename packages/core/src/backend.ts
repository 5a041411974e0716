/**
 * What a backend is: something that knows the caller's tensors and can run a program on them. The
 * whole boundary between core and an adapter. Not the thirteen operations: a backend that has only
 * those becomes one of these through `eagerBackend`.
 */
import type { Numbers } from './arrays.ts'
import type { MaybePromise } from './later.ts'
import type { Program } from './program.ts'
import type { TensorInfo } from './tensor.ts'

/** T where a step is done when it returns, a promise of T where steps are promises. */
export type After<Done, T> = Done extends Promise<void> ? Promise<T> : T

/** One step's input, in the order of the program's tensors. */
export interface StepInput<P> {
  /**
   * The gradients; undefined where the parameter sits this step out: it and its states per
   * coordinate stay, and are added up nowhere. What there is per tensor is computed for all tensors
   * alike; the program sees to what those that sit out keep.
   */
  readonly gradients: readonly (P | undefined)[]
  /** The loss, where the program uses it: a number, or a scalar tensor of the backend. */
  readonly loss: number | P | undefined
  /** The uniforms at this step. */
  readonly uniforms: Readonly<Record<string, readonly number[]>>
}

/**
 * A program at work on parameters: it owns the states. Every method may rely on its arguments
 * having been checked by core, and must change nothing if it throws. What calls do, they do in the
 * order in which they were made, also where they return promises.
 *
 * @typeParam P - the caller's tensors
 * @typeParam Done - what `step` returns: void, or Promise<void> where submission is asynchronous
 */
export interface Engine<P, Done extends MaybePromise<void> = void> {
  /**
   * The parameters to use: the caller's own, or views on the engine's memory that stand for them.
   * Where tensors cannot be written, another list after every step, of their successors.
   */
  readonly params: readonly P[]
  /** Where the caller may write gradients without a copy, if there is such a place. */
  readonly gradients?: readonly P[]
  /** Updates parameters and states. */
  step(input: StepInput<P>): Done
  /**
   * A state's numbers: one array per tensor, or a single array of one number for a global state; of
   * the parameters for `x`.
   */
  read(state: string): MaybePromise<readonly Numbers[]>
  /** Overwrites a state (or the parameters), in the form `read` gives. */
  write(state: string, numbers: readonly Numbers[]): MaybePromise<void>
  /**
   * The point to evaluate at, as new tensors of the caller's kind; the parameters themselves where
   * the program says nothing else.
   */
  evaluated(): After<Done, readonly P[]>
  /**
   * The engine that goes on with a program for more tensors, those of the present one first and in
   * the same order, while the new ones start afresh: this one, or another in its place, and then
   * this one is disposed.
   */
  extended?(program: Program, params: readonly P[]): Engine<P, Done>
  /** Frees the states. The parameters stay the caller's. */
  dispose(): void
}

/** Where a tensor's numbers are: bytes of some memory, or whatever else one memory counts in. */
export interface Stretch {
  /** The memory: the same value for all tensors that are in it. */
  readonly of: unknown
  readonly begin: number
  /** Where the next tensor may begin. */
  readonly end: number
}

/** A stack that steps can run on. */
export interface Backend<P, Done extends MaybePromise<void> = void> {
  /** The name in error messages: `cpu`, `tfjs`, `webgpu`... */
  readonly name: string
  /**
   * True where steps and writes are promises: a step then waits for a load, and none is done at
   * once.
   */
  readonly asynchronous?: boolean
  /**
   * Shape and precision of a caller's tensor; throws a FreestepError for what is not one. `name` is
   * for the message.
   */
  describe(tensor: P, name: string): Omit<TensorInfo, 'name'>
  /**
   * Where a tensor's numbers are, so that parameters which share memory are refused. Left out: each
   * tensor has memory of its own, and what is refused is the same one under two names.
   */
  memory?(tensor: P): Stretch
  /** Allocates the states of a program, compiles what there is to compile, and gives the engine. */
  start(program: Program, params: readonly P[]): MaybePromise<Engine<P, Done>>
}
