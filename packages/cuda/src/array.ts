/**
 * Arrays on the device: numbers of one precision at a device pointer, which are freed exactly once.
 * Not tensors of several dimensions, and no arithmetic.
 */
import { FreestepError, type Numbers, type TensorInfo } from '@freestep/core'
import { bytesEach, decode, encode } from '@freestep/engine'
import { type Device, refuse } from './device.ts'

/** The precision of an array. */
export type Dtype = TensorInfo['dtype']

/** An array on a CUDA device. */
export class DeviceArray {
  /** Its device pointer, to give to other libraries of this process. */
  readonly pointer: bigint
  /** How many numbers it has. */
  readonly length: number
  readonly dtype: Dtype
  /** The device it is on. */
  readonly device: number
  private readonly memory: Device
  private readonly isOwn: boolean
  private isFreed = false

  /** @internal Made by a backend. */
  constructor(memory: Device, pointer: bigint, length: number, dtype: Dtype, isOwn: boolean) {
    this.memory = memory
    this.pointer = pointer
    this.length = length
    this.dtype = dtype
    this.device = memory.ordinal
    this.isOwn = isOwn
  }

  /** Whether it was freed. */
  get freed(): boolean {
    return this.isFreed
  }

  /** Its numbers, half precisions as singles. Waits for what was submitted before. */
  read(): Numbers {
    this.check()
    const raw = new Uint8Array(bytesEach[this.dtype] * this.length)
    return decode(this.memory.download(raw, this.pointer), this.dtype)
  }

  /**
   * Overwrites its numbers, rounded to its precision. Takes effect after what was submitted before.
   *
   * @throws FreestepError `bad-shape` for another number of numbers
   */
  write(numbers: ArrayLike<number>): void {
    this.check()
    if (numbers.length !== this.length)
      throw refuse(
        'bad-shape',
        `${numbers.length} numbers do not fit an array of ${this.length}. Give as many.`,
      )
    this.memory.upload(this.pointer, encode(numbers, this.dtype))
  }

  /**
   * Frees its memory, after what is using it; of an array at a pointer of others, only forgets it.
   *
   * @throws FreestepError `disposed` if it was freed before
   */
  free(): void {
    this.check()
    this.isFreed = true
    if (this.isOwn) this.memory.free(this.pointer)
  }

  /** Throws if it was freed; `name` is for the message. */
  check(name = 'This array'): void {
    if (this.isFreed)
      throw new FreestepError(
        'cuda',
        'disposed',
        `${name} was freed. Use an array only before free().`,
      )
  }
}
