/**
 * Where a step reads its gradients: where they were given, or in a copy, if they come as arrays or
 * are in memory that the step writes to while it reads them. Not the step.
 */
import { Occupied, type Program } from '@freestep/core'
import { home } from './home.ts'
import type { Shop } from './shop.ts'
import { type GPUTensor, isArray, type Place, placeOf, stretchOf } from './tensors.ts'
import { checkUsage, type Recorder } from './transfer.ts'

/** A gradient of one step. */
export interface Given {
  readonly i: number
  readonly tensor: GPUTensor
  /** Where it is on the device, if it is there. */
  readonly place: Place | undefined
  readonly isCopied: boolean
}

/** The places for gradients of one optimizer. */
export class GradientHomes {
  private readonly shop: Shop
  private readonly program: Program
  /** Where each parameter is that is in a buffer of the engine's own. */
  private readonly own: readonly (Place | undefined)[]
  /** Where gradients go that have to be copied. */
  private readonly homes: (Place | undefined)[]

  constructor(shop: Shop, program: Program, own: readonly (Place | undefined)[]) {
    const uploaded = program.tensors.filter((_, i) => own[i])
    const made = home(
      shop.device.device,
      `freestep ${program.name} gradients`,
      uploaded,
      shop.limits.window,
    )
    this.shop = shop
    this.program = program
    this.own = own
    this.homes = own.map((place) => place && made.shift())
  }

  /** A place for every gradient, if all parameters have one. */
  get all(): readonly Place[] | undefined {
    const { homes, own } = this
    return own.every((place) => place) ? homes.flatMap((place) => place ?? []) : undefined
  }

  /**
   * Looks at the gradients of a step on parameters at the given places; throws if one has to be
   * copied and may not be.
   */
  look(gradients: readonly (GPUTensor | undefined)[], params: (i: number) => Place): Given[] {
    const active = [...gradients.keys()].filter((i) => gradients[i] !== undefined)
    let written: Occupied | undefined
    const isWritten = (place: Place) => {
      written ??= new Occupied(active.map((i) => stretchOf(params(i))))
      return written.touches(stretchOf(place))
    }
    return active.map((i) => {
      const tensor = gradients[i] as GPUTensor
      if (isArray(tensor)) return { i, tensor, place: undefined, isCopied: true }
      const place = placeOf(tensor)
      // A dispatch cannot write to a buffer and read it through another binding.
      const isCopied = this.own[i]
        ? place.buffer !== this.homes[i]?.buffer
        : place.buffer === params(i).buffer || isWritten(place)
      if (isCopied)
        checkUsage(place, `The gradient of ${this.program.tensors[i].name}`, 'copySource')
      return { i, tensor, place, isCopied }
    })
  }

  /**
   * Copies what is to be copied, and says where all gradients are, and which buffers are of no use
   * after the step. A home that another gradient of this step was given in, or the loss, stays as
   * it is: uploads come before everything that is recorded.
   */
  bring(
    recorder: Recorder,
    given: readonly Given[],
    loss: Place | undefined,
  ): { places: Place[]; spare: GPUBuffer[] } {
    const { device, limits } = this.shop
    const spare: GPUBuffer[] = []
    const named = given.some(({ isCopied }) => isCopied) && this.all !== undefined
    const all = [...given.map(({ place }) => place), loss].flatMap((place) =>
      named && place ? [stretchOf(place)] : [],
    )
    const read = new Occupied(all)
    const places = given.map(({ i, tensor, place: from, isCopied }) => {
      if (from && !isCopied) return from
      const fresh = () =>
        home(
          device.device,
          `freestep ${this.program.name} gradient`,
          [this.program.tensors[i]],
          limits.window,
        )[0]
      this.homes[i] ??= fresh()
      let to = this.homes[i]
      if (read.touches(stretchOf(to))) {
        to = fresh()
        spare.push(to.buffer)
      }
      if (to.bytes && from) recorder.copy(from, to)
      else if (to.bytes) recorder.write(to.buffer, to.byteOffset, tensor as Float32Array)
      return to
    })
    return { places, spare }
  }

  dispose(): void {
    for (const place of this.homes) place?.buffer.destroy()
  }
}
