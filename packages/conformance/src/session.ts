/**
 * An optimizer of any backend, driven with plain numbers: every layer of the kit talks to backends
 * through this. Not part of what is tested: it makes tensors, reads them back without the
 * optimizer, and gives everything back at the end.
 */
import {
  type Algorithm,
  type Backend,
  createOptimizer,
  type MaybePromise,
  type Optimizer,
  type OptimizerOptions,
  type OptionsOf,
} from '@freestep/core'

/** The precisions that the kit tests. */
export type Dtype = 'float32' | 'float64'

/** How the kit makes tensors of a backend, and reads them without the help of an optimizer. */
export interface Tensors<P> {
  /** A new tensor; as a parameter or as a gradient. */
  tensor(numbers: readonly number[], shape: readonly number[], dtype: Dtype): MaybePromise<P>
  /** The numbers of a tensor, in row-major order. */
  read(tensor: P): MaybePromise<ArrayLike<number>>
  /** Gives a tensor back, where that is the caller's business. */
  dispose?(tensor: P): void
}

/** A backend at one precision, and its tensors. */
export interface Stack<P, Done extends MaybePromise<void>> extends Tensors<P> {
  readonly backend: Backend<P, Done>
  readonly dtype: Dtype
}

/** A tensor as numbers. */
export interface Plain {
  readonly shape: readonly number[]
  readonly values: readonly number[]
}

/** A tensor of one dimension. */
export const vector = (values: readonly number[]): Plain => ({ shape: [values.length], values })

/** Tensors of one dimension by name: `p0`, `p1`… unless names are given. */
export const named = (
  tensors: readonly (readonly number[])[],
  names = tensors.map((_, i) => `p${i}`),
): Record<string, Plain> =>
  Object.fromEntries(tensors.map((values, i) => [names[i], vector(values)]))

/** Gradients by name, as flat numbers of the parameter's shape. */
export type Gradients = Readonly<Record<string, readonly number[] | undefined>>

/** An optimizer on parameters given as numbers. */
export class Session<P, Done extends MaybePromise<void>> {
  readonly optimizer: Optimizer<P, Done>
  readonly stack: Stack<P, Done>
  private readonly shapes: Readonly<Record<string, readonly number[]>>
  private readonly own: readonly P[]

  private constructor(
    stack: Stack<P, Done>,
    optimizer: Optimizer<P, Done>,
    shapes: Record<string, readonly number[]>,
    own: readonly P[],
  ) {
    this.stack = stack
    this.optimizer = optimizer
    this.shapes = shapes
    this.own = own
  }

  /** Creates parameters and optimizer. */
  static async open<A extends Algorithm, P, Done extends MaybePromise<void>>(
    stack: Stack<P, Done>,
    algorithm: A,
    params: Readonly<Record<string, Plain>>,
    options: OptimizerOptions<OptionsOf<A>> = {},
  ): Promise<Session<P, Done>> {
    const entries = await Promise.all(
      Object.entries(params).map(
        async ([name, { shape, values }]) =>
          [name, await stack.tensor(values, shape, stack.dtype)] as const,
      ),
    )
    const optimizer = await createOptimizer(
      algorithm,
      Object.fromEntries(entries),
      stack.backend,
      options,
    )
    const shapes = Object.fromEntries(
      Object.entries(params).map(([name, { shape }]) => [name, shape]),
    )
    return new Session(
      stack,
      optimizer,
      shapes,
      entries.map(([, tensor]) => tensor),
    )
  }

  /** One step. */
  async step(gradients: Gradients, loss?: number): Promise<void> {
    const { stack } = this
    const made: Record<string, P | undefined> = {}
    try {
      for (const [name, values] of Object.entries(gradients))
        made[name] =
          values && (await stack.tensor(values, this.shapes[name] ?? [values.length], stack.dtype))
      await this.optimizer.step(made, { loss })
    } finally {
      for (const tensor of Object.values(made)) if (tensor !== undefined) stack.dispose?.(tensor)
    }
  }

  /** The parameters now. */
  params(): Promise<Record<string, number[]>> {
    return this.readAll(this.optimizer.params)
  }

  /** The point to evaluate at. */
  async evaluated(): Promise<Record<string, number[]>> {
    const { params } = this.optimizer
    const point = (await this.optimizer.evaluated()) as typeof params
    const numbers = await this.readAll(point)
    for (const [name, tensor] of Object.entries(point))
      if (tensor !== params[name]) this.stack.dispose?.(tensor)
    return numbers
  }

  /** The algorithm's single numbers. */
  scalars(): Promise<Record<string, number>> {
    return this.optimizer.scalars()
  }

  /** Gives optimizer and parameters back. */
  close(): void {
    this.optimizer.dispose()
    for (const tensor of this.own) this.stack.dispose?.(tensor)
  }

  private async readAll(tensors: Readonly<Record<string, P>>): Promise<Record<string, number[]>> {
    const read = Object.entries(tensors).map(
      async ([name, tensor]) => [name, Array.from(await this.stack.read(tensor))] as const,
    )
    return Object.fromEntries(await Promise.all(read))
  }
}

/** Opens a session, hands it to `use`, and closes it whatever happens. */
export async function withSession<A extends Algorithm, P, Done extends MaybePromise<void>, R>(
  stack: Stack<P, Done>,
  algorithm: A,
  params: Readonly<Record<string, Plain>>,
  options: OptimizerOptions<OptionsOf<A>>,
  use: (session: Session<P, Done>) => Promise<R>,
): Promise<R> {
  const session = await Session.open(stack, algorithm, params, options)
  try {
    return await use(session)
  } finally {
    session.close()
  }
}
