/**
 * The training of the playground: the network's gradient against that of TensorFlow.js, the race,
 * and the file of digits.
 */
import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-layers' // brings the gradients of tfjs-core with it
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { digits } from '../build/digits.ts'
import { counts, type Digits, pixels, readDigits } from '../src/digits/data.ts'
import { Perceptron, uniform } from '../src/digits/network.ts'
import { Race } from '../src/digits/race.ts'

beforeAll(() => tf.setBackend('cpu'))
afterEach(() => tf.disposeVariables())

describe('the network', () => {
  test('its gradient is the derivative of its loss', () => {
    const random = uniform(7)
    const numbers = (size: number) => Array.from({ length: size }, () => random() - 0.4)
    const network = new Perceptron('derivative', [5, 4, 3])
    const x = tf.tensor2d(numbers(30), [6, 5])
    const y = tf.cast(
      tf.oneHot(tf.tensor1d([0, 1, 2, 0, 1, 2], 'int32'), 3),
      'float32',
    ) as tf.Tensor2D
    const { gradients } = network.gradient(x, y)
    const { grads } = tf.variableGrads(() => network.gradient(x, y).loss)
    expect(gradients).toHaveLength(4)
    for (const { name, tensor } of gradients) {
      const [ours, theirs] = [tensor.dataSync(), grads[name].dataSync()]
      expect(Math.max(...ours.map(Math.abs))).toBeGreaterThan(1e-3)
      ours.forEach((value, i) => {
        expect(value).toBeCloseTo(theirs[i], 6)
      })
    }
    network.dispose()
  })
  test('the same seed gives the same weights', () => {
    const [a, b] = [new Perceptron('a', [5, 4, 3]), new Perceptron('b', [5, 4, 3])]
    const x = tf.ones([1, 5]) as tf.Tensor2D
    const y = tf.tensor2d([[1, 0, 0]])
    expect(a.gradient(x, y).loss.dataSync()).toEqual(b.gradient(x, y).loss.dataSync())
  })
})

/** Two kinds of digits that are easy to tell apart: the upper half is white, or the lower. */
function halves(count: number): Digits {
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 2)
  const images = Uint8Array.from({ length: count * pixels }, (_, i) => {
    const upper = i % pixels < pixels / 2
    return upper === (labels[Math.floor(i / pixels)] === 0) ? 255 : 0
  })
  return { images, labels }
}

describe('the race', () => {
  test('whoever is behind is next; Adam starts again at another rate and catches up; no tensor is left behind', async () => {
    const race = new Race(halves(200), halves(40), 1e-3)
    const first = [
      await race.advance(),
      await race.advance(),
      await race.advance(),
      await race.advance(),
    ]
    expect(first.map(({ racer, step }) => `${racer} ${step}`)).toEqual([
      'prodigy 5',
      'adam 5',
      'prodigy 10',
      'adam 10',
    ])
    race.setRate(0.1)
    const second = [await race.advance(), await race.advance(), await race.advance()]
    expect(second.map(({ racer, step, rate }) => `${racer} ${step} ${rate}`)).toEqual([
      ...['adam 5 0.1', 'adam 10 0.1', 'prodigy 15 undefined'],
    ])
    const before = tf.memory().numTensors
    const [adam, prodigy] = [await race.advance(), await race.advance()]
    expect(tf.memory().numTensors).toBe(before)
    expect([adam.d, prodigy.d !== undefined]).toEqual([undefined, true])
  })
  test('the accuracy is the part of the test digits that are read rightly', async () => {
    const race = new Race(halves(200), halves(40), 1e-2)
    let last = await race.advance()
    while (!(last.racer === 'adam' && last.accuracy !== undefined)) last = await race.advance()
    expect(last.step).toBe(25)
    expect(last.accuracy).toBe(1)
    expect(last.loss).toBeLessThan(0.1)
    expect(new Set(await race.readings(6))).toEqual(new Set([0, 1]))
  })
})

test('the file of digits has them all, and what they show', async () => {
  const { train, test } = await readDigits(new Blob([new Uint8Array(digits())]))
  for (const [set, count] of [
    [train, counts.train],
    [test, counts.test],
  ] as const) {
    expect([set.images.length, set.labels.length]).toEqual([count * pixels, count])
    const shown = Array.from(
      { length: 10 },
      (_, digit) => set.labels.filter((label) => label === digit).length,
    )
    for (const each of shown) expect(each / count).toBeGreaterThan(0.08)
  }
  // The first digits of MNIST, as everybody knows them.
  expect(Array.from(train.labels.subarray(0, 10))).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4])
  expect(Array.from(test.labels.subarray(0, 10))).toEqual([7, 2, 1, 0, 4, 1, 4, 9, 5, 9])
  await expect(readDigits(new Blob([new Uint8Array(10)]))).rejects.toThrow()
})
