/**
 * The kernels of a step, compiled in the page, in each language that the compiler prints as text.
 * Not how they are shown.
 */
import {
  compile,
  emitJs,
  emitPtx,
  emitWat,
  emitWgsl,
  type Kernels,
  traffic,
} from '@freestep/compiler'
import * as core from '@freestep/core'

/** A language. */
export interface Language {
  readonly id: string
  readonly title: string
  readonly print: (kernels: Kernels, program: core.Program) => string
}

const wgsl = (kernels: Kernels) =>
  emitWgsl(kernels, {
    workgroupSize: { pass: 64, scalar: 64 },
    pairs: 1,
    data: 'f32',
    subgroups: false,
  })
    .map(({ kind, code }, i) => `// launch ${i}: ${kind}\n\n${code}`)
    .join('\n')

/** What comes with every launch: the options that are the same for all tensors, and the loss. */
const given = ({ uniforms, usesLoss }: core.Program) => [
  ...Object.keys(uniforms).filter((name) => uniforms[name].scope === 'global'),
  ...(usesLoss ? ['loss'] : []),
]
const ptx = (kernels: Kernels, program: core.Program) =>
  emitPtx(kernels, {
    name: 'step',
    threads: 256,
    data: ['f32'],
    given: given(program),
    stochastic: false,
  }).code

/** The languages that are printed here, the one to read first. */
export const languages: readonly Language[] = [
  { id: 'js', title: 'JavaScript, float64', print: (kernels) => emitJs(kernels, 'float64') },
  { id: 'wat', title: 'WebAssembly, float32', print: (kernels) => emitWat(kernels, 'float32') },
  { id: 'wgsl', title: 'WGSL, float32', print: wgsl },
  { id: 'ptx', title: 'PTX, float32', print: ptx },
]

type Factory = core.AlgorithmFactory<object>

/** Every algorithm of core, and some of the wrappers around one, by what one writes. */
export const steps: Readonly<Record<string, () => core.Algorithm>> = {
  ...Object.fromEntries(
    Object.entries(core as Record<string, unknown>)
      .filter(
        (entry): entry is [string, Factory] =>
          typeof entry[1] === 'function' && 'algorithm' in entry[1],
      )
      .map(([name, factory]) => [`${name}()`, () => factory()]),
  ),
  'averaged(dog())': () => core.averaged(core.dog()),
  'clipByGlobalNorm(1, prodigy())': () => core.clipByGlobalNorm(1, core.prodigy()),
  'scheduleFree(prodigy())': () => core.scheduleFree(core.prodigy()),
}

/** What a compiled step is. */
export interface Compiled {
  /**
   * For each pass over memory, what it reads and writes, and how many bytes that is for each
   * parameter in float32.
   */
  readonly passes: readonly {
    readonly reads: string
    readonly writes: string
    readonly bytes: number
  }[]
  /** The code by language. */
  readonly code: Readonly<Record<string, string>>
}

/** Compiles a step. */
export function compiled(name: string): Compiled {
  const algorithm = steps[name]()
  const tensor = { name: 'w', shape: [1000], size: 1000, dtype: 'float32' as const }
  const program = core.createProgram(
    algorithm,
    [tensor],
    [algorithm.options as Record<string, unknown>],
  )
  const kernels = compile(program, 'step')
  return {
    passes: traffic(kernels).map(({ reads, writes, bytes }) => ({
      reads: reads.join(' '),
      writes: writes.join(' '),
      bytes,
    })),
    code: Object.fromEntries(languages.map(({ id, print }) => [id, print(kernels, program)])),
  }
}
