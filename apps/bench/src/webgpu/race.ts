/**
 * WebGPU: fused steps against a copy of the bytes they move and the Adam of TensorFlow.js, all on
 * one device, in a page. Not the page.
 */
import {
  type Algorithm,
  adam,
  createOptimizer,
  dog,
  type GPUOptimizer,
  type GPUTensor,
  prodigy,
  webgpu,
} from '@freestep/webgpu'
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu'
import * as tf from '@tensorflow/tfjs-core'
import { type Contestant, race, type Times } from '../measure.ts'
import type { Measured } from '../report.ts'
import { visionTransformer } from './sizes.ts'

/** Options of the benchmark. */
export interface WebGPUOptions {
  readonly sizes: readonly number[]
  readonly rounds: number
}

/** Each algorithm and the bytes that its step moves, a parameter of float32. */
const algorithms: Readonly<
  Record<string, { readonly make: () => Algorithm; readonly bytes: number }>
> = {
  adam: { make: adam, bytes: 28 },
  prodigy: { make: prodigy, bytes: 44 },
  dog: { make: dog, bytes: 28 },
}

/** Puts one step, or one copy, into an encoder. */
type Recorded = (encoder: GPUCommandEncoder) => void

const copyOf = (name: string) => `copy of ${algorithms[name].bytes} bytes (${name})`
const random = (size: number) => Float32Array.from({ length: size }, () => Math.random() - 0.5)
/**
 * The steps that one submission holds, so that a fast GPU is not measured by how fast it is asked.
 */
const perSubmission = (size: number, software: boolean) =>
  software ? 1 : Math.max(1, Math.min(100, Math.round(2e8 / size)))

/** Runs all races. */
export async function raceAll({ sizes, rounds }: WebGPUOptions): Promise<Measured> {
  const measured: Measured = { rows: [], figures: [], notes: [] }
  // TensorFlow.js opens the device with the limits it wants; everybody else shares it.
  await import('@tensorflow/tfjs-backend-webgpu')
  await tf.setBackend('webgpu')
  const { device } = tf.backend() as WebGPUBackend
  const arena = new Arena(device)
  const { vendor, architecture, description, isFallbackAdapter } = device.adapterInfo
  measured.notes.push(
    `${[vendor, architecture, description].filter(Boolean).join(' ')}; ${navigator.userAgent}`,
  )
  const software = isFallbackAdapter ?? false
  for (const size of sizes) await arena.raceAt(size, rounds, software, measured)
  await arena.raceTensors(rounds, software, measured)
  return measured
}

const median = (times: Map<string, Times>, name: string) => times.get(name)?.median ?? Number.NaN
const effort = (rounds: number) => ({ rounds, turn: 20, budget: 20_000 })

/** What the device's own clock says, and each algorithm beside its copy. */
function noteOnDevice(
  size: number,
  times: Map<string, Times>,
  { rows, figures }: Pick<Measured, 'rows' | 'figures'>,
): void {
  for (const [name, time] of times) rows.push([size, `${name}, by timestamps`, time])
  for (const name of Object.keys(algorithms))
    figures.push([
      `webgpu/${name}-vs-copy-by-timestamps`,
      size,
      median(times, copyOf(name)) / median(times, name),
    ])
}

/** The races on one device. */
class Arena {
  private readonly device: GPUDevice

  constructor(device: GPUDevice) {
    this.device = device
  }

  /** One size: all of ours, the copies, TensorFlow.js. */
  async raceAt(
    size: number,
    rounds: number,
    software: boolean,
    { rows, figures }: Measured,
  ): Promise<void> {
    const steps = perSubmission(size, software)
    const contestants: Contestant[] = []
    const recorded = new Map<string, Recorded>()
    const dispose: (() => void)[] = []
    for (const [name, { make, bytes }] of Object.entries(algorithms)) {
      const optimizer = await this.started(make(), [random(size)])
      const copy = this.copy((bytes / 2) * size)
      recorded
        .set(name, (encoder) => optimizer.step(optimizer.grads, { encoder }))
        .set(copyOf(name), copy.record)
      dispose.push(copy.dispose, () => this.dispose(optimizer))
    }
    for (const [name, record] of recorded) contestants.push(this.repeating(name, record, steps))
    const tfjs = this.tfjsAdam('tfjs-webgpu adam', size)
    contestants.push(tfjs.contestant)
    const times = new Map<string, Times>()
    for (const [name, { median, least }] of await race(contestants, effort(rounds))) {
      const each = name.startsWith('tfjs') ? 1 : steps
      times.set(name, { median: median / each, least: least / each })
    }
    for (const [name, time] of times) rows.push([size, name, time])
    for (const name of Object.keys(algorithms))
      figures.push([
        `webgpu/${name}-vs-copy`,
        size,
        median(times, copyOf(name)) / median(times, name),
      ])
    if (this.device.features.has('timestamp-query')) {
      const onDevice = new Map<string, Times>()
      for (const [name, record] of recorded)
        onDevice.set(name, await this.timestamps(record, steps, rounds))
      noteOnDevice(size, onDevice, { rows, figures })
    }
    for (const free of [...dispose, tfjs.dispose]) free()
    for (const name of ['adam', 'prodigy'])
      figures.push([
        `webgpu/${name}-vs-tfjs-adam`,
        size,
        median(times, 'tfjs-webgpu adam') / median(times, name),
      ])
  }

  /**
   * The tensors of a small vision transformer, uploaded and in buffers of their own, against one
   * tensor of as many parameters.
   */
  async raceTensors(rounds: number, software: boolean, { rows, figures }: Measured): Promise<void> {
    const sizes = visionTransformer()
    const total = sizes.reduce((sum, size) => sum + size, 0)
    const steps = perSubmission(total, software)
    const [one, uploaded] = [
      await this.started(prodigy(), [random(total)]),
      await this.started(prodigy(), sizes.map(random)),
    ]
    const buffers = await this.started(
      prodigy(),
      sizes.map((size) => this.buffer(random(size))),
    )
    const gradients = Object.fromEntries(
      sizes.map((size, i) => [`p${i}`, this.buffer(random(size))]),
    )
    const names = [
      '1 tensor',
      `${sizes.length} tensors`,
      `${sizes.length} tensors, a buffer each`,
    ].map((name) => `prodigy, ${name}`)
    const times = await race(
      [
        this.repeating(names[0], (encoder) => one.step(one.grads, { encoder }), steps),
        this.repeating(names[1], (encoder) => uploaded.step(uploaded.grads, { encoder }), steps),
        this.repeating(names[2], (encoder) => buffers.step(gradients, { encoder }), steps),
      ],
      effort(rounds),
    )
    for (const name of names) {
      const { median, least } = times.get(name) as Times
      rows.push([total, name, { median: median / steps, least: least / steps }])
    }
    figures.push([
      `webgpu/prodigy-${sizes.length}-tensors-vs-one`,
      total,
      median(times, names[1]) / median(times, names[0]),
    ])
    figures.push([
      `webgpu/prodigy-${sizes.length}-buffers-vs-one`,
      total,
      median(times, names[2]) / median(times, names[0]),
    ])
    for (const optimizer of [one, uploaded, buffers]) this.dispose(optimizer)
  }

  private buffer(numbers: Float32Array<ArrayBuffer>): GPUBuffer {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
    const buffer = this.device.createBuffer({ size: numbers.byteLength, usage })
    this.device.queue.writeBuffer(buffer, 0, numbers)
    return buffer
  }

  /** An optimizer; gradients have their place where parameters are uploaded. */
  private async started(
    algorithm: Algorithm,
    tensors: readonly GPUTensor[],
  ): Promise<GPUOptimizer> {
    const params = Object.fromEntries(tensors.map((tensor, i) => [`p${i}`, tensor]))
    const optimizer = await createOptimizer(
      algorithm,
      params,
      await webgpu({ device: this.device }),
    )
    for (const { buffer, byteOffset, length = 0 } of Object.values(optimizer.grads ?? {}))
      this.device.queue.writeBuffer(buffer, byteOffset ?? 0, random(length))
    return optimizer
  }

  private dispose(optimizer: GPUOptimizer): void {
    optimizer.dispose()
    for (const param of Object.values(optimizer.params))
      ('buffer' in param ? param.buffer : param).destroy()
  }

  private repeating(name: string, record: Recorded, times: number): Contestant {
    const run = () => {
      const encoder = this.device.createCommandEncoder()
      for (let k = 0; k < times; k++) record(encoder)
      return this.done(encoder)
    }
    return { name, run }
  }

  private copy(bytes: number): { record: Recorded; dispose: () => void } {
    const [from, to] = [this.buffer(random(bytes / 4)), this.buffer(random(bytes / 4))]
    const dispose = () => {
      from.destroy()
      to.destroy()
    }
    return { record: (encoder) => encoder.copyBufferToBuffer(from, 0, to, 0, bytes), dispose }
  }

  /** The time on the device, between a pass before and one after. */
  private async timestamps(record: Recorded, steps: number, rounds: number): Promise<Times> {
    const querySet = this.device.createQuerySet({ type: 'timestamp', count: 2 })
    const resolved = this.device.createBuffer({
      size: 16,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    })
    const staging = this.device.createBuffer({
      size: 16,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    })
    const samples: number[] = []
    for (let round = 0; round < rounds; round++) {
      const encoder = this.device.createCommandEncoder()
      encoder.beginComputePass({ timestampWrites: { querySet, endOfPassWriteIndex: 0 } }).end()
      for (let k = 0; k < steps; k++) record(encoder)
      encoder
        .beginComputePass({ timestampWrites: { querySet, beginningOfPassWriteIndex: 1 } })
        .end()
      encoder.resolveQuerySet(querySet, 0, 2, resolved, 0)
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, 16)
      await this.done(encoder)
      await staging.mapAsync(GPUMapMode.READ)
      const [begin, end] = new BigUint64Array(staging.getMappedRange())
      samples.push(Number(end - begin) / 1e6 / steps)
      staging.unmap()
    }
    for (const each of [querySet, resolved, staging]) each.destroy()
    const sorted = samples.sort((a, b) => a - b)
    return { median: sorted[sorted.length >> 1], least: sorted[0] }
  }

  private tfjsAdam(name: string, size: number): { contestant: Contestant; dispose: () => void } {
    const variable = tf.variable(tf.tensor1d(random(size)), true, `x-${size}`)
    const gradient = tf.tensor1d(random(size))
    const optimizer = tf.train.adam(1e-3)
    const backend = tf.backend() as unknown as {
      endComputePassEncoder(): void
      submitQueue(): void
    }
    const run = () => {
      optimizer.applyGradients([{ name: variable.name, tensor: gradient }])
      // It gathers commands, and submits them when there are enough or something is read.
      backend.endComputePassEncoder()
      backend.submitQueue()
      return this.device.queue.onSubmittedWorkDone()
    }
    return { contestant: { name, run }, dispose: () => tf.dispose([variable, gradient]) }
  }

  private done(encoder: GPUCommandEncoder): Promise<undefined> {
    this.device.queue.submit([encoder.finish()])
    return this.device.queue.onSubmittedWorkDone().then(() => undefined)
  }
}
