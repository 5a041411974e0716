/**
 * The CPU: fused steps against a copy of the bytes they move, TensorFlow.js, hand-written loops
 * and, if asked, torch.
 */
import {
  type Algorithm,
  adam,
  cpu,
  createOptimizer,
  dadaptAdam,
  dog,
  type FloatArray,
  type Optimizer,
  prodigy,
} from '@freestep/cpu'
import { type Contestant, type Effort, race, type Times } from './measure.ts'
import { adamLoop, copy, prodigyLoop, random, tfjsAdam } from './peers.ts'
import type { Report } from './report.ts'
import { measureTorch } from './torch.ts'

/** Options of the benchmark. */
export interface CpuOptions {
  readonly sizes: readonly number[]
  readonly rounds: number
  readonly torch: boolean
}

/**
 * Each algorithm and the bytes that its step moves, a parameter of float32; see the compiler's
 * passes.test.ts.
 */
const algorithms: Readonly<
  Record<string, { readonly make: () => Algorithm; readonly bytes: number }>
> = {
  adam: { make: adam, bytes: 28 },
  prodigy: { make: prodigy, bytes: 44 },
  dog: { make: dog, bytes: 28 },
  dadaptAdam: { make: dadaptAdam, bytes: 36 },
}

/** An optimizer on parameters of the given sizes, its gradients filled in place. */
async function started(
  algorithm: Algorithm,
  sizes: readonly number[],
  threads = 1,
): Promise<Optimizer<FloatArray>> {
  const params = Object.fromEntries(sizes.map((size, i) => [`p${i}`, random(size)]))
  const optimizer = await createOptimizer(algorithm, params, await cpu({ threads }))
  for (const gradient of Object.values(optimizer.grads ?? {})) gradient.set(random(gradient.length))
  return optimizer
}

/** Runs all races and fills the report. */
export async function benchCpu(
  { sizes, rounds, torch }: CpuOptions,
  report: Report,
): Promise<void> {
  const ours = new Map<string, number>()
  for (const size of sizes) {
    const times = await raceAt(size, { rounds, turn: 5, budget: 20_000 }, report)
    for (const name of Object.keys(algorithms))
      ours.set(`${name}@${size}`, times.get(name)?.median ?? Number.NaN)
  }
  await raceTensors(rounds, report)
  for (const size of sizes) await raceThreads(size, rounds, report)
  await start(report)
  if (!torch) return
  const measured = measureTorch(sizes, rounds)
  if (typeof measured === 'string') return report.note(`torch: ${measured}`)
  for (const [name, time] of Object.entries(measured.times)) {
    const [algorithm, size] = name.split('@')
    report.row(Number(size), `torch ${measured.version} ${algorithm}, 1 thread`, {
      median: time,
      least: time,
    })
    for (const mine of new Set(['prodigy', algorithm]))
      report.figure(
        `cpu/${mine}-vs-torch-${algorithm}`,
        Number(size),
        time / (ours.get(`${mine}@${size}`) ?? Number.NaN),
      )
  }
}

/** One size: all of ours, the copies, the peers. */
async function raceAt(size: number, effort: Effort, report: Report): Promise<Map<string, Times>> {
  const contestants: Contestant[] = []
  const optimizers: Optimizer<FloatArray>[] = []
  for (const [name, { make, bytes }] of Object.entries(algorithms)) {
    const optimizer = await started(make(), [size])
    optimizers.push(optimizer)
    contestants.push(
      { name, run: () => optimizer.step() },
      copy(`copy of ${bytes} bytes (${name})`, bytes * size),
    )
  }
  contestants.push(
    await tfjsAdam('tfjs-wasm adam', 'wasm', size),
    await tfjsAdam('tfjs-cpu adam', 'cpu', size),
    adamLoop('js loop adam', size),
    prodigyLoop('js loop prodigy', size),
  )
  const times = await race(contestants, effort)
  for (const optimizer of optimizers) optimizer.dispose()

  const median = (name: string) => times.get(name)?.median ?? Number.NaN
  for (const [name, time] of times) report.row(size, name, time)
  for (const [name, { bytes }] of Object.entries(algorithms))
    report.figure(
      `cpu/${name}-vs-copy`,
      size,
      median(`copy of ${bytes} bytes (${name})`) / median(name),
    )
  for (const name of ['adam', 'prodigy']) {
    report.figure(`cpu/${name}-vs-tfjs-wasm-adam`, size, median('tfjs-wasm adam') / median(name))
    report.figure(`cpu/${name}-vs-tfjs-cpu-adam`, size, median('tfjs-cpu adam') / median(name))
    report.figure(`cpu/${name}-vs-js-loop`, size, median(`js loop ${name}`) / median(name))
  }
  return times
}

/** A million parameters as one tensor and as a thousand. */
async function raceTensors(rounds: number, report: Report): Promise<void> {
  const [size, count] = [1_000_000, 1000]
  for (const name of ['adam', 'prodigy']) {
    const { make } = algorithms[name]
    const one = await started(make(), [size])
    const many = await started(make(), Array<number>(count).fill(size / count))
    const [a, b] = [`${name}, 1 tensor`, `${name}, ${count} tensors`]
    const times = await race(
      [
        { name: a, run: () => one.step() },
        { name: b, run: () => many.step() },
      ],
      { rounds, turn: 5, budget: 20_000 },
    )
    for (const each of [a, b]) report.row(size, each, times.get(each) as Times)
    report.figure(
      `cpu/${name}-${count}-tensors-vs-one`,
      size,
      (times.get(b)?.median ?? Number.NaN) / (times.get(a)?.median ?? 1),
    )
  }
}

/** One thread and two. */
async function raceThreads(size: number, rounds: number, report: Report): Promise<void> {
  const [one, two] = [await started(prodigy(), [size]), await started(prodigy(), [size], 2)]
  const [a, b] = ['prodigy, 1 thread', 'prodigy, 2 threads']
  const contestants = [
    { name: a, run: () => one.step() },
    { name: b, run: () => two.step() },
  ]
  const times = await race(contestants, { rounds, turn: 5, budget: 20_000 })
  for (const each of [a, b]) report.row(size, each, times.get(each) as Times)
  report.figure(
    'cpu/prodigy-1-thread-vs-2',
    size,
    (times.get(a)?.median ?? Number.NaN) / (times.get(b)?.median ?? 1),
  )
  for (const optimizer of [one, two]) optimizer.dispose()
}

/**
 * What does not depend on the number of parameters: making an optimizer, and a step on ten of them.
 */
async function start(report: Report): Promise<void> {
  for (const [name, { make }] of Object.entries(algorithms)) {
    const begin = performance.now()
    const optimizer = await started(make(), [10])
    report.figure(`cpu/${name}-create-ms`, 10, performance.now() - begin)
    const times = await race([{ name, run: () => optimizer.step() }], {
      rounds: 20,
      turn: 5,
      budget: 1000,
    })
    report.figure(`cpu/${name}-step-us`, 10, 1e3 * (times.get(name)?.median ?? Number.NaN))
  }
}
