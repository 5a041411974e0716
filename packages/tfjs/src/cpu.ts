/**
 * The arrays of tfjs's cpu backend, as kernels reach them: variables and gradients are copied into the kernels' own memory, and new arrays
 * out of it, since arrays that tfjs has handed out must not change. Relies on nothing but the public interface of tfjs.
 */
import { type Arena, allocate, allows, type Ground, type Machine, type Site } from '@freestep/cpu/kernels'
import type { Tensor } from '@tensorflow/tfjs-core'
import type { TensorFlow } from './eager.ts'
import type { Active, Terrain } from './linear.ts'

/** Terrains on the active backend, or what they miss. */
export function cpuTerrain(tf: TensorFlow): (() => Terrain) | string {
  const target = (['wasm', 'js'] as const).find(allows)
  return target ? () => new CpuTerrain(tf, target) : 'WebAssembly with SIMD, or leave to make code from text'
}

class CpuTerrain implements Terrain {
  private readonly tf: TensorFlow
  private readonly target: 'wasm' | 'js'
  private views: Readonly<Record<'x' | 'g', readonly (Float32Array | Float64Array)[]>> | undefined

  constructor(tf: TensorFlow, target: 'wasm' | 'js') {
    this.tf = tf
    this.target = target
  }

  claim(layout: (site: Site) => Arena): Ground {
    const arena = layout({})
    return { arena, memory: allocate(this.target, arena.bytes, false) }
  }

  separate(): void {}

  enter(machine: Machine, { i, variable, gradient }: Active): undefined {
    const { x, g } = this.at(machine)
    x[i].set(variable.dataSync())
    g[i].set(gradient.dataSync())
  }

  leave(machine: Machine, { i, variable }: Active): void {
    variable.assign(this.tf.tensor(this.at(machine).x[i].slice(), variable.shape, 'float32'))
  }

  result(machine: Machine, { i, variable }: Active): Tensor {
    return this.tf.tensor(this.at(machine).g[i].slice(), variable.shape, 'float32')
  }

  free(): void {}

  private at(machine: Machine) {
    this.views ??= { x: machine.views('x'), g: machine.views('g') }
    return this.views
  }
}
