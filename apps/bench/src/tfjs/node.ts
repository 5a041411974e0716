/** The backends of TensorFlow.js that run in Node. */
import '@tensorflow/tfjs-backend-cpu'
import '@tensorflow/tfjs-backend-wasm'
import * as tf from '@tensorflow/tfjs-core'
import type { Measured } from '../report.ts'
import { raceAll, type Sets } from './race.ts'

/** Races on one of them. */
export async function raceOn(backend: string, rounds: number, sets?: Sets): Promise<Measured> {
  if (!(await tf.setBackend(backend).catch(() => false)))
    throw new Error(`tfjs has no backend ${backend} here`)
  return raceAll(rounds, sets)
}
