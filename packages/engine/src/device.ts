/**
 * What a device is: memory, and kernels that run on it. The whole boundary between the engine,
 * which knows programs, and an adapter, which knows one machine. Not what is computed.
 */
import type { Kernels } from '@freestep/compiler'
import type { MaybePromise, Program, TensorInfo } from '@freestep/core'

/** The precision of numbers. */
export type Dtype = TensorInfo['dtype']

/**
 * Where numbers are: bytes of some memory of the device.
 *
 * @typeParam M - what tells one memory from another: a buffer, or the whole device
 */
export interface Place<M> {
  /** The memory. */
  readonly memory: M
  /** The first byte. */
  readonly at: number
  /** How many bytes there are. */
  readonly bytes: number
}

/** A part of a vector: the numbers of a tensor from one of them on. */
export interface Part<M> {
  /** Where they are. */
  readonly place: Place<M>
  /** Of which of the program's tensors. */
  readonly tensor: number
  /** The first of them. */
  readonly from: number
  /** Their precision. */
  readonly dtype: Dtype
}

/** All that an optimizer owns on a device beside parameters and gradients, and its layout. */
export interface Memory<M, P> {
  /**
   * Where a single number is, or one for each tensor: in one place, one after the other, or each in
   * a place of its own. Undefined for what is no single number.
   */
  slot(name: string): readonly Place<M>[] | undefined
  /** Where the numbers of a state are that is a vector. */
  parts(state: string): readonly Part<M>[]
  /** The segments of a step on tensors at the given places. */
  plan(tensors: Tensors<M>): P
  /** A plan is not needed any more. */
  discard(plan: P): void
  /** Gives the memory back, that of all plans, too. */
  free(): void
}

/** Where the tensors of a step are. */
export interface Tensors<M> {
  /** The parameters. */
  readonly x: readonly Place<M>[]
  /** The gradients, or where to write the point to evaluate at. */
  readonly g: readonly (Place<M> | undefined)[]
  /** Which of them take part. */
  readonly active: readonly boolean[]
}

/** The functions of a program, ready to be launched. */
export interface Functions<F> {
  readonly init: F
  readonly step: F
  readonly evaluate: F | undefined
}

/** What a program looks like once it is compiled: each function as kernels, the step first. */
export interface Compiled {
  readonly step: Kernels
  readonly init: Kernels
  readonly evaluate: Kernels | undefined
}

/** What is put to a device in one go: it takes effect in this order. */
export interface Work<M, F, P> {
  /** Whether it is recorded, to take effect when somebody else submits it, maybe more than once. */
  readonly recorded: boolean
  /** Memory that is of use until this work is done. */
  borrow(tensor: TensorInfo, what: string): Place<M>
  /** Host to device. `what` it is, for the message of an error. */
  upload(to: Place<M>, numbers: ArrayBufferView, what: string): void
  /** From one place to another, of as many bytes. */
  copy(from: Place<M>, to: Place<M>): void
  /**
   * Runs a function over the segments of a plan.
   *
   * @param numbers - the program's uniforms, and the loss where it is a number
   * @param loss - where the loss is that is on the device
   */
  launch(
    f: F,
    plan: P,
    numbers: Readonly<Record<string, readonly number[]>>,
    loss?: Place<M> | undefined,
  ): void
}

/**
 * A device: memory and kernels. Whatever throws has changed nothing.
 *
 * @typeParam T - the caller's tensors
 * @typeParam M - a memory, see {@link Place}
 * @typeParam F - a function of a program that can be launched
 * @typeParam P - the segments of a step, and what the device needs for them
 */
export interface Device<T, M, F, P> {
  /** The precision of single numbers. */
  readonly numbers: 'float32' | 'float64'
  /**
   * The single numbers that come with each launch; all others are written into their slots when
   * they change.
   */
  readonly launched: (name: string, program: Program) => boolean
  /** Throws if it cannot be worked on any more. */
  check(): void
  /** The numbers of a tensor that is on the host, as they are uploaded; undefined elsewhere. */
  host(tensor: T): ArrayBufferView | undefined
  /** Where a tensor is; `name` is for the message of an error. */
  place(tensor: T, name: string): Place<M>
  /** A place as a tensor of the caller's kind. */
  tensor(place: Place<M>, info: TensorInfo): T
  /** Throws unless a tensor can be the loss; gives the number of one that is on the host. */
  loss(tensor: T): number | Place<M>
  /** Throws unless numbers can be copied from a place, or to it. */
  reach?(place: Place<M>, name: string, how: 'from' | 'to'): void
  /** Whether a step can read a gradient where it is, given where the parameter is. */
  takes?(g: Place<M>, x: Place<M>, home: Place<M> | undefined): boolean
  /** Memory for tensors, all zero. */
  allocate(tensors: readonly TensorInfo[], what: string): Place<M>[]
  /** Gives the memory of tensors back. */
  free(places: readonly Place<M>[]): void
  /** Compiles kernels. */
  load(program: Program, compiled: Compiled, params: readonly T[]): MaybePromise<Functions<F>>
  /** As `load`, at once: of a device whose `load` gives promises. */
  loadNow?(program: Program, compiled: Compiled, params: readonly T[]): Functions<F>
  /** Allocates what a program keeps; all is zero. */
  memory(program: Program, compiled: Compiled, params: readonly T[]): Memory<M, P>
  /** Has work done, or recorded; it is not waited for. */
  work<R>(f: (work: Work<M, F, P>) => R): R
  /** The bytes of places, as they are now. */
  read(places: readonly Place<M>[]): MaybePromise<readonly Uint8Array[]>
}
