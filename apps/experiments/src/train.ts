// One training run: the same initial weights and the same batches for every optimizer, so that runs differ by the
// optimizer alone. Nothing is read from the device during a step; the loss and d are read at a few hundred steps.
import type { Execution } from '@freestep/tfjs'
import * as tf from '@tensorflow/tfjs-core'
import type { Dataset, Rows } from './data/rows.ts'
import { createModel, type Model, type ModelKind } from './model.ts'
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
  /** The estimated distance from the initial weights to a solution, for optimizers that keep one. */
  readonly d?: number | undefined
  /** Share of the test rows classified correctly, when last measured. */
  readonly accuracy?: number | undefined
}

/** What became of a run. */
export interface Result {
  readonly run: Run
  readonly samples: readonly Sample[]
  /** Share of the test rows classified correctly at the end. */
  readonly accuracy: number
  /** Mean cross-entropy over all training rows at the end, in nats. */
  readonly loss: number
  readonly d?: number | undefined
  /** The median time of a step: batch, gradient and update. */
  readonly msPerStep: number
  /** How the steps ran. */
  readonly execution: Execution | undefined
}

/** How often the test accuracy is measured on the way, for those who watch. */
const ACCURACY_CHECKS = 5

/** Trains a fresh model; `watch` sees every sample as it is taken. */
export async function train(
  run: Run,
  { train: rows, test, classes }: Dataset,
  { model: kind, batch, steps, seed, fused }: Setting,
  watch: (sample: Sample) => void,
): Promise<Result> {
  const model = createModel(kind, rows.features, classes.length, seed)
  const optimizer = run.create({ fused })
  const order = batches(rows.count, batch, seed)
  const samples: Sample[] = []
  const times: number[] = []
  let losses: tf.Scalar[] = []
  let accuracy: number | undefined
  for (let step = 1, nextSample = 1; step <= steps; step++) {
    const started = performance.now()
    losses.push(trainStep(optimizer, model, rows, order.next().value, classes.length))
    times.push(performance.now() - started)

    const check = Math.floor((step * ACCURACY_CHECKS) / steps) > Math.floor(((step - 1) * ACCURACY_CHECKS) / steps)
    if (check) accuracy = (await evaluate(model, test, classes.length)).accuracy
    if (step < nextSample && !check) continue
    const sample = { step, loss: await meanOf(losses), d: await distanceOf(run, optimizer), accuracy }
    samples.push(sample)
    watch(sample)
    losses = []
    nextSample = Math.ceil(step * 1.03) // evenly spaced on a logarithmic axis
  }
  const { loss } = await evaluate(model, rows, classes.length)
  const d = await distanceOf(run, optimizer)
  const { execution } = optimizer
  optimizer.dispose()
  model.dispose()
  return { run, samples, accuracy: accuracy!, loss, d, msPerStep: median(times), execution }
}

/** One step; returns the loss of the batch before it, still on the device. */
function trainStep(optimizer: tf.Optimizer, model: Model, rows: Rows, batch: Int32Array, classes: number): tf.Scalar {
  return tf.tidy(() => {
    const { x, y } = toTensors(rows, batch, classes)
    const loss = () => tf.losses.softmaxCrossEntropy<tf.Tensor2D, tf.Scalar>(y, model.logits(x))
    return optimizer.minimize(loss, true, model.variables)!
  })
}

/** Rows as a dense batch x [rows, features] with one-hot labels y [rows, classes]. */
function toTensors(rows: Rows, batch: Int32Array, classes: number): { x: tf.Tensor2D; y: tf.Tensor2D } {
  const x = new Float32Array(batch.length * rows.features)
  batch.forEach((row, i) => {
    rows.copy(row, x, i * rows.features)
  })
  const labels = batch.map((row) => rows.labels[row]!)
  return {
    x: tf.tensor2d(x, [batch.length, rows.features]),
    y: tf.oneHot(tf.tensor1d(labels, 'int32'), classes) as tf.Tensor2D,
  }
}

/** The mean loss and the share of correct answers over all rows, in chunks that fit. */
async function evaluate(model: Model, rows: Rows, classes: number): Promise<{ loss: number; accuracy: number }> {
  const chunk = Math.max(1, Math.min(1000, Math.floor(2 ** 22 / rows.features)))
  let loss = 0
  let correct = 0
  for (let start = 0; start < rows.count; start += chunk) {
    const indices = Int32Array.from({ length: Math.min(chunk, rows.count - start) }, (_, i) => start + i)
    const sums = tf.tidy(() => {
      const { x, y } = toTensors(rows, indices, classes)
      const logits = model.logits(x)
      const hits = tf.equal(tf.argMax(logits, 1), tf.argMax(y, 1))
      return tf.stack([tf.losses.softmaxCrossEntropy<tf.Tensor2D, tf.Scalar>(y, logits), tf.sum(tf.cast(hits, 'float32'))])
    })
    const [meanLoss, hits] = await sums.data()
    sums.dispose()
    loss += (meanLoss! * indices.length) / rows.count
    correct += hits!
  }
  return { loss, accuracy: correct / rows.count }
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
