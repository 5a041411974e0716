/** What tfjs holds. Not a test. */
import * as tf from '@tensorflow/tfjs-core'

/** How many tensors and bytes tfjs holds. */
export function held(): { numTensors: number; numBytes: number } {
  const { numTensors, numBytes } = tf.memory()
  return { numTensors, numBytes }
}
