/**
 * The scalars that a step mentions (β₂, 1 − β₂, ε …), kept from one step to the next: making a
 * scalar costs as much as a small kernel, and eager execution asks for one per operation and
 * tensor. What a step did not ask for is freed after it, so that a schedule, new at every step,
 * leaves nothing behind.
 */
import type { Tensor } from '@tensorflow/tfjs-core'
import type { TensorFlow } from './eager.ts'

/** The constants of one engine. */
export class Constants {
  private readonly tf: TensorFlow
  private readonly kept = new Map<number, Tensor>()
  /** Those asked for in the step that runs; undefined between steps, when nothing is kept. */
  private used: Set<Tensor> | undefined

  constructor(tf: TensorFlow) {
    this.tf = tf
  }

  /** The scalar c. During a step it belongs to this object, otherwise to the caller. */
  readonly get = (c: number): Tensor => {
    // A Map takes −0 for 0.
    if (!this.used || Object.is(c, -0)) return this.tf.scalar(c, 'float32')
    let scalar = this.kept.get(c)
    if (!scalar) {
      scalar = this.tf.keep(this.tf.scalar(c, 'float32'))
      this.kept.set(c, scalar)
    }
    this.used.add(scalar)
    return scalar
  }

  /** Whether the tensor is one of the kept scalars, which nobody else may dispose. */
  has(tensor: Tensor): boolean {
    return this.used?.has(tensor) ?? false
  }

  /** Runs a step, and frees the scalars that it did not ask for. */
  during(step: () => void): void {
    const used = new Set<Tensor>()
    this.used = used
    try {
      step()
    } finally {
      this.used = undefined
      for (const [c, scalar] of this.kept) if (!used.has(scalar)) this.free(c, scalar)
    }
  }

  /** Frees all. */
  dispose(): void {
    for (const [c, scalar] of this.kept) this.free(c, scalar)
  }

  private free(c: number, scalar: Tensor): void {
    scalar.dispose()
    this.kept.delete(c)
  }
}
