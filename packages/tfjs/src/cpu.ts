/**
 * The arrays of tfjs's cpu backend, as kernels reach them: variables and gradients are copied into
 * the kernels' own memory, and new arrays out of it, since arrays that tfjs has handed out must not
 * change. Relies on nothing but the public interface of tfjs.
 */
import {
  allocate,
  allows,
  type LayoutOptions,
  type MemoryLayout,
  type Runner,
  type RunnerMemory,
} from '@freestep/cpu/kernels'
import type { Tensor } from '@tensorflow/tfjs-core'
import type { TensorFlow } from './eager.ts'
import type { Active, BackendMemory } from './linear.ts'

/** How its memory is used on the active backend, or what is missing. */
export function cpuMemory(tf: TensorFlow): (() => BackendMemory) | string {
  const target = (['wasm', 'js'] as const).find(allows)
  return target
    ? () => new CpuMemory(tf, target)
    : 'WebAssembly with SIMD, and no permission to make code from text,'
}

class CpuMemory implements BackendMemory {
  private readonly tf: TensorFlow
  private readonly target: 'wasm' | 'js'
  private block: Tensor | undefined
  private views: Readonly<Record<'x' | 'g', readonly (Float32Array | Float64Array)[]>> | undefined

  constructor(tf: TensorFlow, target: 'wasm' | 'js') {
    this.tf = tf
    this.target = target
  }

  /** A tensor stands for the memory, so that `tf.memory()` counts it; nothing reads that tensor. */
  claim(layOut: (options: LayoutOptions) => MemoryLayout): RunnerMemory {
    const { target, tf } = this
    const layout = layOut({})
    const memory = allocate(target, layout.bytes, false)
    this.block = tf.keep(
      tf.tensor(
        new Float32Array(memory.buffer, 0, Math.floor(layout.bytes / 4)),
        undefined,
        'float32',
      ),
    )
    return { layout, memory }
  }

  separate(): void {}

  enter(runner: Runner, { i, variable, gradient }: Active): undefined {
    const { x, g } = this.at(runner)
    x[i].set(variable.dataSync())
    g[i].set(gradient.dataSync())
  }

  /**
   * One new array for neighbours, of which each variable has a part: many small ones would keep the
   * garbage collector busy.
   */
  leave(runner: Runner, active: readonly Active[]): void {
    const { x } = this.at(runner)
    for (const run of neighbours(active)) {
      const { buffer, byteOffset } = x[run[0].i]
      const size = run.reduce((sum, { variable }) => sum + variable.size, 0)
      const fresh = new Float32Array(new Float32Array(buffer, byteOffset, size))
      let at = 0
      for (const { variable } of run) {
        variable.assign(
          this.tf.tensor(fresh.subarray(at, at + variable.size), variable.shape, 'float32'),
        )
        at += variable.size
      }
    }
  }

  result(runner: Runner, { i, variable }: Active): Tensor {
    return this.tf.tensor(this.at(runner).g[i].slice(), variable.shape, 'float32')
  }

  free(): void {
    this.block?.dispose()
  }

  private at(runner: Runner) {
    this.views ??= { x: runner.views('x'), g: runner.views('g') }
    return this.views
  }
}

/** The variables, in runs of those that follow each other in the kernels' memory. */
function neighbours(active: readonly Active[]): Active[][] {
  const runs: Active[][] = []
  for (const each of active) {
    const last = runs.at(-1)
    if (last?.at(-1)?.i === each.i - 1) last.push(each)
    else runs.push([each])
  }
  return runs
}
