/**
 * A program's functions as machines: each launch for every kind of batch that the parameters can make. Everything is compiled here, before
 * the first step. Not what the machines are bound to.
 */
import { compile, emitWgsl, type Kernels, type WgslOptions } from '@freestep/compiler'
import type { Program } from '@freestep/core'
import type { Machine, Workshop } from './machine.ts'
import { bytesOf, type GPUTensor, isArray } from './tensors.ts'

/** A compiled function: its launches, each with a machine for every kind of batch. */
export type Running = readonly ReadonlyMap<string, Machine>[]

/** All functions of a program. */
export interface Compiled {
  readonly init: Running
  readonly step: Running
  readonly evaluate: Running | undefined
  /** What they were printed from, the step first. */
  readonly kernels: readonly Kernels[]
}

/** The kind of a batch, which decides on the code: the precision of its parameters, and whether it has one pair of buffers or more. */
export const kindOf = (bytesEach: 2 | 4, pairs: number): string =>
  `${bytesEach === 2 ? 'f16' : 'f32'} ${pairs > 1 ? 'pairs' : 'pair'}`

/** Compiles a program, for batches of so many pairs of buffers. */
export async function compileAll(
  workshop: Workshop,
  program: Program,
  pairs: number,
  wgsl: Pick<WgslOptions, 'workgroupSize' | 'subgroups'>,
): Promise<Compiled> {
  const kinds = kindsOf(program, pairs)
  const machines = async (part: 'init' | 'step' | 'evaluate'): Promise<[Kernels, Running]> => {
    const kernels = compile(program, part)
    const printed = kinds.map(({ kind, options }) => ({ kind, modules: emitWgsl(kernels, { ...wgsl, ...options }) }))
    const launches = await Promise.all(
      printed[0].modules.map(async (_, i) => {
        const made = printed.map(async ({ kind, modules }) => {
          return [kind, await workshop.make(modules[i], `freestep ${program.name} ${part} ${i} (${kind})`)] as const
        })
        return new Map(await Promise.all(made))
      }),
    )
    return [kernels, launches]
  }
  const [step, init, evaluate] = await Promise.all([
    machines('step'),
    machines('init'),
    program.evaluate ? machines('evaluate') : undefined,
  ])
  const kernels = [step[0], init[0], ...(evaluate ? [evaluate[0]] : [])]
  return { step: step[1], init: init[1], evaluate: evaluate?.[1], kernels }
}

/** How many pairs of buffers a batch may have: one where all parameters are in one buffer, to have less to compile. */
export function pairsFor(params: readonly GPUTensor[], most: number): number {
  const buffers = new Set(params.map((param) => (isArray(param) ? undefined : 'buffer' in param ? param.buffer : param)))
  return buffers.size > 1 ? most : 1
}

/** The kinds of batches that parameters can make. */
function kindsOf({ tensors }: Program, pairs: number) {
  const data = ([4, 2] as const).filter((bytesEach) => tensors.some(({ dtype }) => bytesOf(dtype) === bytesEach))
  return data.flatMap((bytesEach) =>
    [...new Set([1, pairs])].map((count) => ({
      kind: kindOf(bytesEach, count),
      options: { pairs: count, data: bytesEach === 2 ? 'f16' : 'f32' } as const,
    })),
  )
}
