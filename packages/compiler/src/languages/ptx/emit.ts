/**
 * Kernels as PTX, the text that the driver itself compiles: one kernel for each pass over memory,
 * which finishes with what comes after it. The target is the oldest that the newest drivers take,
 * so one text serves every device. Not memory or launches, which are the business of whoever runs
 * them: see layout.ts for what kernels are given.
 */
import type { Kernels } from '../../fuse/kernels.ts'
import { type Launch, launches } from '../../lower/launches.ts'
import { type AddingUp, finish, inLastBlock } from './finish.ts'
import { Kernel } from './kernel.ts'
import type { PtxData } from './layout.ts'
import { emitPass, movesParameters } from './pass.ts'

/** How to print. */
export interface PtxOptions {
  /** What kernels are called: `<name>_0`, `<name>_1`, … */
  readonly name: string
  /** Threads of a block: a power of two, 32 to 512. Every kernel is launched with so many. */
  readonly threads: number
  /** The precisions of parameters and gradients that there are, each once. */
  readonly data: readonly PtxData[]
  /** The global slots whose numbers come as parameters of the kernels. */
  readonly given: readonly string[]
  /**
   * Whether parameters in bfloat16 are rounded up or down at random, rather than to the nearest.
   */
  readonly stochastic: boolean
}

/** One launch. */
export interface PtxKernel {
  /** The name of the kernel in the module. */
  readonly entry: string
  /** Launched with a block for each chunk, or a single one. */
  readonly grid: 'chunks' | 'one'
}

/** A module, and its kernels in the order of their launches. */
export interface PtxModule {
  readonly code: string
  readonly kernels: readonly PtxKernel[]
}

/** What every module begins with: PTX of CUDA 10.0, for devices from compute capability 7.5 on. */
const header = '.version 6.3\n.target sm_75\n.address_size 64\n'

/** Prints a compiled function. */
export function emitPtx(kernels: Kernels, options: PtxOptions): PtxModule {
  const printed = gather(launches(kernels)).map((launch, i) => {
    const entry = `${options.name}_${i}`
    return {
      entry,
      grid: launch.pass ? ('chunks' as const) : ('one' as const),
      code: print(launch, kernels, options, entry),
    }
  })
  return {
    code: [header, ...printed.map(({ code }) => code)].join('\n'),
    kernels: printed.map(({ entry, grid }) => ({ entry, grid })),
  }
}

/** What one kernel does: a pass, and what its last block goes on with; or the latter alone. */
interface Gathered {
  readonly pass: Extract<Launch, { kind: 'pass' }> | undefined
  readonly after: AddingUp[]
}

function gather(all: readonly Launch[]): Gathered[] {
  const gathered: Gathered[] = []
  for (const launch of all) {
    const last = gathered.at(-1)
    if (launch.kind === 'pass') gathered.push({ pass: launch, after: [] })
    else if (last) last.after.push(launch)
    else gathered.push({ pass: undefined, after: [launch] })
  }
  return gathered
}

function print(
  { pass, after }: Gathered,
  kernels: Kernels,
  options: PtxOptions,
  entry: string,
): string {
  const kernel = new Kernel(kernels, options)
  if (pass) {
    emitPass(kernel, pass, options)
    const counts =
      options.stochastic && options.data.includes('bf16') && movesParameters(pass.pass.loops)
    if (after.length || counts) inLastBlock(kernel)
    if (counts) countStep(kernel)
  }
  finish(kernel, after)
  return kernel.code.print(entry, kernel.parameters(), options.threads)
}

/** One step more, so that the next one rounds otherwise. */
function countStep(kernel: Kernel): void {
  const { code, thread } = kernel
  code.when('eq.u32', `${thread}, 0`, () => {
    const control = kernel.parameter('u64', 'control')
    const steps = code.put('u32', 'steps', 'ld.global.u32', `[${control}+4]`)
    code.do(`st.global.u32 [${control}+4], ${code.put('u32', 'steps', 'add.u32', `${steps}, 1`)}`)
  })
}
