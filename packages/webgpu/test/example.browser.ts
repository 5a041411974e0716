/**
 * The example trains, its gradients are right, and between first and last step nothing is read
 * back.
 */
import { expect, test, vi } from 'vitest'
import { Network, parameters } from '../example/network.js'
import { spirals, train } from '../example/train.js'
import { createOptimizer, sgd, webgpu } from '../src/index.ts'
import { readBuffer } from './tensors.ts'

function generator(seed: number) {
  let state = seed
  return () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

test.each([1, 15_839, 47_515])(
  'tells the spirals apart from the start %i, which takes some of them far out',
  async (seed) => {
    const { device } = await webgpu()
    const map = vi.spyOn(GPUBuffer.prototype, 'mapAsync')
    const submit = vi.spyOn(GPUQueue.prototype, 'submit')
    const { loss, accuracy, d, steps } = await train({ device, random: generator(seed) })
    expect(d).toBeGreaterThan(1e-3)
    expect(steps).toBe(500)
    expect(accuracy).toBeGreaterThan(0.99)
    expect(loss).toBeLessThan(0.1)
    // Losses, outputs and the three scalars, all after the last step.
    const lastStep = submit.mock.invocationCallOrder[50]
    expect(map.mock.invocationCallOrder.filter((order) => order < lastStep)).toEqual([])
    vi.restoreAllMocks()
  },
)

test('its gradients are those of its loss', async () => {
  const backend = await webgpu()
  const { X, y } = spirals(16)
  const sizes = [2, 5, 3, 1]
  const start = parameters(sizes, generator(2))
  const lossAt = async (params: Record<string, Float32Array>) => {
    const optimizer = await createOptimizer(sgd(), params, backend)
    const network = new Network(backend.device, sizes, X, y, optimizer.params, optimizer.grads)
    const encoder = backend.device.createCommandEncoder()
    network.record(encoder)
    backend.device.queue.submit([encoder.finish()])
    const losses = await readBuffer(backend.device, network.losses)
    const grads = optimizer.grads ?? {}
    return { loss: losses.reduce((sum, each) => sum + each, 0) / y.length, grads }
  }
  const { grads } = await lossAt(start)
  for (const [name, values] of Object.entries(start)) {
    const found = await readBuffer(backend.device, grads[name])
    for (const i of [0, values.length - 1]) {
      const moved = async (by: number) =>
        (await lossAt({ ...start, [name]: values.map((v, j) => (i === j ? v + by : v)) })).loss
      const slope = ((await moved(0.01)) - (await moved(-0.01))) / 0.02
      expect(Math.abs(found[i] - slope), `${name}[${i}]: ${found[i]}, not ${slope}`).toBeLessThan(
        2e-4,
      )
    }
  }
  backend.close()
})
