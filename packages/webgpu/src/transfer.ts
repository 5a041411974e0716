/**
 * Numbers between host and device: writes that take effect in the order of submission, also within
 * a caller's command encoder, and reads that are asked for at once and waited for later. Not the
 * arithmetic on them.
 */
import { FreestepError } from '@freestep/core'
import type { Place } from '@freestep/engine'
import { describe, type GPUTensor, isArray, placeOf } from './tensors.ts'
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
  write({ memory: buffer, at: byteOffset }: Place<GPUBuffer>, data: ArrayBufferView): void {
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
  copy(from: Place<GPUBuffer>, to: Place<GPUBuffer>): void {
    this.encoder.copyBufferToBuffer(from.memory, from.at, to.memory, to.at, wholeWords(from))
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
function wholeWords({ memory, at, bytes }: Place<GPUBuffer>): number {
  const whole = 4 * Math.ceil(bytes / 4)
  if (at + whole <= memory.size) return whole
  throw new FreestepError(
    'webgpu',
    'unsupported',
    'An odd number of float16 ends with its GPUBuffer. Make the buffer 2 bytes longer.',
  )
}

/** Throws unless a buffer may be copied from, or to. */
export function checkUsage(
  { memory }: Place<GPUBuffer>,
  name: string,
  wanted: 'copySource' | 'copyTarget',
): void {
  if (memory.usage & usage[wanted]) return
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

/** A place that is read through a buffer, and where in it. */
interface Staged {
  readonly offset: number
  readonly place: Place<GPUBuffer>
}

/**
 * Reads places; the copies are submitted before this returns, so they show the present moment.
 */
export async function readPlaces(
  device: GPUDevice,
  places: readonly Place<GPUBuffer>[],
): Promise<Uint8Array[]> {
  const encoder = device.createCommandEncoder({ label: 'freestep read' })
  const loads = groupsOf(places).map((staged) => {
    const last = staged[staged.length - 1]
    const staging = device.createBuffer({
      label: 'freestep read',
      size: Math.max(4, last.offset + wholeWords(last.place)),
      usage: usage.mapRead | usage.copyTarget,
    })
    for (const { offset, place } of staged)
      if (place.bytes)
        encoder.copyBufferToBuffer(place.memory, place.at, staging, offset, wholeWords(place))
    return { staging, staged }
  })
  device.queue.submit([encoder.finish()])
  const read = loads.map(async ({ staging, staged }) => {
    await staging.mapAsync(mapModeRead)
    const all = staging.getMappedRange()
    const bytes = staged.map(({ offset, place }) =>
      new Uint8Array(all, offset, place.bytes).slice(),
    )
    staging.destroy()
    return bytes
  })
  return (await Promise.all(read)).flat()
}

/** Places in groups, each of which goes through one buffer. */
function groupsOf(places: readonly Place<GPUBuffer>[]): Staged[][] {
  const groups: Staged[][] = []
  let filled = Number.POSITIVE_INFINITY
  for (const place of places) {
    const bytes = wholeWords(place)
    if (filled + bytes > stagingBytes) {
      groups.push([])
      filled = 0
    }
    groups.at(-1)?.push({ offset: filled, place })
    filled += bytes
  }
  return groups
}
