/**
 * CUDA: fused steps against a copy of the bytes they move on the device, and the optimizers of
 * PyTorch on the same device. Without a GPU there is nothing to measure, and the report says so.
 */
import {
  type Algorithm,
  adamW,
  type CudaBackend,
  type CudaOptimizer,
  createOptimizer,
  cuda,
  cudaAvailable,
  type DeviceArray,
  type Driver,
  dog,
  FreestepError,
  type Graph,
  prodigy,
} from '@freestep/cuda'
import { type Contestant, race, type Times } from '../measure.ts'
import type { Report } from '../report.ts'
import { visionTransformer } from '../webgpu/sizes.ts'
import { Torch } from './torch.ts'

/** Options of the benchmark. */
export interface CudaBenchOptions {
  readonly sizes: readonly number[]
  readonly rounds: number
  readonly device: number
  readonly torch: boolean
  /** The tensors of the last race, a model's. */
  readonly model?: readonly number[]
  /** The steps between two waits. Default: as many as take a few milliseconds. */
  readonly steps?: number
  /** Another driver, for tests. */
  readonly driver?: Driver
}

/** Each algorithm, the bytes that its step moves a parameter of float32, and whom it meets. */
const algorithms: Readonly<
  Record<string, { readonly make: () => Algorithm; readonly bytes: number; readonly peers: Peers }>
> = {
  adam: {
    make: adamW,
    bytes: 28,
    peers: { 'torch fused AdamW': 'torch-fused', 'torch foreach Adam': 'torch-foreach' },
  },
  prodigy: {
    make: prodigy,
    bytes: 44,
    peers: { 'torch fused AdamW': 'torch-fused', prodigyopt: 'prodigyopt' },
  },
  dog: { make: dog, bytes: 28, peers: {} },
}
/** What peers are called in figures. */
type Peers = Readonly<Record<string, string>>

/** A vision transformer of the size called base: 86 million parameters in 152 tensors. */
const base = visionTransformer(768, 12, 16 * 16 * 3, 197, 1000)

/** Runs all races and fills the report. */
export async function benchCuda(options: CudaBenchOptions, report: Report): Promise<void> {
  const { sizes, rounds, device, torch: withTorch, model = base, driver, steps } = options
  const answer = driver ? undefined : cudaAvailable()
  if (answer && !answer.available) return report.note(`Nothing was measured: ${answer.reason}`)
  const backend = await cuda({ device, ...(driver && { driver }) })
  const { name, multiprocessors, memory } = backend.facts
  const version = answer?.available ? `, CUDA ${answer.cuda}` : ''
  report.note(
    `${name}, ${multiprocessors} multiprocessors, ${(memory / 2 ** 30).toFixed(0)} GiB${version}`,
  )
  const torch = withTorch ? await Torch.start(device) : 'not asked for'
  report.note(typeof torch === 'string' ? `torch: ${torch}` : `torch ${torch.version}`)
  const peers = typeof torch === 'string' ? undefined : torch
  const lists = [...sizes.map((size) => [size]), model]
  const raceAt = async (list: readonly number[]) => {
    try {
      await new Arena(backend, peers, rounds, report).raceAt(list, steps ?? stepsFor(total(list)))
    } catch (error) {
      if (!(error instanceof FreestepError && error.code === 'out-of-memory')) throw error
      report.note(`${total(list)} parameters: ${error.message}`)
    }
  }
  try {
    for (const list of lists) await raceAt(list)
  } finally {
    peers?.close()
    backend.close()
  }
}

const total = (sizes: readonly number[]) => sizes.reduce((sum, size) => sum + size, 0)
const copyOf = (name: string) => `copy of ${algorithms[name].bytes} bytes (${name})`
/** The steps between two waits, so that a fast GPU is not measured by how fast it is asked. */
const stepsFor = (size: number) => Math.max(1, Math.min(200, Math.round(5e8 / size)))

/** The races for one list of tensors. */
class Arena {
  private readonly backend: CudaBackend
  private readonly torch: Torch | undefined
  private readonly rounds: number
  private readonly report: Report
  private readonly arrays: DeviceArray[] = []
  private readonly optimizers: CudaOptimizer<DeviceArray>[] = []
  private readonly graphs: Graph[] = []

  constructor(backend: CudaBackend, torch: Torch | undefined, rounds: number, report: Report) {
    this.backend = backend
    this.torch = torch
    this.rounds = rounds
    this.report = report
  }

  /** All of ours, as single steps and in a graph; the copies; torch. */
  async raceAt(sizes: readonly number[], steps: number): Promise<void> {
    try {
      await this.measure(sizes, steps)
    } finally {
      for (const graph of this.graphs) graph.free()
      for (const optimizer of this.optimizers) optimizer.dispose()
      for (const array of this.arrays) array.free()
    }
  }

  private async measure(sizes: readonly number[], steps: number): Promise<void> {
    const size = total(sizes)
    const gradients = named(sizes.map((each) => this.array(each)))
    const most = Math.max(...Object.values(algorithms).map(({ bytes }) => bytes))
    const [from, to] = [0, 1].map(() => this.array(Math.ceil((most / 8) * size)))
    const contestants: Contestant[] = []
    for (const [name, { make, bytes }] of Object.entries(algorithms)) {
      const optimizer = await createOptimizer(
        make(),
        named(sizes.map((each) => this.array(each))),
        this.backend,
      )
      this.optimizers.push(optimizer)
      contestants.push(
        this.repeating(name, steps, () => optimizer.step(gradients)),
        this.repeating(copyOf(name), steps, () =>
          this.backend.copy(to, from, Math.floor((bytes / 8) * size)),
        ),
      )
      optimizer.step(gradients)
      const graph = this.backend.capture(() => optimizer.step(gradients))
      this.graphs.push(graph)
      contestants.push(this.repeating(`${name}, in a graph`, steps, () => graph.launch()))
    }
    await this.torch?.prepare(sizes)
    for (const name of this.torch?.names ?? [])
      contestants.push({ name, run: () => this.torch?.run(name, steps) })
    const effort = { rounds: this.rounds, turn: 20, budget: 60_000 }
    this.write(size, sizes.length, await race(contestants, effort), steps)
  }

  private write(size: number, tensors: number, times: Map<string, Times>, steps: number): void {
    const several = tensors > 1 ? `, ${tensors} tensors` : ''
    for (const [name, { median, least }] of times)
      this.report.row(size, `${name}${several}`, { median: median / steps, least: least / steps })
    const median = (name: string) => times.get(name)?.median ?? Number.NaN
    const suffix = tensors > 1 ? `-${tensors}-tensors` : ''
    for (const [name, { peers }] of Object.entries(algorithms)) {
      const figure = (other: string, value: number) =>
        this.report.figure(`cuda/${name}-vs-${other}${suffix}`, size, value)
      figure('copy', median(copyOf(name)) / median(name))
      figure('copy-in-a-graph', median(copyOf(name)) / median(`${name}, in a graph`))
      for (const [peer, short] of Object.entries(peers))
        if (times.has(peer)) figure(short, median(peer) / median(name))
    }
  }

  /** Numbers that are neither 0 nor alike. */
  private array(length: number): DeviceArray {
    const numbers = new Float32Array(length)
    for (let i = 0; i < length; i += some.length) numbers.set(some.subarray(0, length - i), i)
    const array = this.backend.array(numbers)
    this.arrays.push(array)
    return array
  }

  private repeating(name: string, times: number, once: () => void): Contestant {
    const run = () => {
      for (let k = 0; k < times; k++) once()
      this.backend.synchronize()
    }
    return { name, run }
  }
}

const named = <T>(list: readonly T[]): Record<string, T> =>
  Object.fromEntries(list.map((each, i) => [`p${i}`, each]))
const some = Float32Array.from({ length: 1e5 }, () => Math.random() - 0.5)
