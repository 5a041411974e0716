/**
 * TensorFlow.js: our optimizers, fused and eager, against its own Adam on one of its backends, in
 * Node or in a page. Not the page, nor the choice of a backend.
 */
import { adam, dog, type FreestepOptimizer, prodigy } from '@freestep/tfjs'
import * as tf from '@tensorflow/tfjs-core'
import { type Contestant, race, type Times } from '../measure.ts'
import type { Measured } from '../report.ts'

/** Ours, by the name of the figure. */
const algorithms: Readonly<Record<string, () => FreestepOptimizer>> = {
  prodigy: () => prodigy(),
  adam: () => adam(),
  dog: () => dog(),
  'eager-prodigy': () => prodigy({ fused: false }),
}

/** Thirty layers of growing size, a matrix and a bias each, of so many parameters in all. */
export function mixedSizes(total: number): number[] {
  const biases = Array.from({ length: 30 }, (_, i) => 32 * 2 ** (i % 5))
  const rest = total - biases.reduce((sum, size) => sum + size, 0)
  const weight = (i: number) => 1.15 ** i
  const weights = biases.reduce((sum, _, i) => sum + weight(i), 0)
  const matrices = biases.map((_, i) => Math.floor((rest * weight(i)) / weights))
  const missing = rest - matrices.reduce((sum, size) => sum + size, 0)
  return biases.flatMap((bias, i) => [matrices[i] + (i === 29 ? missing : 0), bias])
}

/**
 * Sets of variables by what their figures end in: a million parameters in one tensor and in sixty,
 * and a small perceptron.
 */
export type Sets = readonly (readonly [suffix: string, sizes: readonly number[]])[]
const usual: Sets = [
  ['', [1e6]],
  ['-60-tensors', mixedSizes(1e6)],
  ['-perceptron', [16 * 32, 32, 32 * 32, 32, 32 * 3, 3]],
]

/**
 * Races on the active backend.
 *
 * @param done - waits for what a step has queued, where steps are not over when they return
 */
export async function raceAll(
  rounds: number,
  sets: Sets = usual,
  done?: () => Promise<unknown>,
): Promise<Measured> {
  const measured: Measured = { rows: [], figures: [], notes: [] }
  for (const [suffix, sizes] of sets) await raceOver(sizes, suffix, rounds, done, measured)
  return measured
}

async function raceOver(
  sizes: readonly number[],
  suffix: string,
  rounds: number,
  done: (() => Promise<unknown>) | undefined,
  { rows, figures, notes }: Measured,
): Promise<void> {
  const backend = tf.getBackend()
  const total = sizes.reduce((sum, size) => sum + size, 0)
  const before = tf.memory().numTensors
  const ours = Object.entries(algorithms).map(([name, make]) => ({ name, optimizer: make() }))
  const all = [{ name: 'tf.train.adam', optimizer: tf.train.adam(1e-3) }, ...ours]
  const started = all.map(({ name, optimizer }) => contestant(name, optimizer, sizes, done))
  const times = await race(
    started.map(({ contestant }) => contestant),
    { rounds, turn: 20, budget: 20_000 },
  )
  for (const { name, optimizer } of ours) {
    const { execution } = optimizer
    if (execution?.fused === name.startsWith('eager'))
      throw new Error(`${name} ran ${execution.fused ? 'fused' : 'eagerly'}`)
  }
  for (const { dispose } of started) dispose()
  const left = tf.memory().numTensors - before
  if (left) notes.push(`${backend}: ${left} tensors were left behind`)

  const median = (name: string) => (times.get(name) as Times).median
  for (const [name, time] of times) rows.push([total, `${backend}${suffix}: ${name}`, time])
  for (const name of Object.keys(algorithms))
    figures.push([
      `tfjs/${backend}/${name}-vs-adam${suffix}`,
      total,
      median('tf.train.adam') / median(name),
    ])
}

/** An optimizer on variables of its own, with the same gradients at every step. */
function contestant(
  name: string,
  optimizer: tf.Optimizer,
  sizes: readonly number[],
  done: (() => Promise<unknown>) | undefined,
): { contestant: Contestant; dispose: () => void } {
  const random = (size: number) => tf.randomUniform([size], -0.5, 0.5)
  const variables = sizes.map((size) => tf.tidy(() => tf.variable(random(size))))
  const gradients = variables.map((variable) => ({
    name: variable.name,
    tensor: random(variable.size),
  }))
  const run = () => {
    optimizer.applyGradients(gradients)
    return done?.().then(() => undefined)
  }
  const dispose = () => {
    optimizer.dispose()
    tf.dispose([variables, gradients.map(({ tensor }) => tensor)])
  }
  return { contestant: { name, run }, dispose }
}
