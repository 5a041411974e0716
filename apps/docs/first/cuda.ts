import { createOptimizer, cuda, prodigy } from '@freestep/cuda'

const backend = await cuda() // the first NVIDIA GPU; cuda({ device, stream }) takes yours
const optimizer = await createOptimizer(prodigy(), { x: Float32Array.of(5, -3) }, backend)
const { x } = optimizer.params // where it was uploaded to; device pointers of yours work too
for (let k = 0; k < 300; k++) optimizer.step({ x }) // your gradient; here that of ½‖x‖²
console.log(x.read().every((x) => Math.abs(x) < 0.01)) // true
