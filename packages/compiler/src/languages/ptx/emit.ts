/**
 * Kernels as PTX, the text that the driver itself compiles: one kernel for each pass over memory,
 * which finishes with what comes after it. The target is the oldest that the newest drivers take,
 * so one text serves every device. Not memory or launches, which are the business of whoever runs
 * them: see layout.ts for what kernels are given.
 */
import type { Kernels } from '../../fuse/kernels.ts'
import { grid } from '../../lower/grid.ts'
import { namer } from '../../lower/names.ts'
import { Kernel } from './kernel.ts'
import { type PtxModule, type PtxOptions, ptxData, ptxParameters } from './layout.ts'
import { Printer } from './print.ts'

/** What every module begins with: PTX of CUDA 10.0, for devices from compute capability 7.5 on. */
const header = '.version 6.3\n.target sm_75\n.address_size 64\n'

/** Prints a compiled function. */
export function emitPtx(kernels: Kernels, options: PtxOptions): PtxModule {
  const { data, stochastic, given } = options
  const lowered = grid(kernels, {
    names: () => namer([]),
    ways: data.map((name) => ({
      index: ptxData.indexOf(name),
      name,
      lanes: name === 'f64' ? 2 : 4,
    })),
    shared: true,
    finishes: true,
    random: stochastic && data.includes('bf16'),
  })
  const printed = lowered.map(({ kind, body }, i) => {
    const kernel = new Kernel(ptxParameters(kernels, given), options)
    new Printer(kernel).print(body)
    const entry = `${options.name}_${i}`
    const code = kernel.code.print(entry, kernel.declared(), options.threads)
    return { entry, grid: kind === 'pass' ? ('chunks' as const) : ('one' as const), code }
  })
  return {
    code: [header, ...printed.map(({ code }) => code)].join('\n'),
    kernels: printed.map(({ entry, grid }) => ({ entry, grid })),
  }
}
