// One training run: the same initial weights, the same batches and the same schedule (a cosine over
// the steps) for every optimizer, so that runs differ by the optimizer alone. Nothing is read from
// the device during a step; the loss and d are read at a few hundred steps.
import type { Execution } from '@freestep/tfjs'
import * as tf from '@tensorflow/tfjs-core'
import type { Dataset, Rows } from './data/rows.ts'
import { createModel, type Model, type ModelKind } from './model.ts'
import { type Objective, objectiveOf } from './objective.ts'
import { batches } from './random.ts'
import type { Run, Trainer } from './runs.ts'

/** What all runs have in common. */
export interface Setting {
  readonly model: ModelKind
  /** Rows per batch; at most the training rows. */
  readonly batch: number
  readonly steps: number
  readonly seed: number
  /** Whether steps may be fused. */
  readonly fused: boolean
}

/** The state of a run after `step` steps. */
export interface Sample {
  readonly step: number
  /** The mean of the batch losses since the sample before. */
  readonly loss: number
  /**
   * The estimated distance from the initial weights to a solution, for optimizers that keep one.
   */
  readonly d?: number | undefined
  /** The score on the test rows, when last measured: the share classified correctly, or R². */
  readonly score?: number | undefined
}

/** What became of a run. */
export interface Result {
  readonly run: Run
  readonly samples: readonly Sample[]
  /** The score on the test rows at the end: the share classified correctly, or R². */
  readonly score: number
  /** The mean loss over all training rows at the end. */
  readonly loss: number
  readonly d?: number | undefined
  /** The median time of a step: batch, gradient and update. */
  readonly msPerStep: number
  /** How the steps ran. */
  readonly execution: Execution | undefined
}

/** How often the test score is measured on the way, for those who watch. */
const CHECKS = 5

/** Trains a fresh model; `watch` sees every sample as it is taken. */
export async function train(
  run: Run,
  { train: rows, test, task }: Dataset,
  { model: kind, batch, steps, seed, fused }: Setting,
  watch: (sample: Sample) => void,
): Promise<Result> {
  const objective = objectiveOf(task)
  const model = createModel(kind, rows.features, objective.outputs, seed)
  const optimizer = run.create({ fused, steps })
  const order = batches(rows.count, batch, seed)
  const samples: Sample[] = []
  const times: number[] = []
  let losses: tf.Scalar[] = []
  let score: number | undefined
  for (let step = 1, nextSample = 1; step <= steps; step++) {
    const started = performance.now()
    losses.push(trainStep(optimizer, model, rows, order.next().value, objective))
    times.push(performance.now() - started)

    const check = Math.floor((step * CHECKS) / steps) > Math.floor(((step - 1) * CHECKS) / steps)
    if (check) score = (await evaluate(model, test, objective)).score
    if (step < nextSample && !check) continue
    const sample = { step, loss: await meanOf(losses), d: await distanceOf(run, optimizer), score }
    samples.push(sample)
    watch(sample)
    losses = []
    nextSample = Math.ceil(step * 1.03) // evenly spaced on a logarithmic axis
  }
  const { loss } = await evaluate(model, rows, objective)
  const d = await distanceOf(run, optimizer)
  const { execution } = optimizer
  optimizer.dispose()
  model.dispose()
  return { run, samples, score: score!, loss, d, msPerStep: median(times), execution }
}

/** One step; returns the loss of the batch before it, still on the device. */
function trainStep(
  optimizer: tf.Optimizer,
  model: Model,
  rows: Rows,
  batch: Int32Array,
  objective: Objective,
): tf.Scalar {
  return tf.tidy(() => {
    const { x, y } = toTensors(rows, batch, objective)
    const loss = () => objective.loss(y, model.outputs(x))
    return optimizer.minimize(loss, true, model.variables)!
  })
}

/** Rows as a dense batch x [rows, features] with their targets y [rows, outputs]. */
function toTensors(
  rows: Rows,
  batch: Int32Array,
  objective: Objective,
): { x: tf.Tensor2D; y: tf.Tensor2D } {
  const x = new Float32Array(batch.length * rows.features)
  batch.forEach((row, i) => {
    rows.copy(row, x, i * rows.features)
  })
  const targets = Float32Array.from(batch, (row) => rows.targets[row]!)
  return { x: tf.tensor2d(x, [batch.length, rows.features]), y: objective.toTensor(targets) }
}

/** The mean loss and the score over all rows, in chunks that fit. */
async function evaluate(
  model: Model,
  rows: Rows,
  objective: Objective,
): Promise<{ loss: number; score: number }> {
  const chunk = Math.max(1, Math.min(1000, Math.floor(2 ** 22 / rows.features)))
  let loss = 0
  let total = 0
  for (let start = 0; start < rows.count; start += chunk) {
    const indices = Int32Array.from(
      { length: Math.min(chunk, rows.count - start) },
      (_, i) => start + i,
    )
    const sums = tf.tidy(() => {
      const { x, y } = toTensors(rows, indices, objective)
      const outputs = model.outputs(x)
      return tf.stack([objective.loss(y, outputs), objective.tally(y, outputs)])
    })
    const [meanLoss, tally] = await sums.data()
    sums.dispose()
    loss += (meanLoss! * indices.length) / rows.count
    total += tally!
  }
  return { loss, score: objective.score(total, rows.targets) }
}

async function meanOf(losses: tf.Scalar[]): Promise<number> {
  const mean = tf.tidy(() => tf.mean(tf.stack(losses)))
  const [value] = await mean.data()
  tf.dispose([mean, ...losses])
  return value!
}

async function distanceOf({ distance }: Run, optimizer: Trainer): Promise<number | undefined> {
  return distance === undefined ? undefined : (await optimizer.scalars())[distance]
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}
