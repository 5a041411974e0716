/** The command line: `npx pnpm bench cpu`. Each subcommand measures one platform against its peers, in one run. */
import { cpus } from 'node:os'
import { Command, InvalidArgumentError } from 'commander'
import { benchCpu, type CpuOptions } from './cpu.ts'
import { benchCuda, type CudaBenchOptions } from './cuda/race.ts'
import { Report } from './report.ts'
import { type BrowserOptions, benchWebGPU } from './webgpu/serve.ts'

const count = (text: string): number => {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new InvalidArgumentError('Give a whole number above 0.')
}

const counts = (text: string): number[] => text.split(',').map(count)

const program = new Command('bench').description('Measures freestep against its peers, all in one run.')

program
  .command('cpu')
  .description('fused steps on typed arrays against copies of as many bytes, TensorFlow.js and hand-written loops')
  .option('--sizes <counts>', 'numbers of parameters, with commas between', (text) => text.split(',').map(count), [1e5, 1e6, 1e7])
  .option('--rounds <count>', 'how often each of them takes its turn', count, 40)
  .option('--torch', 'also measure PyTorch, if a python3 on this machine has it', false)
  .action(async (options: CpuOptions) => {
    const report = new Report()
    const [{ model }, ...others] = cpus()
    report.note(`${model}, ${1 + others.length} cores, Node ${process.version}`)
    await benchCpu(options, report)
    console.log(`${report}`)
  })

program
  .command('webgpu')
  .description('fused steps on GPUBuffers against copies of as many bytes and TensorFlow.js, in a browser')
  .option('--sizes <counts>', 'numbers of parameters, with commas between', counts, [1e5, 1e6])
  .option('--rounds <count>', 'how often each of them takes its turn', count, 15)
  .option('--gpu', 'take the GPU of this machine instead of a software adapter', false)
  .option('--serve', 'only serve the page, to be opened by hand', false)
  .option('--chromium <path>', 'the browser, where it is in an unusual place')
  .action(async (options: BrowserOptions) => {
    const report = new Report()
    await benchWebGPU(options, report)
    if (!options.serve) console.log(`${report}`)
  })

program
  .command('cuda')
  .description('fused steps on a GPU against copies of as many bytes and, if python3 has it, PyTorch')
  .option('--sizes <counts>', 'numbers of parameters, with commas between', counts, [1e6, 1e8])
  .option('--rounds <count>', 'how often each of them takes its turn', count, 15)
  .option('--device <ordinal>', 'which device', Number, 0)
  .option('--no-torch', 'leave PyTorch out')
  .action(async (options: CudaBenchOptions) => {
    const report = new Report()
    await benchCuda(options, report)
    console.log(`${report}`)
  })

await program.parseAsync()
