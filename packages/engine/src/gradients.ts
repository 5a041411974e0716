/**
 * Where a step reads its gradients: where they were given, or in a copy, if they come as arrays or
 * are in memory that the step writes to while it reads them. Not the step.
 */
import { Occupied, type Program, type Stretch, type TensorInfo } from '@freestep/core'
import type { Device, Place, Work } from './device.ts'

/** A gradient of one step. */
export interface Given<T, M> {
  readonly i: number
  readonly tensor: T
  /** Its numbers, if it is on the host. */
  readonly host: ArrayBufferView | undefined
  /** Where it is, if it is on the device. */
  readonly place: Place<M> | undefined
  readonly isCopied: boolean
}

/** A place as a stretch of its memory. */
export const stretchOf = <M>({ memory, at, bytes }: Place<M>): Stretch => ({
  of: memory,
  begin: at,
  end: at + bytes,
})

/** The gradients of one optimizer, step after step. */
export class Gradients<T, M> {
  private readonly device: Device<T, M, unknown, unknown>
  private readonly tensors: readonly TensorInfo[]
  /** Where gradients go that have to be copied, as far as there was one. */
  private readonly homes: (Place<M> | undefined)[]
  /** Which parameters were uploaded. */
  private readonly own: readonly boolean[]
  /** Where parameters were, and for each the last gradient that was found to be elsewhere. */
  private written: Occupied | undefined
  private parameters: readonly Place<M>[] = []
  private apart: (Place<M> | undefined)[] = []
  /** Whether callers know the homes, and may give them as gradients. */
  readonly shown: boolean

  /** `own` says which parameters were uploaded: their gradients get a place at once. */
  constructor(
    device: Device<T, M, unknown, unknown>,
    { tensors }: Program,
    own: readonly boolean[],
  ) {
    const made = device.allocate(
      tensors.filter((_, i) => own[i]),
      'The gradient of',
    )
    this.device = device
    this.tensors = tensors
    this.own = own
    this.homes = own.map((isOwn) => (isOwn ? made.shift() : undefined))
    this.shown = own.every((isOwn) => isOwn)
  }

  /** The places for gradients, if all parameters have one. */
  get all(): readonly Place<M>[] | undefined {
    return this.shown ? this.homes.flatMap((place) => place ?? []) : undefined
  }

  /**
   * Looks at the gradients of a step on parameters at the given places; throws if one cannot be
   * read.
   */
  look(gradients: readonly (T | undefined)[], parameters: readonly Place<M>[]): Given<T, M>[] {
    if (parameters.some((place, i) => !isSame(place, this.parameters[i]))) {
      this.parameters = parameters
      this.written = undefined
      this.apart = []
    }
    const { device } = this
    return gradients.flatMap((tensor, i): Given<T, M>[] => {
      if (tensor === undefined) return []
      const host = device.host(tensor)
      if (host) return [{ i, tensor, host, place: undefined, isCopied: true }]
      const name = `The gradient of ${this.tensors[i]?.name}`
      const place = device.place(tensor, name)
      const isCopied = this.isInTheWay(i, place)
      if (isCopied) device.reach?.(place, name, 'from')
      return [{ i, tensor, host, place, isCopied }]
    })
  }

  /** Whether a step cannot read a gradient where it is. */
  private isInTheWay(i: number, place: Place<M>): boolean {
    if (isSame(place, this.apart[i])) return false
    const x = this.parameters[i]
    if (x && this.device.takes?.(place, x, this.own[i] ? this.homes[i] : undefined) === false)
      return true
    this.written ??= new Occupied(this.parameters.map(stretchOf))
    if (this.written.touches(stretchOf(place))) return true
    this.apart[i] = place
    return false
  }

  /**
   * Where all gradients will be, and how to copy those that are elsewhere. A home that another
   * gradient of this step was given in, or the loss, stays as it is.
   */
  bring<F, P>(
    work: Work<M, F, P>,
    given: readonly Given<T, M>[],
    loss: Place<M> | undefined,
  ): { readonly places: (Place<M> | undefined)[]; copy(): void } {
    const mayClash = this.shown && given.some(({ isCopied }) => isCopied)
    const read = mayClash ? [...given.map(({ place }) => place), loss] : []
    const taken = new Occupied(read.flatMap((place) => (place ? [stretchOf(place)] : [])))
    const places = this.tensors.map((): Place<M> | undefined => undefined)
    for (const { i, place, isCopied } of given)
      places[i] = isCopied ? this.placeFor(i, work, taken) : place
    return {
      places,
      copy: () => {
        for (const { i, host, place } of given) {
          const to = places[i]
          if (!to?.bytes || to === place) continue
          if (host) work.upload(to, host, `the gradient of ${this.tensors[i]?.name}`)
          else if (place) work.copy(place, to)
        }
      },
    }
  }

  private placeFor<F, P>(i: number, work: Work<M, F, P>, taken: Occupied): Place<M> {
    const info = this.tensors[i] as TensorInfo
    const home = this.homes[i] ?? this.device.allocate([info], 'The gradient of')[0]
    this.homes[i] = home
    return home && !taken.touches(stretchOf(home)) ? home : work.borrow(info, 'The gradient of')
  }

  /** Gives the memory of copies back. */
  free(): void {
    this.device.free(this.homes.flatMap((place) => place ?? []))
  }
}

const isSame = <M>(a: Place<M>, b: Place<M> | undefined) =>
  b !== undefined && a.memory === b.memory && a.at === b.at && a.bytes === b.bytes
