/**
 * A program's functions as kernels that can be launched. Everything is compiled here, before the
 * first step. Not what they are launched on.
 */
import {
  compile,
  emitPtx,
  type Field,
  type Kernels,
  type PtxOptions,
  ptxData,
  ptxParameters,
} from '@freestep/compiler'
import type { Program } from '@freestep/core'
import type { Workshop } from './machine.ts'
import { dataOf } from './tables.ts'

/**
 * A compiled function: its kernels in the order of their launches, with one block for each chunk or
 * a single one.
 */
export type Running = readonly { readonly kernel: bigint; readonly grid: 'chunks' | 'one' }[]

/** All functions of a program. */
export interface Compiled {
  readonly init: Running
  readonly step: Running
  readonly evaluate: Running | undefined
  /** What they were printed from, the step first. */
  readonly kernels: readonly Kernels[]
  /** The numbers that come with every launch, by their slots. */
  readonly given: readonly string[]
  /** The parameters of every kernel. */
  readonly parameters: readonly Field[]
}

/** Compiles a program. */
export function compileAll(
  workshop: Workshop,
  program: Program,
  ptx: Pick<PtxOptions, 'threads' | 'stochastic'>,
): Compiled {
  const uniforms = Object.entries(program.uniforms).filter(([, { scope }]) => scope === 'global')
  const given = [...uniforms.map(([name]) => name), ...(program.usesLoss ? ['loss'] : [])]
  const used = new Set(program.tensors.map(({ dtype }) => dataOf[dtype]))
  const data = ptxData.filter((each) => used.has(each))
  const function_ = (part: 'init' | 'step' | 'evaluate'): [Kernels, Running] => {
    const kernels = compile(program, part)
    const name = `freestep_${program.name.replace(/\W+/g, '_')}_${part}`
    const module = emitPtx(kernels, { ...ptx, name, data, given })
    const handles = workshop.make(
      module.code,
      module.kernels.map(({ entry }) => entry),
    )
    return [kernels, module.kernels.map(({ grid }, i) => ({ grid, kernel: handles[i] }))]
  }
  const step = function_('step')
  const init = function_('init')
  const evaluate = program.evaluate ? function_('evaluate') : undefined
  return {
    step: step[1],
    init: init[1],
    evaluate: evaluate?.[1],
    given,
    kernels: [step[0], init[0], ...(evaluate ? [evaluate[0]] : [])],
    parameters: ptxParameters(step[0], given),
  }
}
