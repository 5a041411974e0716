/**
 * Steps as graphs on the WebGPU of ONNX Runtime beside fused ones on the same device, in a page.
 */
/// <reference types="vite/client" />
import { createOptimizer, prodigy, webgpu } from '@freestep/webgpu'
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url'
import * as ort from 'onnxruntime-web/webgpu'
import { race } from '../measure.ts'
import type { Measured } from '../report.ts'
import { prodigyOn } from './step.ts'

/** Races at every size, on a device of its own. */
export async function raceOnWebGPU(sizes: readonly number[], rounds: number): Promise<Measured> {
  const measured: Measured = { rows: [], figures: [], notes: [] }
  ort.env.wasm.wasmPaths = { wasm }
  const { device } = await webgpu()
  const { vendor, architecture, description } = device.adapterInfo
  measured.notes.push(
    `${[vendor, architecture, description].filter(Boolean).join(' ')}; ${navigator.userAgent}`,
  )
  for (const size of sizes) await raceAt(size, rounds, device, measured)
  return measured
}

async function raceAt(
  size: number,
  rounds: number,
  device: GPUDevice,
  { rows, figures }: Measured,
): Promise<void> {
  const [graph, fused] = ['onnxruntime-web, webgpu', 'fused on GPUBuffers']
  const onGpu = await prodigyOn(graph, ort, size, [{ name: 'webgpu', device }])
  const arrays = await createOptimizer(
    prodigy(),
    { x: new Float32Array(size) },
    await webgpu({ device }),
  )
  const finished = (run: () => unknown) => async () => {
    await run()
    await device.queue.onSubmittedWorkDone()
  }
  const contestants = [
    { name: graph, run: finished(() => onGpu.run()) },
    { name: fused, run: finished(() => arrays.step()) },
  ]
  const times = await race(contestants, { rounds, turn: 20, budget: 20_000 })
  for (const [name, time] of times) rows.push([size, `prodigy, ${name}`, time])
  const median = (name: string) => times.get(name)?.median ?? Number.NaN
  figures.push(['onnxruntime/webgpu-prodigy-ms', size, median(graph)])
  figures.push(['onnxruntime/webgpu-prodigy-over-fused', size, median(graph) / median(fused)])
  for (const each of [onGpu, arrays]) each.dispose()
}
