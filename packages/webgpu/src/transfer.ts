/**
 * Numbers between host and device: writes that take effect in the order of submission, also within
 * a caller's command encoder, and reads that are asked for at once and waited for later. Not the
 * arithmetic on them.
 */
import { FreestepError, precisionOf } from '@freestep/core'
import { fromHalf, toHalf } from './half.ts'
import { describe, type GPUTensor, isArray, type Place, placeOf } from './tensors.ts'
import { mapModeRead, usage } from './usage.ts'

/** Commands in the making: for the caller's encoder, or for one that is submitted at once. */
export class Recorder {
  readonly encoder: GPUCommandEncoder
  private readonly device: GPUDevice
  private readonly own: boolean

  constructor(device: GPUDevice, encoder?: GPUCommandEncoder) {
    this.device = device
    this.own = !encoder
    this.encoder = encoder ?? device.createCommandEncoder({ label: 'freestep' })
  }

  /**
   * Writes before what is recorded next. The queue's own write would come before all of a caller's
   * commands.
   */
  write(buffer: GPUBuffer, byteOffset: number, data: ArrayBufferView): void {
    const bytes = padded(data)
    if (this.own) {
      this.device.queue.writeBuffer(buffer, byteOffset, bytes)
      return
    }
    const staging = this.device.createBuffer({
      label: 'freestep write',
      size: bytes.length,
      usage: usage.copySource,
      mappedAtCreation: true,
    })
    new Uint8Array(staging.getMappedRange()).set(bytes)
    staging.unmap()
    this.encoder.copyBufferToBuffer(staging, 0, buffer, byteOffset, bytes.length)
  }

  /** Copies a tensor to a place with room for whole words. */
  copy(from: Place, to: Place): void {
    this.encoder.copyBufferToBuffer(
      from.buffer,
      from.byteOffset,
      to.buffer,
      to.byteOffset,
      wholeWords(from),
    )
  }

  /** Submits, unless that is the caller's business. */
  submit(): void {
    if (this.own) this.device.queue.submit([this.encoder.finish()])
  }
}

/** The bytes of an array, a multiple of 4. */
function padded({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength)
  if (byteLength % 4 === 0) return bytes
  const longer = new Uint8Array(byteLength + 4 - (byteLength % 4))
  longer.set(bytes)
  return longer
}

/** The bytes of a place as copies take them: an odd number of halves takes one more along. */
function wholeWords({ buffer, byteOffset, bytes }: Place): number {
  const whole = 4 * Math.ceil(bytes / 4)
  if (byteOffset + whole <= buffer.size) return whole
  throw new FreestepError(
    'webgpu',
    'unsupported',
    'An odd number of float16 ends with its GPUBuffer. Make the buffer 2 bytes longer.',
  )
}

/** Throws unless a buffer may be copied from, or to. */
export function checkUsage(place: Place, name: string, wanted: 'copySource' | 'copyTarget'): void {
  if (place.buffer.usage & usage[wanted]) return
  const flag = wanted === 'copySource' ? 'COPY_SRC' : 'COPY_DST'
  throw new FreestepError(
    'webgpu',
    'unsupported',
    `${name} has to be copied, which its GPUBuffer forbids. Create it with usage ${flag}.`,
  )
}

/** Throws unless a tensor can be the loss: one number of single precision. */
export function checkLoss(loss: GPUTensor, features: GPUSupportedFeatures): void {
  const { dtype, size } = describe(loss, 'The loss', features)
  if (dtype !== 'float32')
    throw new FreestepError(
      'webgpu',
      'bad-dtype',
      `The loss is ${dtype}. Give a number, or one float32.`,
    )
  if (size < 1) throw new FreestepError('webgpu', 'bad-shape', 'The loss has no number. Give one.')
  if (!isArray(loss)) checkUsage(placeOf(loss), 'The loss', 'copySource')
}

/** The most bytes that are read through one buffer, unless a tensor has more. */
const stagingBytes = 2 ** 26

/** A part of what is read through one buffer. */
interface Part {
  readonly offset: number
  readonly place: Place
  readonly half: boolean
}

/**
 * Reads places, some of them of half precision; the copies are submitted before this returns, so
 * they show the present moment.
 */
export function readPlaces(
  device: GPUDevice,
  places: readonly Place[],
  half: readonly boolean[],
): Promise<Float32Array[]> {
  const encoder = device.createCommandEncoder({ label: 'freestep read' })
  const loads: { staging: GPUBuffer; parts: Part[] }[] = []
  let filled = Infinity
  let group: Part[] = []
  const groups: Part[][] = []
  for (const [i, place] of places.entries()) {
    const bytes = wholeWords(place)
    if (filled + bytes > stagingBytes) {
      group = []
      groups.push(group)
      filled = 0
    }
    group.push({ offset: filled, place, half: half[i] })
    filled += bytes
  }
  for (const parts of groups) {
    const last = parts[parts.length - 1]
    const size = Math.max(4, last.offset + wholeWords(last.place))
    const staging = device.createBuffer({
      label: 'freestep read',
      size,
      usage: usage.mapRead | usage.copyTarget,
    })
    for (const { offset, place } of parts)
      if (place.bytes)
        encoder.copyBufferToBuffer(
          place.buffer,
          place.byteOffset,
          staging,
          offset,
          wholeWords(place),
        )
    loads.push({ staging, parts })
  }
  device.queue.submit([encoder.finish()])
  return Promise.all(
    loads.map(async ({ staging, parts }) => {
      await staging.mapAsync(mapModeRead)
      const all = staging.getMappedRange()
      const numbers = parts.map(({ offset, place, half }) =>
        half
          ? fromHalf(new Uint16Array(all, offset, place.bytes / 2))
          : new Float32Array(all, offset, place.bytes / 4).slice(),
      )
      staging.destroy()
      return numbers
    }),
  ).then((read) => read.flat())
}

/** Numbers as a tensor on the device holds them. */
export const encode = (numbers: ArrayLike<number>, half: boolean): ArrayBufferView =>
  half
    ? toHalf(numbers)
    : ArrayBuffer.isView(numbers) && precisionOf(numbers) === 'float32'
      ? numbers
      : Float32Array.from(numbers)
