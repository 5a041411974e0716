/**
 * A program's functions as machines: each launch for every kind of batch that the parameters can
 * make. Everything is compiled here, before the first step. Not what the machines are bound to.
 */
import {
  compile,
  emitWgsl,
  type Kernels,
  type Part,
  type WgslKernel,
  type WgslOptions,
} from '@freestep/compiler'
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

/**
 * The kind of a batch, which decides on the code: the precision of its parameters, and whether it
 * has one pair of buffers or more.
 */
export const kindOf = (bytesEach: 2 | 4, pairs: number): string =>
  `${bytesEach === 2 ? 'f16' : 'f32'} ${pairs > 1 ? 'pairs' : 'pair'}`

/**
 * A kernel of a program, printed: of which function, which launch of it, and for which kind of
 * batch.
 */
interface Printed {
  readonly part: Part
  readonly launch: number
  readonly kind: string
  readonly kernel: WgslKernel
  readonly label: string
}

/** A program, printed. */
interface Text {
  readonly kernels: readonly Kernels[]
  readonly printed: readonly Printed[]
}

/** Prints a program, for batches of so many pairs of buffers. */
export function printAll(
  program: Program,
  pairs: number,
  wgsl: Pick<WgslOptions, 'workgroupSize' | 'subgroups'>,
): Text {
  const kinds = kindsOf(program, pairs)
  const parts: Part[] = ['step', 'init', ...(program.evaluate ? (['evaluate'] as const) : [])]
  const compiled = parts.map((part) => ({ part, kernels: compile(program, part) }))
  const printed = compiled.flatMap(({ part, kernels }) =>
    kinds.flatMap(({ kind, options }) =>
      emitWgsl(kernels, { ...wgsl, ...options }).map((kernel, launch) => {
        return {
          part,
          launch,
          kind,
          kernel,
          label: `freestep ${program.name} ${part} ${launch} (${kind})`,
        }
      }),
    ),
  )
  return { kernels: compiled.map(({ kernels }) => kernels), printed }
}

/** Compiles what was printed. */
export async function compileAll(workshop: Workshop, text: Text): Promise<Compiled> {
  return assembled(
    text,
    await Promise.all(text.printed.map(({ kernel, label }) => workshop.make(kernel, label))),
  )
}

/** As {@link compileAll}, without waiting. */
export const compileNow = (workshop: Workshop, text: Text): Compiled =>
  assembled(
    text,
    text.printed.map(({ kernel, label }) => workshop.makeNow(kernel, label)),
  )

/** The machines in their places. */
function assembled({ printed, kernels }: Text, machines: readonly Machine[]): Compiled {
  const of = (part: Part): Running | undefined => {
    const launches: Map<string, Machine>[] = []
    for (const [i, each] of printed.entries()) {
      if (each.part !== part) continue
      launches[each.launch] ??= new Map()
      launches[each.launch].set(each.kind, machines[i])
    }
    return launches.length ? launches : undefined
  }
  return { init: of('init') ?? [], step: of('step') ?? [], evaluate: of('evaluate'), kernels }
}

/**
 * How many pairs of buffers a batch may have: one where all parameters are in one buffer, to have
 * less to compile.
 */
export function pairsFor(params: readonly GPUTensor[], most: number): number {
  const buffers = new Set(
    params.map((param) => (isArray(param) ? undefined : 'buffer' in param ? param.buffer : param)),
  )
  return buffers.size > 1 ? most : 1
}

/** The kinds of batches that parameters can make. */
function kindsOf({ tensors }: Program, pairs: number) {
  const data = ([4, 2] as const).filter((bytesEach) =>
    tensors.some(({ dtype }) => bytesOf(dtype) === bytesEach),
  )
  return data.flatMap((bytesEach) =>
    [...new Set([1, pairs])].map((count) => ({
      kind: kindOf(bytesEach, count),
      options: { pairs: count, data: bytesEach === 2 ? 'f16' : 'f32' } as const,
    })),
  )
}
