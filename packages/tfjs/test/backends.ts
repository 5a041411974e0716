/** The tfjs backends that the tests in Node run on. Not a test. */
import '@tensorflow/tfjs-backend-cpu'
import '@tensorflow/tfjs-backend-wasm'
import * as tf from '@tensorflow/tfjs-core'
// For its side effect: in Node, tfjs-core comes without gradients, and this package registers them.
import '@tensorflow/tfjs-layers'
import { beforeAll, describe } from 'vitest'

export { held } from './held.ts'

/** The backends that run in Node; webgpu and webgl have tests of their own, in a browser. */
export const backends = ['cpu', 'wasm'] as const

/** Describes a block of tests once for each tfjs backend. */
export function onEachBackend(title: string, block: (backend: string) => void): void {
  for (const backend of backends)
    describe(`${title} on ${backend}`, () => {
      beforeAll(() => start(backend))
      block(backend)
    })
}

/** Describes a block of tests once for each tfjs backend, with fused and with eager steps. */
export function onEachWay(title: string, block: (backend: string, fused: boolean) => void): void {
  onEachBackend(title, (backend) => {
    for (const fused of [true, false])
      describe(fused ? 'fused' : 'eager', () => block(backend, fused))
  })
}

/** Makes a tfjs backend the one that all tensors live on from now on. */
export async function start(backend: string): Promise<void> {
  if (!(await tf.setBackend(backend))) throw new Error(`the tfjs backend ${backend} does not start`)
  await tf.ready()
}

/** The numbers of a tensor that is then disposed. */
export function take(tensor: tf.Tensor): number[] {
  const numbers = Array.from(tensor.dataSync())
  tensor.dispose()
  return numbers
}
