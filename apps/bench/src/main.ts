/**
 * The command line: `npx pnpm bench cpu`. Each subcommand measures one platform against its peers,
 * in one run.
 */
import { cpus } from 'node:os'
import { Command, InvalidArgumentError } from 'commander'
import { type BrowserOptions, measureInBrowser } from './browser.ts'
import { benchCpu, type CpuOptions } from './cpu.ts'
import { benchCuda, type CudaBenchOptions } from './cuda/race.ts'
import { benchOnnxRuntime } from './onnxruntime/node.ts'
import { Report } from './report.ts'
import { raceOn } from './tfjs/node.ts'

const count = (text: string): number => {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new InvalidArgumentError('Give a whole number above 0.')
}

const counts = (text: string): number[] => text.split(',').map(count)

/** What this runs on. */
const machine = (): string => {
  const [{ model }, ...others] = cpus()
  return `${model}, ${1 + others.length} cores, Node ${process.version}`
}

const program = new Command('bench').description(
  'Measures freestep against its peers, all in one run.',
)

program
  .command('cpu')
  .description(
    'fused steps on typed arrays against copies of as many bytes, TensorFlow.js and hand-written loops',
  )
  .option(
    '--sizes <counts>',
    'numbers of parameters, with commas between',
    (text) => text.split(',').map(count),
    [1e5, 1e6, 1e7],
  )
  .option('--rounds <count>', 'how often each of them takes its turn', count, 40)
  .option('--torch', 'also measure PyTorch, if a python3 on this machine has it', false)
  .action(async (options: CpuOptions) => {
    const report = new Report()
    report.note(machine())
    await benchCpu(options, report)
    console.log(`${report}`)
  })

/** The options of what runs in a browser. */
const inBrowser = (command: Command): Command =>
  command
    .option('--gpu', 'take the GPU of this machine instead of a software adapter', false)
    .option('--serve', 'only serve the page, to be opened by hand', false)
    .option('--chromium <path>', 'the browser, where it is in an unusual place')

inBrowser(program.command('webgpu'))
  .description(
    'fused steps on GPUBuffers against copies of as many bytes and TensorFlow.js, in a browser',
  )
  .option('--sizes <counts>', 'numbers of parameters, with commas between', counts, [1e5, 1e6])
  .option('--rounds <count>', 'how often each of them takes its turn', count, 15)
  .action(
    async ({ sizes, rounds, ...options }: BrowserOptions & { sizes: number[]; rounds: number }) => {
      const report = new Report()
      await measureInBrowser(`suite=webgpu&sizes=${sizes}&rounds=${rounds}`, options, report)
      if (!options.serve) console.log(`${report}`)
    },
  )

inBrowser(program.command('tfjs'))
  .description('fused and eager steps on the backends of TensorFlow.js against its own Adam')
  .option('--backends <names>', 'which of them, with commas between', (text) => text.split(','), [
    'wasm',
    'cpu',
    'webgpu',
  ])
  .option('--rounds <count>', 'how often each of them takes its turn', count, 20)
  .action(
    async ({
      backends,
      rounds,
      ...options
    }: BrowserOptions & { backends: string[]; rounds: number }) => {
      const report = new Report()
      const inNode = backends.filter((backend) => backend !== 'webgpu')
      if (inNode.length && !options.serve) report.note(machine())
      if (!options.serve) for (const backend of inNode) report.add(await raceOn(backend, rounds))
      if (backends.includes('webgpu'))
        await measureInBrowser(`suite=tfjs&rounds=${rounds}`, options, report)
      if (!options.serve) console.log(`${report}`)
    },
  )

inBrowser(program.command('onnxruntime'))
  .description(
    'steps as ONNX graphs, in onnxruntime-node, onnxruntime-web and its WebGPU, against fused steps',
  )
  .option('--sizes <counts>', 'numbers of parameters, with commas between', counts, [1e5, 1e6])
  .option('--rounds <count>', 'how often each of them takes its turn', count, 20)
  .action(
    async ({ sizes, rounds, ...options }: BrowserOptions & { sizes: number[]; rounds: number }) => {
      const report = new Report()
      if (!options.serve) {
        report.note(machine())
        await benchOnnxRuntime({ sizes, rounds }, report)
      }
      await measureInBrowser(`suite=onnxruntime&sizes=${sizes}&rounds=${rounds}`, options, report)
      if (!options.serve) console.log(`${report}`)
    },
  )

program
  .command('cuda')
  .description(
    'fused steps on a GPU against copies of as many bytes and, if python3 has it, PyTorch',
  )
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
