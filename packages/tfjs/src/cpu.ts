/**
 * The arrays of tfjs's cpu backend, as kernels reach them: variables and gradients are copied into
 * the kernels' own memory, and new arrays out of it, since arrays that tfjs has handed out must not
 * change. Relies on nothing but the public interface of tfjs.
 */
import {
  type Arena,
  allocate,
  allows,
  type Ground,
  type Machine,
  type Site,
} from '@freestep/cpu/kernels'
import type { Tensor } from '@tensorflow/tfjs-core'
import type { TensorFlow } from './eager.ts'
import type { Active, Terrain } from './linear.ts'

/** Terrains on the active backend, or what they miss. */
export function cpuTerrain(tf: TensorFlow): (() => Terrain) | string {
  const target = (['wasm', 'js'] as const).find(allows)
  return target
    ? () => new CpuTerrain(tf, target)
    : 'WebAssembly with SIMD, and no permission to make code from text,'
}

class CpuTerrain implements Terrain {
  private readonly tf: TensorFlow
  private readonly target: 'wasm' | 'js'
  private block: Tensor | undefined
  private views: Readonly<Record<'x' | 'g', readonly (Float32Array | Float64Array)[]>> | undefined

  constructor(tf: TensorFlow, target: 'wasm' | 'js') {
    this.tf = tf
    this.target = target
  }

  /** A tensor stands for the memory, so that `tf.memory()` counts it; nothing reads that tensor. */
  claim(layout: (site: Site) => Arena): Ground {
    const { target, tf } = this
    const arena = layout({})
    const memory = allocate(target, arena.bytes, false)
    this.block = tf.keep(
      tf.tensor(
        new Float32Array(memory.buffer, 0, Math.floor(arena.bytes / 4)),
        undefined,
        'float32',
      ),
    )
    return { arena, memory }
  }

  separate(): void {}

  enter(machine: Machine, { i, variable, gradient }: Active): undefined {
    const { x, g } = this.at(machine)
    x[i].set(variable.dataSync())
    g[i].set(gradient.dataSync())
  }

  /**
   * One new array for neighbours, of which each variable has a part: many small ones would keep the
   * garbage collector busy.
   */
  leave(machine: Machine, active: readonly Active[]): void {
    const { x } = this.at(machine)
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

  result(machine: Machine, { i, variable }: Active): Tensor {
    return this.tf.tensor(this.at(machine).g[i].slice(), variable.shape, 'float32')
  }

  free(): void {
    this.block?.dispose()
  }

  private at(machine: Machine) {
    this.views ??= { x: machine.views('x'), g: machine.views('g') }
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
