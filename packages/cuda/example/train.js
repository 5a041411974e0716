/**
 * Two spirals are told apart by a small network, and two clouds by logistic regression, without a learning rate: data, gradients and optimizer are
 * on the device, a whole training step is one launch of a graph, and nothing is read back before the end.
 *
 *     node train.js
 */
import { createOptimizer, cuda, cudaAvailable, prodigy } from '@freestep/cuda'
import { Network, parameters } from './network.js'

/** n points of two spirals in the plane, and which spiral each of them is on. */
export function spirals(n) {
  const X = new Float32Array(2 * n)
  const y = new Float32Array(n)
  for (let i = 0; i < n; i++) {
    const t = 0.25 + (0.75 * i) / n
    const angle = 9 * t + (i % 2) * Math.PI
    X.set([t * Math.cos(angle), t * Math.sin(angle)], 2 * i)
    y[i] = i % 2
  }
  return { X, y }
}

/** n points of two clouds in the plane that a line can tell apart. */
export function clouds(n, random = Math.random) {
  const y = Float32Array.from({ length: n }, (_, i) => i % 2)
  const X = Float32Array.from(
    { length: 2 * n },
    (_, k) => (y[k >> 1] ? 1 : -1) * (k % 2 ? 0.5 : 1) + 1.2 * (random() - 0.5),
  )
  return { X, y }
}

/**
 * Trains, and says how well: the mean loss, and the part of the points that are on the right side.
 *
 * @param {object} backend - as cuda() gives it
 * @param {number[]} sizes - of the layers: [2, 1] is logistic regression
 * @param {{ X: Float32Array, y: Float32Array }} samples
 * @param {{ steps?: number, random?: () => number }} [options]
 */
export async function train(backend, sizes, { X, y }, { steps = 500, random = Math.random } = {}) {
  const optimizer = await createOptimizer(prodigy(), parameters(sizes, random), backend)
  const network = new Network(backend, sizes, X, y, optimizer.params, optimizer.grads)
  const step = () => {
    network.run()
    optimizer.step()
  }

  step()
  const graph = backend.capture(step)
  for (let k = 1; k < steps; k++) graph.launch()

  const losses = network.losses.read()
  const right = network.output.read().filter((z, i) => z > 0 === (y[i] === 1)).length
  const { d } = await optimizer.scalars()
  graph.free()
  network.free()
  for (const array of Object.values(optimizer.params)) array.free()
  optimizer.dispose()
  return {
    loss: losses.reduce((sum, each) => sum + each, 0) / y.length,
    accuracy: right / y.length,
    d,
  }
}

if (import.meta.url === `file://${process.argv[1]}`) {
  const answer = cudaAvailable()
  if (!answer.available) {
    console.error(answer.reason)
    process.exit(1)
  }
  const backend = await cuda()
  console.log(backend.facts.name)
  console.log('logistic regression', await train(backend, [2, 1], clouds(1024)))
  console.log('perceptron', await train(backend, [2, 64, 64, 1], spirals(1024)))
  backend.close()
}
