/** The webgpu backend of TensorFlow.js, in a page. */
import '@tensorflow/tfjs-backend-webgpu'
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu'
import * as tf from '@tensorflow/tfjs-core'
import type { Measured } from '../report.ts'
import { raceAll } from './race.ts'

/** Races on it. */
export async function raceOnWebGPU(rounds: number): Promise<Measured> {
  await tf.setBackend('webgpu')
  const backend = tf.backend() as unknown as WebGPUBackend & {
    endComputePassEncoder(): void
    submitQueue(): void
  }
  const { device } = backend
  const measured = await raceAll(rounds, undefined, () => {
    // It gathers commands, and submits them when there are enough or something is read.
    backend.ensureCommandEncoderReady()
    backend.endComputePassEncoder()
    backend.submitQueue()
    return device.queue.onSubmittedWorkDone()
  })
  const { vendor, architecture, description } = device.adapterInfo
  measured.notes.push(
    `${[vendor, architecture, description].filter(Boolean).join(' ')}; ${navigator.userAgent}`,
  )
  return measured
}
