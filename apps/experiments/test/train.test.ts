// A training run against the same run written out in float64 loops, and the hastened gradient of a
// product against its definition.
import { cpu, createOptimizer, dadaptAdam, dog, prodigy } from '@freestep/cpu'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { BACKENDS, startBackend } from '../src/backend.ts'
import { loadMnist } from '../src/data/mnist.ts'
import type { Dataset, Rows } from '../src/data/rows.ts'
import { createModel } from '../src/model.ts'
import { parseRuns } from '../src/runs.ts'
import { type Sample, train } from '../src/train.ts'

vi.setConfig({ testTimeout: 300_000 }) // never a matter of how busy the machine is

const matrix = (rows: readonly (readonly number[])[], labels: readonly number[]): Rows => ({
  count: rows.length,
  features: rows[0]!.length,
  targets: Float32Array.from(labels),
  copy: (row, into, at) => into.set(rows[row]!, at),
})
const x = Array.from({ length: 30 }, (_, i) => [Math.sin(i), Math.cos(2 * i), 1 + (i % 4)])
const labels = x.map((_, i) => (i * i) % 3)
const dataset: Dataset = {
  name: 'small',
  target: 'kind',
  task: { kind: 'classification', classes: ['a', 'b', 'c'] },
  train: matrix(x, labels),
  test: matrix(x.slice(0, 7), labels.slice(0, 7)),
  notes: [],
}

/**
 * Mean cross-entropy of softmax regression and its gradient, and the share of right answers, by the
 * definitions.
 */
function softmaxRegression(
  weights: number[][],
  bias: number[],
  rows: number[][],
  targets: number[],
) {
  const gradient = { weights: weights.map((row) => row.map(() => 0)), bias: bias.map(() => 0) }
  let [loss, right] = [0, 0]
  for (const [i, row] of rows.entries()) {
    const scores = bias.map(
      (b, k) => b + row.reduce((sum, value, j) => sum + value * weights[j]![k]!, 0),
    )
    const total = scores.reduce((sum, score) => sum + Math.exp(score), 0)
    loss += (Math.log(total) - scores[targets[i]!]!) / rows.length
    right += Number(scores.indexOf(Math.max(...scores)) === targets[i]) / rows.length
    for (const [k, score] of scores.entries()) {
      const slope = (Math.exp(score) / total - Number(k === targets[i])) / rows.length
      gradient.bias[k]! += slope
      for (const [j, value] of row.entries()) gradient.weights[j]![k]! += slope * value
    }
  }
  return { loss, gradient, right }
}

test('two epochs of a perceptron on MNIST have the same losses with fused and with eager steps', async () => {
  await startBackend('wasm')
  const mnist = await loadMnist()
  const losses = async (fused: boolean) => {
    const setting = {
      model: 'mlp',
      batch: 128,
      steps: 2 * Math.ceil(mnist.train.count / 128),
      seed: 1,
      fused,
    } as const
    const { loss, samples, execution } = await train(
      parseRuns('prodigy')[0]!,
      mnist,
      setting,
      () => {},
    )
    expect(execution).toEqual({ backend: 'wasm', fused })
    return [...samples.map((sample) => sample.loss), loss]
  }
  const [fused, eager] = [await losses(true), await losses(false)]
  expect(eager.at(-1)).toBeLessThan(0.06)
  for (const [i, loss] of fused.entries()) expect(Math.abs(loss - eager[i]!)).toBeLessThan(1e-4)
})

describe.each(BACKENDS)('on %s', (backend) => {
  beforeAll(() => startBackend(backend))

  test('logistic regression by SGD on full batches follows its closed-form gradient, with a cosine', async () => {
    const seen: Sample[] = []
    const setting = { model: 'logistic', batch: 30, steps: 20, seed: 1, fused: true } as const
    const result = await train(parseRuns('sgd@0.3')[0]!, dataset, setting, (sample) =>
      seen.push(sample),
    )
    const weights = x[0]!.map(() => [0, 0, 0])
    const bias = [0, 0, 0]
    for (let step = 1; step <= 20; step++) {
      const { loss, gradient } = softmaxRegression(weights, bias, x, labels)
      expect(seen[step - 1]!.step).toBe(step)
      expect(Math.abs(seen[step - 1]!.loss / loss - 1)).toBeLessThan(1e-5)
      const lr = (0.3 * (1 + Math.cos((Math.PI * (step - 1)) / 20))) / 2
      for (let k = 0; k < 3; k++) {
        bias[k]! -= lr * gradient.bias[k]!
        for (let j = 0; j < 3; j++) weights[j]![k]! -= lr * gradient.weights[j]![k]!
      }
    }
    expect(
      Math.abs(result.loss / softmaxRegression(weights, bias, x, labels).loss - 1),
    ).toBeLessThan(1e-5)
    expect(result.score).toBeCloseTo(
      softmaxRegression(weights, bias, x.slice(0, 7), labels.slice(0, 7)).right,
      6,
    )
    expect(result.samples).toEqual(seen)
    expect(result.d).toBeUndefined()
  })

  test('a method without a learning rate follows the same cosine', async () => {
    const setting = { model: 'logistic', batch: 30, steps: 30, seed: 1, fused: true } as const
    const seen: number[] = []
    for (const [name, make] of Object.entries({ prodigy, dadaptAdam, dog })) {
      const { samples } = await train(parseRuns(name)[0]!, dataset, setting, () => {})
      const params = { w: new Float64Array(9), b: new Float64Array(3) }
      const lr = (k: number) => (1 + Math.cos((Math.PI * k) / 30)) / 2
      const optimizer = await createOptimizer(make({ lr }), params, await cpu())
      for (let step = 1; step <= 30; step++) {
        const weights = [0, 3, 6].map((at) => [...params.w.subarray(at, at + 3)])
        const { loss, gradient } = softmaxRegression(weights, [...params.b], x, labels)
        const sample = samples.find((each) => each.step === step)
        if (sample) expect(Math.abs(sample.loss / loss - 1)).toBeLessThan(1e-3)
        if (sample) seen.push(step)
        optimizer.step({
          w: Float64Array.from(gradient.weights.flat()),
          b: Float64Array.from(gradient.bias),
        })
      }
    }
    expect(seen.length).toBe(90)
  })

  test('linear regression by SGD on full batches follows its closed-form gradient; R² is its definition', async () => {
    const targets = x.map(
      ([a, b, c]) => 0.4 * a! - 0.3 * b! + 0.1 * (c! - 2.5) + 0.05 * Math.sin(7 * a!),
    )
    const quantity: Dataset = {
      ...dataset,
      task: { kind: 'regression', mean: 3, deviation: 2 },
      train: matrix(x, targets),
      test: matrix(x.slice(0, 7), targets.slice(0, 7)),
    }
    const setting = { model: 'logistic', batch: 30, steps: 25, seed: 1, fused: true } as const
    const { samples, score, loss } = await train(
      parseRuns('sgd@0.1')[0]!,
      quantity,
      setting,
      () => {},
    )
    const w = [0, 0, 0, 0]
    const predict = (row: number[]) => row.reduce((sum, value, j) => sum + value * w[j]!, w[3]!)
    const errors = () => x.map((row, i) => predict(row) - targets[i]!)
    const meanSquare = (list: number[]) =>
      list.reduce((sum, value) => sum + value ** 2 / list.length, 0)
    for (let step = 1; step <= 25; step++) {
      const e = errors()
      expect(Math.abs(samples[step - 1]!.loss / meanSquare(e) - 1)).toBeLessThan(1e-4)
      const lr = (0.1 * (1 + Math.cos((Math.PI * (step - 1)) / 25))) / 2
      for (let j = 0; j < 4; j++) {
        w[j]! -=
          lr *
          e.reduce((sum, error, i) => sum + (2 * error * (j < 3 ? x[i]![j]! : 1)) / x.length, 0)
      }
    }
    expect(Math.abs(loss / meanSquare(errors()) - 1)).toBeLessThan(1e-4)
    const held = targets.slice(0, 7)
    const mean = held.reduce((sum, value) => sum + value / 7, 0)
    const r2 = 1 - meanSquare(errors().slice(0, 7)) / meanSquare(held.map((value) => value - mean))
    expect(score).toBeCloseTo(r2, 4)
  })

  test('a run leaves no tensor behind, and d grows', async () => {
    const setting = { model: 'mlp', batch: 8, steps: 50, seed: 1, fused: true } as const
    for (const run of parseRuns('prodigy,dadaptAdam,dog,adam@1e-3,adamW@1e-3')) {
      const before = tf.memory().numTensors
      const { samples, d } = await train(run, dataset, setting, () => {})
      expect(tf.memory().numTensors).toBe(before)
      expect(samples.at(-1)!.d).toBe(d)
      expect(d === undefined).toBe(!run.free)
      const distances = samples.flatMap((sample) => sample.d ?? [])
      expect(distances).toEqual([...distances].sort((a, b) => a - b))
    }
  })

  test('a diverging run is a result', async () => {
    const setting = { model: 'mlp', batch: 8, steps: 30, seed: 1, fused: true } as const
    const { loss, samples } = await train(parseRuns('sgd@1e30')[0]!, dataset, setting, () => {})
    expect(loss).toBeNaN()
    expect(samples.length).toBe(30)
  })

  test('the gradient of a product, transposed or not, is what its definition says', () => {
    const [n, m, p] = [3, 4, 2]
    const value = (seed: number, i: number, j: number) => Math.sin(seed + 3 * i + 5 * j)
    const make = (seed: number, rows: number, columns: number) =>
      Array.from({ length: rows }, (_, i) =>
        Array.from({ length: columns }, (_, j) => value(seed, i, j)),
      )
    const transpose = (a: number[][]) => a[0]!.map((_, j) => a.map((row) => row[j]!))
    const product = (a: number[][], b: number[][]) =>
      a.map((row) => b[0]!.map((_, j) => row.reduce((sum, v, k) => sum + v * b[k]![j]!, 0)))
    const [a, b, c] = [make(1, n, m), make(2, m, p), make(3, n, p)]
    // f(a, b) = sum of (a b) * c, so df/da = c b', df/db = a' c.
    for (const [ta, tb] of [
      [false, false],
      [true, false],
      [false, true],
      [true, true],
    ] as const) {
      const [first, second] = [ta ? transpose(a) : a, tb ? transpose(b) : b]
      const f = tf.grads((p: tf.Tensor, q: tf.Tensor) =>
        tf.sum(tf.mul(tf.matMul(p, q, ta, tb), tf.tensor2d(c))),
      )
      const [da, db] = f([tf.tensor2d(first), tf.tensor2d(second)]).map(
        (g) => g.arraySync() as number[][],
      )
      const expected = [product(c, transpose(b)), product(transpose(a), c)] as const
      const close = (got: number[][], want: number[][]) =>
        want.forEach((row, i) => {
          for (const [j, v] of row.entries()) expect(got[i]![j]).toBeCloseTo(v, 5)
        })
      close(da!, ta ? transpose(expected[0]) : expected[0])
      close(db!, tb ? transpose(expected[1]) : expected[1])
    }
  })

  test('initial weights follow the seed, and their variance is 2 / inputs', () => {
    const weights = (seed: number) => {
      const model = createModel('mlp', 400, 3, seed)
      const values = Float32Array.from(model.variables[0]!.dataSync())
      model.dispose()
      return values
    }
    const [first, again, other] = [weights(0), weights(0), weights(1)]
    const equal = (a: Float32Array, b: Float32Array) => a.every((w, i) => w === b[i])
    expect([equal(first, again), equal(first, other)]).toEqual([true, false])
    const variance = first.reduce((sum, w) => sum + (w * w) / first.length, 0)
    expect(variance / (2 / 400)).toBeCloseTo(1, 1)
  })
})
