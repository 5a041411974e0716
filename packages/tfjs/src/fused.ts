/**
 * Which tfjs backends fused steps run on, and the warning where they ought to and cannot: tfjs says
 * nothing about its memory that it would have to keep to, so each way to it checks what it relies
 * on. Not the ways: those are wasm.ts, cpu.ts and webgpu.ts.
 */
import type { Engine, Program } from '@freestep/core'
import type { Tensor } from '@tensorflow/tfjs-core'
import { cpuMemory } from './cpu.ts'
import type { TensorFlow } from './eager.ts'
import { type BackendMemory, LinearEngine } from './linear.ts'
import { wasmMemory } from './wasm.ts'
import { webgpuStart } from './webgpu.ts'

/** An engine that is bound to one tfjs backend. */
export interface FusedEngine extends Engine<Tensor> {
  /**
   * An engine for more tensors, this one's first, that goes on from its states; this one is
   * disposed.
   */
  extended(program: Program, params: readonly Tensor[]): FusedEngine
}

/** Starts an engine. */
export type Start = (program: Program, params: readonly Tensor[]) => FusedEngine

/** For every backend whose memory we reach: how to start an engine, or what is missing. */
const ways: Readonly<Record<string, (tf: TensorFlow) => Start | string>> = {
  wasm: (tf) => inMemory(tf, wasmMemory(tf)),
  cpu: (tf) => inMemory(tf, cpuMemory(tf)),
  webgpu: webgpuStart,
}

const inMemory = (tf: TensorFlow, backendMemory: (() => BackendMemory) | string): Start | string =>
  typeof backendMemory === 'string'
    ? backendMemory
    : (program, params) => new LinearEngine(tf, backendMemory, program, params)

const warned = new Set<string>()

/**
 * How to start an engine on the active backend; undefined where steps cannot be fused, which is
 * said once if they ought to be.
 */
export function fusedStart(tf: TensorFlow): Start | undefined {
  const backend = tf.getBackend()
  const way = ways[backend]?.(tf)
  if (typeof way !== 'string') return way
  if (!warned.has(backend))
    console.warn(
      `[freestep/tfjs] Steps on the ${backend} backend run operation by operation, which is slower and gives the same numbers: there is no ` +
        `${way} here. Fused steps are tested with TensorFlow.js 4.22 on all backends, and with 4.0 on wasm and cpu.`,
    )
  warned.add(backend)
  return undefined
}
