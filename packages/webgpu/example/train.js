/**
 * Two spirals are told apart by a small network, without a learning rate: gradients and optimizer are on one device, each step is recorded
 * into the command encoder of the gradients, and nothing is read back before the end.
 */
import { createOptimizer, prodigy, webgpu } from '@freestep/webgpu'
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

/**
 * Trains, and says how well: the mean loss, and the part of the points that are on the right side.
 *
 * @param {{ device?: GPUDevice, steps?: number, perSubmission?: number, random?: () => number }} [options]
 */
export async function train({
  device,
  steps = 500,
  perSubmission = 10,
  random = Math.random,
} = {}) {
  const backend = await webgpu({ device })
  const { X, y } = spirals(256)
  const sizes = [2, 32, 32, 1]
  const optimizer = await createOptimizer(prodigy(), parameters(sizes, random), backend)
  const network = new Network(backend.device, sizes, X, y, optimizer.params, optimizer.grads)

  for (let k = 0; k < steps; ) {
    const encoder = backend.device.createCommandEncoder()
    for (let i = 0; i < perSubmission && k < steps; i++, k++) {
      network.record(encoder)
      optimizer.step(optimizer.grads, { encoder })
    }
    backend.device.queue.submit([encoder.finish()])
  }

  const [losses, logits] = [
    await read(backend.device, network.losses),
    await read(backend.device, network.output),
  ]
  const { d } = await optimizer.scalars()
  const right = logits.filter((z, i) => z > 0 === (y[i] === 1)).length
  return {
    loss: losses.reduce((sum, each) => sum + each, 0) / y.length,
    accuracy: right / y.length,
    d,
    steps: optimizer.steps,
  }
}

async function read(device, buffer) {
  const staging = device.createBuffer({
    size: buffer.size,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  })
  const encoder = device.createCommandEncoder()
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size)
  device.queue.submit([encoder.finish()])
  await staging.mapAsync(GPUMapMode.READ)
  const numbers = new Float32Array(staging.getMappedRange()).slice()
  staging.destroy()
  return numbers
}
