// What is trained and by what a run is judged, for each kind of task: cross-entropy and accuracy
// for classes, the mean squared error and R² for a quantity. The loop, the table and the figures
// know only this.
import * as tf from '@tensorflow/tfjs-core'
import type { Task } from './data/rows.ts'
import { percent } from './format.ts'

/** A loss, and a score that is better the larger it is. */
export interface Objective {
  /** The width of the model's last layer. */
  readonly outputs: number
  /** Targets as the loss takes them, [rows, outputs]. */
  toTensor(targets: Float32Array): tf.Tensor2D
  /** The mean loss of a batch. */
  loss(y: tf.Tensor2D, outputs: tf.Tensor2D): tf.Scalar
  /** What the score adds up over the rows. */
  tally(y: tf.Tensor2D, outputs: tf.Tensor2D): tf.Scalar
  /** The score of all rows. */
  score(tally: number, targets: Float32Array): number
  readonly words: Words
}

/** How an objective is spoken of. */
export interface Words {
  /** The score's name in the report's numbers. */
  readonly key: 'accuracy' | 'r2'
  readonly score: string
  readonly loss: string
  format(score: number): string
  /** The score as an error on a logarithmic axis, over so many test rows. */
  error(score: number, testRows: number): number
  readonly axis: string
  readonly caption: string
}

/** The words for classes. */
export const ACCURACY: Words = {
  key: 'accuracy',
  score: 'accuracy',
  loss: 'cross-entropy',
  format: percent,
  // No error at all is drawn as half an error.
  error: (score, testRows) => 100 * Math.max(1 - score, 0.5 / testRows),
  axis: 'test error, %',
  caption: 'Share of test rows classified wrongly',
}

const WORST = 10

/** The words for a quantity. */
export const R_SQUARED: Words = {
  key: 'r2',
  score: 'R²',
  loss: 'mean squared error of the standardised target',
  format: (score) => {
    if (Math.abs(score) < 1000) return score.toFixed(3)
    return Number.isFinite(score) ? score.toExponential(2) : String(score)
  },
  error: (score) => (1 - score < WORST ? Math.max(1 - score, 1e-6) : WORST),
  axis: 'test 1 − R²',
  caption: `Share of the target’s variance over the test rows that is left unexplained, 1 − R² (at most ${WORST} is drawn)`,
}

/** The objective of a task. */
export const objectiveOf = (task: Task): Objective =>
  task.kind === 'classification' ? classification(task.classes.length) : REGRESSION

const classification = (outputs: number): Objective => ({
  outputs,
  toTensor: (targets) => tf.oneHot(tf.tensor1d(targets, 'int32'), outputs) as tf.Tensor2D,
  loss: (y, logits) => tf.losses.softmaxCrossEntropy<tf.Tensor2D, tf.Scalar>(y, logits),
  tally: (y, logits) => tf.sum(tf.cast(tf.equal(tf.argMax(logits, 1), tf.argMax(y, 1)), 'float32')),
  score: (hits, targets) => hits / targets.length,
  words: ACCURACY,
})

const REGRESSION: Objective = {
  outputs: 1,
  toTensor: (targets) => tf.tensor2d(targets, [targets.length, 1]),
  loss: (y, outputs) => tf.mean(tf.squaredDifference(y, outputs)),
  tally: (y, outputs) => tf.sum(tf.squaredDifference(y, outputs)),
  score: (squares, targets) => 1 - squares / squaresAround(targets),
  words: R_SQUARED,
}

/** The sum of squares around the mean. */
function squaresAround(targets: Float32Array): number {
  const values = Float64Array.from(targets)
  const mean = values.reduce((sum, value) => sum + value / values.length, 0)
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
}
