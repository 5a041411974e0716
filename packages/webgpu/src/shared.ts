/**
 * What all optimizers of a backend share: the device, its compiled kernels, and how work is spread
 * over it. Not the work.
 */
import type { WgslOptions } from '@freestep/compiler'
import { FreestepError } from '@freestep/core'
import type { Device } from './device.ts'
import type { Spread } from './layout.ts'
import { Pipelines } from './pipelines.ts'
import type { Limits } from './segments.ts'
import { vectorUsage } from './usage.ts'

/** How kernels are printed. */
export interface KernelOptions {
  /** Threads of a group: a power of two from 16 to 256. Default: 128, on a software adapter 64. */
  readonly workgroupSize?: number
  /** Whether sums use subgroups. Default: where the device has them, and is no software adapter. */
  readonly subgroups?: boolean
}

/** What optimizers share. */
export interface Shared {
  readonly device: Device
  readonly pipelines: Pipelines
  readonly spread: Spread
  readonly limits: Limits
  /**
   * Something to bind where a kernel has a binding for more pairs of buffers than there are: one
   * buffer for each kind.
   */
  readonly nothing: Readonly<Record<'x' | 'g', GPUBuffer>>
  readonly wgsl: Pick<WgslOptions, 'workgroupSize' | 'subgroups'>
}

/** Sets a device up. */
export function sharedOn(device: Device, options: KernelOptions): Shared {
  const { limits, features } = device.device
  const { isFallbackAdapter: software = false } = device.device.adapterInfo ?? {}
  const {
    workgroupSize = software ? 64 : 128,
    subgroups = features.has('subgroups') && device.speaks('subgroup_id') && !software,
  } = options
  const most = Math.min(256, limits.maxComputeInvocationsPerWorkgroup)
  if (workgroupSize < 16 || workgroupSize > most || !Number.isInteger(Math.log2(workgroupSize)))
    throw new FreestepError(
      'webgpu',
      'bad-option',
      `workgroupSize is ${workgroupSize}. Give a power of two from 16 to ${most}.`,
    )
  if (subgroups && !(features.has('subgroups') && device.speaks('subgroup_id')))
    throw new FreestepError(
      'webgpu',
      'unsupported',
      'This device has no subgroups. Leave the option out.',
    )
  // Beside the pairs there are the numbers and the states.
  const pairs = Math.max(
    1,
    Math.min(8, Math.floor((limits.maxStorageBuffersPerShaderStage - 2) / 2)),
  )
  const nothing = () =>
    device.device.createBuffer({ label: 'freestep nothing', size: 256 * pairs, usage: vectorUsage })
  return {
    device,
    pipelines: new Pipelines(device.device),
    spread: software ? onProcessor(workgroupSize) : onGraphics(workgroupSize),
    limits: {
      pairs,
      window:
        256 * Math.floor(Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize) / 256),
    },
    nothing: { x: nothing(), g: nothing() },
    wgsl: {
      workgroupSize: { pass: workgroupSize, scalar: software ? workgroupSize : most },
      subgroups,
    },
  }
}

/** A few groups for each core: there, a group costs more than an element. */
const onProcessor = (threads: number): Spread => ({ threads, groups: 64, atLeast: 64 })
/**
 * Enough threads to hide the latency of memory on the largest GPUs; with fewer elements, fewer
 * groups.
 */
const onGraphics = (threads: number): Spread => ({ threads, groups: 4096, atLeast: 4 })
