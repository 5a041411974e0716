/**
 * What freestep is measured against on the CPU: copies of as many bytes, the optimizers of
 * TensorFlow.js, loops as one writes them by hand. Torch, which is another process, is in torch.ts.
 */
import '@tensorflow/tfjs-backend-cpu'
import '@tensorflow/tfjs-backend-wasm'
import * as tf from '@tensorflow/tfjs-core'
import type { Contestant } from './measure.ts'

/** Numbers in [-0.5, 0.5). */
export const random = (size: number): Float32Array =>
  Float32Array.from({ length: size }, () => Math.random() - 0.5)

/** Reads half of the bytes and writes them elsewhere: what no step that moves as many can beat. */
export function copy(name: string, bytes: number): Contestant {
  const from = new Uint8Array(bytes / 2).fill(1)
  const to = new Uint8Array(bytes / 2).fill(2)
  return { name, run: () => to.set(from) }
}

/** Adam of TensorFlow.js on one of its backends. */
export async function tfjsAdam(
  name: string,
  backend: 'cpu' | 'wasm',
  size: number,
): Promise<Contestant> {
  await tf.setBackend(backend)
  await tf.ready()
  const variable = `${backend}-${size}`
  tf.variable(tf.tensor1d(random(size)), true, variable)
  const gradient = tf.tensor1d(random(size))
  const optimizer = tf.train.adam(1e-3)
  return {
    name,
    enter: () => tf.setBackend(backend),
    run: () => optimizer.applyGradients([{ name: variable, tensor: gradient }]),
  }
}

/** Adam as a loop over typed arrays. */
export function adamLoop(name: string, size: number): Contestant {
  const [x, g] = [random(size), random(size)]
  const [m, v] = [new Float32Array(size), new Float32Array(size)]
  let [c1, c2] = [1, 1]
  const run = () => {
    c1 *= 0.9
    c2 *= 0.999
    const step = (1e-3 * Math.sqrt(1 - c2)) / (1 - c1)
    for (let i = 0; i < size; i++) {
      m[i] = 0.9 * m[i] + 0.1 * g[i]
      v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i]
      x[i] -= (step * m[i]) / (Math.sqrt(v[i]) + 1e-8)
    }
  }
  return { name, run }
}

/** Prodigy as a loop over typed arrays. */
export function prodigyLoop(name: string, size: number): Contestant {
  const [x, g] = [random(size), random(size)]
  const [x0, m, v, s] = [
    x.slice(),
    new Float32Array(size),
    new Float32Array(size),
    new Float32Array(size),
  ]
  const beta3 = Math.sqrt(0.999)
  const d0 = 1e-6
  let [d, r] = [d0, 0]
  const run = () => {
    let [inner, norm] = [0, 0]
    for (let i = 0; i < size; i++) {
      const dg = d * g[i]
      inner += (d / d0) * dg * (x0[i] - x[i])
      m[i] = 0.9 * m[i] + 0.1 * dg
      v[i] = 0.999 * v[i] + 0.001 * dg * dg
      s[i] = beta3 * s[i] + (d / d0) * dg
      norm += Math.abs(s[i])
      x[i] -= (d * m[i]) / (Math.sqrt(v[i]) + d * 1e-8)
    }
    r = beta3 * r + inner
    if (norm > 0) d = Math.max(d, r / norm)
  }
  return { name, run }
}
