import { createOptimizer, prodigy, webgpu } from '@freestep/webgpu'

const backend = await webgpu() // opens a device; webgpu({ device }) shares yours
const optimizer = await createOptimizer(prodigy(), { x: Float32Array.of(5, -3) }, backend)
const { x } = optimizer.params // where it was uploaded to; a GPUBuffer of yours works too
for (let k = 0; k < 300; k++) optimizer.step({ x }) // your gradient; here that of ½‖x‖²
console.log((await optimizer.scalars()).d > 1) // true
