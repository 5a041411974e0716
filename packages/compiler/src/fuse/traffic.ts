/**
 * What a compiled function moves through memory, which is what a step costs. Counted, not measured.
 */
import type { Kernels } from './kernels.ts'

/** The traffic of one pass. */
export interface Traffic {
  /** The arrays it reads. */
  readonly reads: readonly string[]
  /** The arrays it writes. */
  readonly writes: readonly string[]
  /** Bytes a parameter. */
  readonly bytes: number
  /** Bytes a kept coordinate more, where `sliceP` keeps every p-th. */
  readonly sliceBytes: number
}

/** The traffic of each pass, for elements of the given size. */
export function traffic(kernels: Kernels, bytesPerElement = 4): Traffic[] {
  return kernels.stages.flatMap((stage) => {
    if (stage.kind !== 'pass') return []
    const moved = (scope: 'element' | 'slice') =>
      stage.loops
        .filter((loop) => loop.scope === scope)
        .reduce((sum, { loads, stores }) => sum + loads.length + stores.length, 0)
    return {
      reads: [...new Set(stage.loops.flatMap(({ loads }) => loads.map(({ array }) => array)))],
      writes: stage.loops.flatMap(({ stores }) => stores.map(({ array }) => array)),
      bytes: bytesPerElement * moved('element'),
      sliceBytes: bytesPerElement * moved('slice'),
    }
  })
}
