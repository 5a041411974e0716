/** A step as an ONNX graph, ready to be measured: the same in Node and in a page. */
import {
  createOptimizer,
  type ExecutionProvider,
  type Ort,
  onnxruntime,
  prodigy,
} from '@freestep/onnxruntime'
import type { Contestant } from '../measure.ts'

/** Steps of Prodigy on one tensor. */
export async function prodigyOn(
  name: string,
  ort: Ort,
  size: number,
  executionProviders: readonly ExecutionProvider[],
): Promise<Contestant & { dispose(): void }> {
  const random = () => Float32Array.from({ length: size }, () => Math.random() - 0.5)
  const tensor = () => new ort.Tensor('float32', random(), [size])
  const optimizer = await createOptimizer(
    prodigy(),
    { x: tensor() },
    onnxruntime({ ort, executionProviders }),
  )
  const x = tensor()
  return { name, run: () => optimizer.step({ x }), dispose: () => optimizer.dispose() }
}
