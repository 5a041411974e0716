import { createOptimizer, onnxruntime, prodigy } from '@freestep/onnxruntime'
import * as ort from 'onnxruntime-node' // or onnxruntime-web, or onnxruntime-web/webgpu

const x = new ort.Tensor('float32', [5, -3], [2])
const optimizer = await createOptimizer(prodigy(), { x }, onnxruntime({ ort }))
for (let k = 0; k < 300; k++) await optimizer.step({ x: optimizer.params.x }) // your gradient; here that of ½‖x‖²
console.log(optimizer.params.x.data.every((x) => Math.abs(Number(x)) < 0.01)) // true
// A whole .onnx model, its gradients and the step in one graph: createTrainer, in the README.
