/**
 * The example trains, its gradients are right, and between first and last step nothing is read back
 * or waited for.
 */
import { expect, test, vi } from 'vitest'
import { Network, parameters } from '../example/network.js'
import { clouds, spirals, train } from '../example/train.js'
import { createOptimizer, cuda, sgd } from '../src/index.ts'
import { driver, noGpu } from './backend.ts'

const backend = await cuda({ driver, ...(noGpu && { blockSize: 32 }) })

function generator(seed: number) {
  let state = seed
  return () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

test('logistic regression tells the clouds apart', async () => {
  const download = vi.spyOn(driver, 'download')
  const graphs = vi.spyOn(driver, 'launchGraph')
  const { loss, accuracy, d } = await train(backend, [2, 1], clouds(64, generator(3)), {
    steps: 120,
    random: generator(1),
  })
  expect(accuracy).toBeGreaterThan(0.98)
  expect(loss).toBeLessThan(0.2)
  expect(d).toBeGreaterThan(1e-3)
  expect(graphs).toHaveBeenCalledTimes(119)
  // Losses, outputs, three scalars, after the last step.
  expect(download.mock.invocationCallOrder[0]).toBeGreaterThan(graphs.mock.invocationCallOrder[118])
  vi.restoreAllMocks()
})

test.skipIf(noGpu)(
  `a perceptron tells the spirals apart${noGpu ? ' (absent: it takes long without a GPU)' : ''}`,
  async () => {
    const { accuracy } = await train(backend, [2, 32, 32, 1], spirals(256), {
      random: generator(1),
    })
    expect(accuracy).toBeGreaterThan(0.99)
  },
)

test('the gradients of a perceptron are those of its loss', async () => {
  const { X, y } = spirals(16)
  const sizes = [2, 5, 3, 1]
  const start = parameters(sizes, generator(2))
  const lossAt = async (params: Record<string, Float32Array>) => {
    const optimizer = await createOptimizer(sgd(), params, backend)
    const network = new Network(backend, sizes, X, y, optimizer.params, optimizer.grads)
    network.run()
    const loss = [...network.losses.read()].reduce((sum, each) => sum + each, 0) / y.length
    const grads = Object.fromEntries(
      Object.entries(optimizer.grads ?? {}).map(([name, array]) => [name, array.read()]),
    )
    network.free()
    optimizer.dispose()
    return { loss, grads }
  }
  const { grads } = await lossAt(start)
  for (const [name, values] of Object.entries(start)) {
    for (const i of [0, values.length - 1]) {
      const moved = async (by: number) =>
        (await lossAt({ ...start, [name]: values.map((v, j) => (i === j ? v + by : v)) })).loss
      const slope = ((await moved(0.01)) - (await moved(-0.01))) / 0.02
      expect(
        Math.abs(grads[name][i] - slope),
        `${name}[${i}]: ${grads[name][i]}, not ${slope}`,
      ).toBeLessThan(2e-4)
    }
  }
})
