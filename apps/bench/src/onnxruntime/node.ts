/**
 * ONNX Runtime: steps as graphs of operators against the fused step on arrays, in onnxruntime-node
 * and onnxruntime-web; what memory they take over a thousand steps. WebGPU is measured in a page:
 * see webgpu.ts.
 */
import { cpu, createOptimizer, type FloatArray, type Optimizer, prodigy } from '@freestep/cpu'
import * as node from 'onnxruntime-node'
import * as web from 'onnxruntime-web'
import { type Contestant, race } from '../measure.ts'
import { random } from '../peers.ts'
import type { Report } from '../report.ts'
import { prodigyOn } from './step.ts'

const fused = 'fused on arrays, 1 thread'
const inNode = 'onnxruntime-node'
const byCpu = 'onnxruntime-node, by @freestep/cpu'
const inWasm = 'onnxruntime-web, wasm'

/** Runs all races and fills the report. */
export async function benchOnnxRuntime(
  { sizes, rounds }: { readonly sizes: readonly number[]; readonly rounds: number },
  report: Report,
): Promise<void> {
  for (const size of sizes) await raceAt(size, rounds, report)
  await memory(report)
}

async function raceAt(size: number, rounds: number, report: Report): Promise<void> {
  const arrays = await createOptimizer(prodigy(), { x: random(size) }, await cpu())
  arrays.grads?.x.set(random(size))
  const onTensors = await createOptimizer(prodigy(), { x: random(size) }, await cpu())
  const onNode = await prodigyOn(inNode, node, size, ['cpu'])
  const onWasm = await prodigyOn(inWasm, web, size, ['wasm'])
  const x = new node.Tensor('float32', random(size), [size])
  const contestants: Contestant[] = [
    { name: fused, run: () => arrays.step() },
    { name: byCpu, run: () => onArrays(onTensors, x) },
    onNode,
    onWasm,
  ]
  const times = await race(contestants, { rounds, turn: 20, budget: 20_000 })
  for (const [name, time] of times) report.row(size, `prodigy, ${name}`, time)
  const median = (name: string) => times.get(name)?.median ?? Number.NaN
  report.figure('onnxruntime/node-prodigy-ms', size, median(inNode))
  report.figure('onnxruntime/wasm-prodigy-ms', size, median(inWasm))
  report.figure('onnxruntime/node-prodigy-over-fused', size, median(inNode) / median(fused))
  report.figure('onnxruntime/node-prodigy-by-cpu-over-fused', size, median(byCpu) / median(fused))
  report.figure('onnxruntime/wasm-prodigy-over-fused', size, median(inWasm) / median(fused))
  for (const each of [arrays, onTensors, onNode, onWasm]) each.dispose()
}

/** A step on tensors that are views of the optimizer's memory: the gradient is copied there. */
function onArrays(optimizer: Optimizer<FloatArray>, gradient: node.Tensor): void {
  optimizer.grads?.x.set(gradient.data as Float32Array)
  optimizer.step()
}

/** How much larger the process is after a thousand steps more. */
async function memory(report: Report): Promise<void> {
  const size = 1e5
  for (const [name, ort, provider] of [
    ['node', node, 'cpu'],
    ['wasm', web, 'wasm'],
  ] as const) {
    const { run, dispose } = await prodigyOn(name, ort, size, [provider])
    const steps = async (count: number) => {
      for (let k = 0; k < count; k++) await run()
      return process.memoryUsage().rss
    }
    const before = await steps(500)
    report.figure(`onnxruntime/${name}-memory-after-1000-steps`, size, (await steps(1000)) / before)
    dispose()
  }
}
