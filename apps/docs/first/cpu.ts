import { cpu, createOptimizer, prodigy } from '@freestep/cpu'

const params = { x: Float64Array.of(5, -3) }
const optimizer = await createOptimizer(prodigy(), params, await cpu())
for (let k = 0; k < 300; k++) optimizer.step({ x: params.x.slice() }) // your gradient; here that of ½‖x‖²
console.log(params.x.every((x) => Math.abs(x) < 0.01)) // true
