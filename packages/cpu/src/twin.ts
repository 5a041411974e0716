/**
 * One parameter as two arrays: the caller's own, and the view on the kernels' memory that stands
 * for it. Knows which of them counts, without a copy of either. Not the steps in between: those are
 * engine.ts's.
 */
import { FreestepError } from '@freestep/core'
import type { FloatArray } from './arrays.ts'

/** Two numbers that are others when an array is another. */
type Print = readonly [number, number]

/** A parameter's two arrays. */
export class Twin {
  readonly view: FloatArray
  private readonly own: FloatArray
  private readonly name: string
  private readonly size: number
  /**
   * Which one was trained last: the caller's own array, the view, or neither of them since they
   * were alike. What the caller writes into the own array later shows by its print, and into the
   * view by nothing.
   */
  private trained: 'own' | 'view' | 'neither' = 'neither'
  /**
   * The own array as it was when the view began to count; unused while the own one was trained
   * last.
   */
  private left: Print

  constructor(name: string, own: FloatArray, view: FloatArray) {
    this.name = name
    this.size = own.length
    this.own = own
    this.view = view
    view.set(own)
    this.left = print(own)
  }

  /**
   * Throws where an array that a step needs is gone, as one that was transferred to another thread.
   */
  check(needed: 'view' | 'both'): void {
    if (this.view.length === this.size && (needed === 'view' || this.isThere)) return
    throw new FreestepError(
      'cpu',
      'disposed',
      `The array of ${this.name} is gone: its buffer was transferred, or made smaller. Transfer a copy, array.slice().`,
    )
  }

  /** Has the view be what is saved and evaluated. */
  refresh(): void {
    if (this.trained === 'view' || (this.trained === 'neither' && !this.isWritten())) return
    this.view.set(this.own)
    if (this.trained === 'neither') this.left = print(this.own)
  }

  /** Before a step on the own array: it is read, unless it is only behind. */
  enter(): void {
    if (this.trained === 'own' || this.isWritten()) this.view.set(this.own)
  }

  /** After it. */
  leave(): void {
    this.own.set(this.view)
    this.trained = 'own'
  }

  /** Before a step on the view. */
  stay(): void {
    if (this.trained !== 'view') this.left = print(this.own)
    this.trained = 'view'
  }

  /**
   * After other numbers were written into the view: both have them, and either may be gone on with.
   */
  renew(): void {
    if (this.isThere) this.own.set(this.view)
    this.left = print(this.own)
    this.trained = 'neither'
  }

  /** Brings the own array up to date, unless the caller has written to it since. */
  finish(): void {
    if (this.trained !== 'own' && this.isThere && !this.isWritten()) this.own.set(this.view)
  }

  /** Whether the own array is. */
  private get isThere(): boolean {
    return this.own.length === this.size
  }

  private isWritten(): boolean {
    const [a, b] = print(this.own)
    return a !== this.left[0] || b !== this.left[1]
  }
}

/**
 * A change of any one word changes both numbers: each step of both is one to one in the word and in
 * the number.
 */
function print({ buffer, byteOffset, byteLength }: FloatArray): Print {
  let [a, b] = [1, 2]
  // A buffer that is gone takes no view, not even an empty one.
  if (byteLength === 0) return [a, b]
  const words = new Int32Array(buffer, byteOffset, byteLength / 4)
  for (let i = 0; i < words.length; i++) {
    a = Math.imul(a ^ words[i], 0x01000193)
    b = Math.imul(b ^ words[i], 0x5bd1e995)
    b ^= b >>> 15
  }
  return [a, b]
}
