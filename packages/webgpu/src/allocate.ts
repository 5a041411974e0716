/**
 * Buffers of the backend's own for parameters that come as arrays, and for gradients that have to
 * be copied: tensor after tensor in one GPUBuffer, each where a binding may begin, so that a
 * caller's kernels can be bound to them.
 */
import { FreestepError, type TensorInfo } from '@freestep/core'
import { bytesEach, type Place } from '@freestep/engine'
import { vectorUsage } from './usage.ts'

/**
 * Places for tensors, in buffers that one binding of `window` bytes can reach, where that is
 * possible. Fresh buffers are zero.
 */
export function allocate(
  device: GPUDevice,
  label: string,
  tensors: readonly TensorInfo[],
  window: number,
): Place<GPUBuffer>[] {
  const { maxBufferSize, minStorageBufferOffsetAlignment: aligned } = device.limits
  const buffers: number[] = []
  const placed = tensors.map(({ name, size, dtype }) => {
    const bytes = size * bytesEach[dtype]
    const room = Math.max(aligned, aligned * Math.ceil(bytes / aligned))
    if (room > maxBufferSize)
      throw new FreestepError(
        'webgpu',
        'unsupported',
        `${name} has ${bytes} bytes, a GPUBuffer of this device ${maxBufferSize}. Request a device with a higher limit maxBufferSize.`,
      )
    const last = buffers.length - 1
    if (last < 0 || buffers[last] + room > window) buffers.push(0)
    const at = buffers.length - 1
    const byteOffset = buffers[at]
    buffers[at] += room
    return { at, byteOffset, bytes }
  })
  const made = buffers.map((size) => device.createBuffer({ label, size, usage: vectorUsage }))
  return placed.map(({ at, byteOffset, bytes }) => ({ memory: made[at], at: byteOffset, bytes }))
}
