/**
 * A multilayer perceptron on WebGPU, with its gradients, in four kernels written by hand: tanh inside, one logit out, mean cross-entropy.
 * It reads parameters where the optimizer keeps them and writes gradients where the optimizer looks for them. Not a framework: full
 * batches, a thread for each number, no tiling.
 *
 *     A₀ = X,  Aₗ₊₁ = tanh(Aₗ Wₗ + bₗ),  z = A_L W_L + b_L,  loss = mean log(1 + exp(−z)) + (1 − y) z
 *     δ_L = (σ(z) − y) / n,  δₗ = (δₗ₊₁ Wₗᵀ) (1 − Aₗ²),  ∇Wₗ = Aₗᵀ δₗ₊₁,  ∇bₗ = Σ δₗ₊₁
 */

/** The kernels: the buffers that each is bound to, how many threads it takes, and what a thread does. */
const kernels = {
  forward: {
    buffers: { a: 'read', W: 'read', b: 'read', next: 'read_write' },
    threads: 'arrayLength(&next)',
    code: `
      let j = id % layer.outputs;
      var z = b[j];
      for (var k = 0u; k < layer.inputs; k++) { z += a[id / layer.outputs * layer.inputs + k] * W[k * layer.outputs + j]; }
      // tanh(9) rounds to 1; WGSL may give NaN for arguments whose exponential overflows.
      next[id] = select(tanh(clamp(z, -9.0, 9.0)), z, layer.last == 1u);`,
  },
  loss: {
    buffers: { z: 'read', y: 'read', delta: 'read_write', losses: 'read_write' },
    threads: 'arrayLength(&losses)',
    code: `
      delta[id] = (1.0 / (1.0 + exp(-clamp(z[id], -80.0, 80.0))) - y[id]) / f32(layer.samples);
      losses[id] = log(1.0 + exp(-abs(z[id]))) + max(-z[id], 0.0) + (1.0 - y[id]) * z[id];`,
  },
  backward: {
    buffers: { a: 'read', W: 'read', deltaNext: 'read', delta: 'read_write' },
    threads: 'arrayLength(&delta)',
    code: `
      let k = id % layer.inputs;
      var sum = 0.0;
      for (var j = 0u; j < layer.outputs; j++) { sum += deltaNext[id / layer.inputs * layer.outputs + j] * W[k * layer.outputs + j]; }
      delta[id] = sum * (1.0 - a[id] * a[id]);`,
  },
  gradient: {
    buffers: { a: 'read', delta: 'read', gW: 'read_write', gb: 'read_write' },
    threads: 'arrayLength(&gW) + arrayLength(&gb)',
    code: `
      let k = id / layer.outputs;
      let j = id % layer.outputs;
      var sum = 0.0;
      for (var i = 0u; i < layer.samples; i++) {
        sum += delta[i * layer.outputs + j] * select(1.0, a[i * layer.inputs + min(k, layer.inputs - 1u)], k < layer.inputs);
      }
      if (k < layer.inputs) { gW[id] = sum; } else { gb[j] = sum; }`,
  },
}

const { STORAGE, UNIFORM, COPY_SRC, COPY_DST } = GPUBufferUsage

function compile(device, { buffers, threads, code }) {
  const module = device.createShaderModule({
    code: `
      struct Layer { samples: u32, inputs: u32, outputs: u32, last: u32 }
      @group(0) @binding(0) var<uniform> layer: Layer;
      ${Object.entries(buffers)
        .map(
          ([name, access], i) =>
            `@group(0) @binding(${i + 1}) var<storage, ${access}> ${name}: array<f32>;`,
        )
        .join('\n')}
      @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) thread: vec3<u32>) {
        let id = thread.x;
        if (id >= ${threads}) { return; }
        ${code}
      }`,
  })
  return device.createComputePipeline({ layout: 'auto', compute: { module } })
}

/**
 * First parameters for layers of the given sizes, by name: W0, b0, W1, ...
 *
 * @returns {Record<string, Float32Array<ArrayBuffer>>}
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

/** The network on a device, for samples `X` of labels `y`; parameters and gradients are parts of buffers by name. */
export class Network {
  constructor(device, sizes, X, y, params, grads) {
    this.device = device
    const samples = y.length
    const numbers = (array, usage = STORAGE) => {
      const buffer = device.createBuffer({
        size: array.byteLength,
        usage: usage | COPY_SRC | COPY_DST,
      })
      device.queue.writeBuffer(buffer, 0, array)
      return { buffer }
    }
    const part = ({ buffer, byteOffset, length }) => ({
      buffer,
      offset: byteOffset,
      size: 4 * length,
    })
    const pipelines = Object.fromEntries(
      Object.entries(kernels).map(([name, kernel]) => [name, compile(device, kernel)]),
    )
    const last = sizes.length - 2
    const layers = sizes
      .slice(0, -1)
      .map((inputs, l) => Uint32Array.of(samples, inputs, sizes[l + 1], l === last ? 1 : 0))
    const layer = layers.map((words) => numbers(words, UNIFORM))
    const a = sizes.map((size, l) => numbers(l === 0 ? X : new Float32Array(samples * size)))
    const delta = sizes.map((size) => numbers(new Float32Array(samples * size)))
    this.losses = numbers(new Float32Array(samples)).buffer
    this.output = a[sizes.length - 1].buffer

    /** A dispatch: its pipeline, what it is bound to, how many groups of threads it takes. */
    const dispatch = (name, l, threads, ...resources) => {
      const entries = [layer[l], ...resources].map((resource, binding) => ({ binding, resource }))
      const group = device.createBindGroup({
        layout: pipelines[name].getBindGroupLayout(0),
        entries,
      })
      return { pipeline: pipelines[name], group, groups: Math.ceil(threads / 64) }
    }
    const W = layers.map((_, l) => part(params[`W${l}`]))
    const b = layers.map((_, l) => part(params[`b${l}`]))
    const each = [...layers.keys()]
    this.dispatches = [
      ...each.map((l) =>
        dispatch('forward', l, samples * sizes[l + 1], a[l], W[l], b[l], a[l + 1]),
      ),
      dispatch('loss', last, samples, a[last + 1], numbers(y), delta[last + 1], {
        buffer: this.losses,
      }),
      ...each
        .reverse()
        .flatMap((l) => [
          dispatch(
            'gradient',
            l,
            (sizes[l] + 1) * sizes[l + 1],
            a[l],
            delta[l + 1],
            part(grads[`W${l}`]),
            part(grads[`b${l}`]),
          ),
          ...(l > 0
            ? [dispatch('backward', l, samples * sizes[l], a[l], W[l], delta[l + 1], delta[l])]
            : []),
        ]),
    ]
  }

  /** Records forward and backward: the gradients are then in their place. */
  record(encoder) {
    const pass = encoder.beginComputePass()
    for (const { pipeline, group, groups } of this.dispatches) {
      pass.setPipeline(pipeline)
      pass.setBindGroup(0, group)
      pass.dispatchWorkgroups(groups)
    }
    pass.end()
  }
}
