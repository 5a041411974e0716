/**
 * A multilayer perceptron on a CUDA device, with its gradients, in the four kernels of network.ptx: tanh inside, one logit out, mean
 * cross-entropy; with a single layer it is logistic regression. It reads parameters where the optimizer keeps them and writes gradients where the
 * optimizer looks for them. Not a framework: full batches, a thread for each number, no tiling.
 *
 *     A₀ = X,  Aₗ₊₁ = tanh(Aₗ Wₗ + bₗ),  z = A_L W_L + b_L,  loss = mean log(1 + exp(−z)) + (1 − y) z
 *     δ_L = (σ(z) − y) / n,  δₗ = (δₗ₊₁ Wₗᵀ) (1 − Aₗ²),  ∇Wₗ = Aₗᵀ δₗ₊₁,  ∇bₗ = Σ δₗ₊₁
 */
import { readFileSync } from 'node:fs'

const pointers = (count) => Array(count).fill('pointer')
const numbers = (count) => Array(count).fill('u32')

/**
 * First parameters for layers of the given sizes, by name: W0, b0, W1, ...
 *
 * @returns {Record<string, Float32Array>}
 */
export function parameters(sizes, random = Math.random) {
  const params = {}
  for (const [l, inputs] of sizes.slice(0, -1).entries()) {
    const outputs = sizes[l + 1]
    params[`W${l}`] = Float32Array.from(
      { length: inputs * outputs },
      () => (2 * random() - 1) * Math.sqrt(3 / inputs),
    )
    params[`b${l}`] = new Float32Array(outputs)
  }
  return params
}

/** The network on a device, for samples `X` of labels `y`; parameters and gradients are arrays on the device by name. */
export class Network {
  constructor(backend, sizes, X, y, params, grads) {
    const module = backend.module(readFileSync(new URL('network.ptx', import.meta.url), 'utf8'))
    const kernels = {
      forward: module.kernel('forward', [...pointers(4), ...numbers(4)]),
      loss: module.kernel('loss', [...pointers(4), ...numbers(1)]),
      backward: module.kernel('backward', [...pointers(4), ...numbers(3)]),
      gradient: module.kernel('gradient', [...pointers(4), ...numbers(3)]),
    }
    const samples = y.length
    const last = sizes.length - 2
    const a = sizes.map((size, l) => backend.array(l === 0 ? X : samples * size))
    const delta = sizes.map((size) => backend.array(samples * size))
    const labels = backend.array(y)
    this.losses = backend.array(samples)
    this.output = a[last + 1]
    this.own = [...a, ...delta, labels, this.losses]

    const launch = (name, threads, ...args) => {
      const spread = { grid: Math.ceil(threads / 64), block: 64 }
      return () => kernels[name].launch(spread, ...args)
    }
    const layer = (l) => [samples, sizes[l], sizes[l + 1]]
    const each = [...sizes.keys()].slice(0, -1)
    this.launches = [
      ...each.map((l) => {
        const [W, b] = [params[`W${l}`], params[`b${l}`]]
        return launch(
          'forward',
          samples * sizes[l + 1],
          a[l],
          W,
          b,
          a[l + 1],
          ...layer(l),
          l === last ? 1 : 0,
        )
      }),
      launch('loss', samples, a[last + 1], labels, delta[last + 1], this.losses, samples),
      ...each.reverse().flatMap((l) => {
        const [gW, gb] = [grads[`W${l}`], grads[`b${l}`]]
        return [
          launch(
            'gradient',
            (sizes[l] + 1) * sizes[l + 1],
            a[l],
            delta[l + 1],
            gW,
            gb,
            ...layer(l),
          ),
          ...(l > 0
            ? [
                launch(
                  'backward',
                  samples * sizes[l],
                  a[l],
                  params[`W${l}`],
                  delta[l + 1],
                  delta[l],
                  ...layer(l),
                ),
              ]
            : []),
        ]
      }),
    ]
  }

  /** Forward and backward: the gradients are then in their place. */
  run() {
    for (const launch of this.launches) launch()
  }

  /** Frees what the network has beside parameters and gradients. */
  free() {
    for (const array of this.own) array.free()
  }
}
